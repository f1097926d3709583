package gsgit

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// The ways on where the guard kept files out.
const guardHint = "leave them out with --local PATTERN, or start once with --force to take them in"

// guard takes out of the candidates what is data rather than configuration: a heap of new files that
// GeoServer does not write as configuration, such as a tile cache that was renamed into view, and large
// binary files. They are held, the rest goes on. What the head has already was let in and stays in, but for
// a file that grew into data.
func (p *Publisher) guard(c comparison, batch pending, candidates map[string]bool) error {
	if p.Force {
		return nil
	}
	p.recount(batch)
	var fresh []string
	for _, path := range slices.Sorted(maps.Keys(candidates)) {
		if !candidates[path] || !xmlcatalog.Opaque(path) {
			continue
		}
		entry, had, err := c.lookup(path)
		if err != nil {
			return err
		}
		if p.Dir.heavy(path) && (!had || !p.letIn(entry.Blob)) {
			delete(candidates, path)
			p.hold(HeldFile{Path: path, What: "it is data: binary and over 1 MiB, or over 64 MiB", Hint: guardHint, guard: true})
			continue
		}
		if !had {
			fresh = append(fresh, path)
		}
	}
	p.keepOut(fresh, candidates)
	return nil
}

// keepOut holds new files by the directory where there are too many of them, and whatever is new where
// that happened before.
func (p *Publisher) keepOut(fresh []string, candidates map[string]bool) {
	fresh = slices.DeleteFunc(fresh, func(path string) bool {
		out := slices.ContainsFunc(p.crowded(), func(dir string) bool { return within(path, dir) })
		if out {
			delete(candidates, path)
		}
		return out
	})
	if p.MaxNew <= 0 || len(fresh) <= p.MaxNew {
		return
	}
	for dir, files := range crowds(fresh, p.MaxNew) {
		what := fmt.Sprintf("%d new files that are no configuration, more than --max-new-files %d", len(files), p.MaxNew)
		p.hold(HeldFile{Path: dir, What: what, Hint: guardHint, guard: true, crowd: true})
		for _, path := range files {
			delete(candidates, path)
		}
	}
}

// crowded lists the directories that are kept out.
func (p *Publisher) crowded() []string {
	var dirs []string
	for _, h := range p.Held() {
		if h.crowd {
			dirs = append(dirs, h.Path)
		}
	}
	return dirs
}

// recount lets the guard judge anew where a whole directory is looked at: it may have gone.
func (p *Publisher) recount(batch pending) {
	for _, dir := range p.crowded() {
		if slices.ContainsFunc(batch.list(), func(at string) bool { return within(dir, at) }) {
			p.release(dir)
		}
	}
}

// crowds picks the directories to keep out, the fullest first, until no more than most files are left. Each
// is named as deep as all of its files lie.
func crowds(files []string, most int) map[string][]string {
	byTop := map[string][]string{}
	for _, file := range files {
		top, _, _ := strings.Cut(file, "/")
		byTop[top] = append(byTop[top], file)
	}
	tops := slices.SortedFunc(maps.Keys(byTop), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(byTop[b]), len(byTop[a])), strings.Compare(a, b))
	})
	out := map[string][]string{}
	for left := len(files); left > most; tops = tops[1:] {
		crowd := byTop[tops[0]]
		out[cmp.Or(shared(crowd), tops[0])] = crowd
		left -= len(crowd)
	}
	return out
}

// shared is the deepest directory above all of some sorted paths, "" for the root.
func shared(sorted []string) string {
	first, last := sorted[0], sorted[len(sorted)-1]
	for dir := path.Dir(first); dir != "."; dir = path.Dir(dir) {
		if within(last, dir) {
			return dir
		}
	}
	return ""
}

// letIn tells whether a blob of the head is data itself, which somebody took in on purpose.
func (p *Publisher) letIn(blob gitstore.Hash) bool {
	content, err := p.Store.Blob(blob)
	return err == nil && len(content) > heavyBinary
}

// parts are what a volume of its own may hold inside of a data directory, by the files of which one at least is
// always there.
var parts = []struct{ dir, holds string }{
	{"workspaces", "workspaces/*/workspace.xml"},
	{"styles", "styles/*.xml"},
}

// emptied stops where every workspace or every style is gone at once while the rest is there: that a volume went
// away is far likelier than the wish to delete all of them. The last one, deleted by itself, is a wish.
func (p *Publisher) emptied(edits []xmlcatalog.Edit) error {
	if p.Force || p.meant {
		return nil
	}
	for _, part := range parts {
		if removed(edits, part.holds) < 2 {
			continue
		}
		left, err := fs.Glob(os.DirFS(p.Dir.Root), part.holds)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			return &Problem{State: Held, Why: fmt.Sprintf("everything is gone from %s/: is its volume mounted?", part.dir),
				Help: "nothing is recorded until it is back; if it was deleted, `gsgit resync --keep-disk` or one start with --force records that"}
		}
	}
	return nil
}

// removed counts the edits that take a file of a pattern away.
func removed(edits []xmlcatalog.Edit, pattern string) (n int) {
	for _, e := range edits {
		if is, _ := path.Match(pattern, e.Path); is && e.New == nil { // the pattern is a good one
			n++
		}
	}
	return n
}
