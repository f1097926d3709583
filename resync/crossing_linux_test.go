package resync_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/gsgit/gsgit/resync"
)

// point is one file operation of an apply, known by what it does: a bare number would be
// another one where operations run beside each other.
type point struct {
	operation, place string
	nth              int // of those that look alike
}

func (p point) String() string { return fmt.Sprintf("%s %s (%d)", p.operation, p.place, p.nth) }

// reached returns a test for the moment at which the point comes.
func (p point) reached(r *replica) func(string, ...string) bool {
	left := p.nth
	return func(operation string, paths ...string) bool {
		path := paths[len(paths)-1]
		if operation != p.operation || !strings.HasSuffix(path, p.place) || r.place(operation, path) != p.place {
			return false
		}
		left--
		return left == 0
	}
}

// place names a path as it is in every try: without the root, and without the number of
// the attempt.
func (r *replica) place(operation, path string) string {
	if operation == "syncfs" {
		return "" // any directory of a file system stands for it
	}
	for _, mark := range []string{"/stage/", "/.gsgit-"} {
		if _, rest, found := strings.Cut(path, mark); found && len(rest) >= attemptDigits {
			return rest[attemptDigits:]
		}
	}
	for _, root := range []string{r.options.State, r.options.Root} {
		if rest, below := strings.CutPrefix(path, root); below {
			return rest
		}
	}
	return path
}

const attemptDigits = 16

// points lists the operations of one whole apply.
func (r *replica) points(from, to tree) []point {
	r.t.Helper()
	var all []point
	alike := make(map[point]int)
	r.options.Gate = func(operation string, paths ...string) error {
		p := point{operation: operation, place: r.place(operation, paths[len(paths)-1])}
		alike[p]++
		p.nth = alike[p]
		all = append(all, p)
		return nil
	}
	if err := r.apply(from.plan(r.t, to), to.source()); err != nil {
		r.t.Fatal(err)
	}
	r.options.Gate = nil
	r.holds(to.with(untracked))
	return all
}

// crossing goes from one tree to its mirror image and back, on and on, and each time
// something happens at one operation on the way.
type crossing struct {
	*replica
	shores [2]shore
	stands int    // at which of them
	aside  string // for what a disk may have to bring back
}

// shore is one of the trees, with the way from it to the other.
type shore struct {
	plan resync.Plan
	read resync.Source // of the other's bytes
	ways []point
	all  tree // what the directory holds here, untracked files included
}

func newCrossing(r *replica) *crossing {
	r.t.Helper()
	c := &crossing{replica: r, aside: fastDir(r.t)}
	a, b := mirrored()
	for path, content := range a.with(untracked) {
		r.write(path, content)
	}
	if err := os.MkdirAll(filepath.Join(r.options.State, "stage"), 0o700); err != nil { // as after any apply
		r.t.Fatal(err)
	}
	for i, way := range []struct{ from, to tree }{{a, b}, {b, a}} {
		c.shores[i] = shore{
			plan: way.from.plan(r.t, way.to), read: way.to.source(), all: way.from.with(untracked),
			ways: r.points(way.from, way.to),
		}
	}
	return c
}

// operations counts those of one way, which is as long as the other: the n-th of one is
// the image of the n-th of the other.
func (c *crossing) operations() int {
	there, back := len(c.shores[0].ways), len(c.shores[1].ways)
	if there != back {
		c.t.Fatalf("%d operations there and %d back", there, back)
	}
	return there
}

// stopAt lets the n-th operation fail, and then, where that is not the same, be the last.
//
// Where nothing more was asked of the disk after the failure, the disk is that of a death
// there, and the next life knows nothing but the disk. And one that only looks leaves the
// disk as it was: to die there is to die at the next one that does not.
func (c *crossing) stopAt(n int) {
	if c.options.Hands != 1 {
		c.options.Hands = n % 2 * 4
	}
	operation := c.shores[0].ways[n].operation
	out := c.cross(n, []error{syscall.EIO, syscall.ENOSPC}[n/2%2])
	if out.later > 0 && changes(operation) || slices.Contains(torn, operation) {
		c.cross(n, errDied)
	}
}

// cross is one apply with an outage, and the next start.
func (c *crossing) cross(n int, cause error) *outage {
	from := c.shores[c.stands]
	p := from.ways[n]
	out := &outage{at: p.reached(c.replica), cause: cause}
	c.options.Gate, c.marked = out.gate, false
	err := c.apply(from.plan, from.read)
	c.options.Gate = nil
	if !out.reached {
		c.t.Fatalf("it never came to operation %d: %s", n, p)
	}
	if err != nil && !strings.Contains(err.Error(), cause.Error()) {
		c.t.Errorf("operation %d (%s): %v does not say why", n, p, err)
	}
	if out.changed || err == nil {
		c.starts(from, err == nil)
	}
	if c.t.Failed() {
		c.t.Fatalf("%v at operation %d: %s", cause, n, p)
	}
	return out
}

// starts is the next life: it must stand on one shore, and know by itself on which.
func (c *crossing) starts(from shore, done bool) {
	c.t.Helper()
	_, err := os.Stat(filepath.Join(c.options.State, "journal.json"))
	pending := err == nil
	if err := c.restart(from.read); err != nil {
		c.t.Fatal(err)
	}
	if done || pending || c.marked {
		c.stands = 1 - c.stands
	}
	c.holds(c.shores[c.stands].all)
	if len(c.displaced) > 0 {
		c.t.Errorf("nobody wrote, and yet displaced: %v", c.displaced)
	}
}
