package resync_test

import (
	"errors"
	"hash/fnv"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPowerCutAtEveryOperationOf300Files is the table of crashes on a disk that forgets
// what was not synced, and keeps of it, by chance, nothing or a part.
func TestPowerCutAtEveryOperationOf300Files(t *testing.T) {
	everywhere(t, []ford{oneFileSystem, busyDisk, stageElsewhere}, func(c *crossing, points iter.Seq[int]) {
		for n := range points {
			// What only looks leaves the disk, and what it would forget, as they were.
			if changes(c.shores[0].ways[n].operation) {
				c.powerFailsAt(n)
			}
		}
	})
}

// powerFailsAt cuts the power at an operation, on each kind of disk in turn. One that
// wrote nothing of its own accord holds another state after a sync only. In a row of syncs
// the others add nothing: what each of them keeps, such a disk may have kept by chance.
func (c *crossing) powerFailsAt(n int) {
	syncs := func(n int) bool { return n >= 0 && strings.HasPrefix(c.shores[0].ways[n].operation, "sync") }
	if syncs(n - 1) {
		c.cut(n, func(string) bool { return false })
		if syncs(n) {
			return
		}
	}
	switch inState := func(path string) bool { return strings.Contains(path, "/.git/") }; n % 4 {
	case 0:
		c.cut(n, inState)
	case 1:
		c.cut(n, func(path string) bool { return !inState(path) })
	case 2:
		c.cut(n, func(path string) bool { return byChance(n, path) })
	case 3:
		c.cutAfterRestart(n)
	}
}

// byChance decides for each name once.
func byChance(n int, path string) bool {
	h := fnv.New32a()
	h.Write([]byte{byte(n), byte(n >> 8)})
	h.Write([]byte(path))
	return h.Sum32()&1 == 0
}

func (c *crossing) cut(n int, kept func(path string) bool) {
	from := c.shores[c.stands]
	disk := c.forgetful()
	c.dies(n, disk)
	disk.cut(c.options.Root, kept)
	c.starts(from, false)
	if c.t.Failed() {
		c.t.Fatalf("power cut at operation %d: %s", n, from.ways[n])
	}
}

// cutAfterRestart lets the power fail when the next life has ended the apply: what the dead
// one renamed and did not sync, it must sync, though it finds it in place.
func (c *crossing) cutAfterRestart(n int) {
	from := c.shores[c.stands]
	disk := c.forgetful()
	c.dies(n, disk)
	c.options.Gate = disk.listen
	if err := c.step(from.plan, from.read); err != nil {
		c.t.Fatal(err)
	}
	c.options.Gate, c.marked = nil, true
	disk.cut(c.options.Root, func(path string) bool { return strings.Contains(path, "/.git/") })
	c.starts(from, false)
	if c.t.Failed() {
		c.t.Fatalf("power cut after the restart from operation %d: %s", n, from.ways[n])
	}
}

// dies is an apply on a disk, up to an operation.
func (c *crossing) dies(n int, disk *forgetful) {
	from := c.shores[c.stands]
	death := &outage{at: from.ways[n].reached(c.replica), cause: errDied, works: disk.listen}
	c.options.Gate, c.marked = death.gate, false
	if _, err := dying(func() error { return c.apply(from.plan, from.read) }); err != nil || !death.reached {
		c.t.Fatalf("it did not die at operation %d (%s): %v", n, from.ways[n], err)
	}
	c.options.Gate = nil
}

// forgetful is the disk of one cut. What it keeps aside is on the file systems of the tree
// and of the state.
func (c *crossing) forgetful() *forgetful {
	c.t.Helper()
	aside := []string{filepath.Join(c.aside, "saved"), filepath.Join(c.options.Root, ".git", "saved")}
	for _, dir := range aside {
		if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
			c.t.Fatal(err)
		}
	}
	return newForgetful(c.t, aside...)
}
