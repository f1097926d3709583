package gsgit

import (
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// comparison holds a directory against a commit. same says which differences count for nothing: noise on a
// primary, and the echo of its own GeoServer on a replica.
type comparison struct {
	dir    *Directory
	store  *gitstore.Store
	commit gitstore.Hash
	same   func(path string, commit, disk []byte) bool
	// holds tells, without a read, that a path has the bytes of a blob; nil: that is never known.
	holds func(path string, blob resync.Blob) bool
	// skip leaves out what can not be looked at: what it holds counts as unchanged. nil: that is an error.
	skip skip
}

// edits gives what differs at the given paths, each a file or a directory ("" is everything), as edits from
// the commit's bytes to those on disk, sorted by path.
func (c comparison) edits(paths []string) ([]xmlcatalog.Edit, error) {
	candidates := map[string]bool{}
	for _, at := range paths {
		if err := c.candidates(at, candidates); err != nil {
			return nil, err
		}
	}
	var edits []xmlcatalog.Edit
	for found := range c.compareAll(slices.Sorted(maps.Keys(candidates))) {
		if found.err != nil && c.skip.over(found.edit.Path, found.err) {
			continue
		}
		if found.err != nil {
			return nil, found.err
		}
		if found.differs {
			edits = append(edits, found.edit)
		}
	}
	return edits, nil
}

// compared is what one file was found to be.
type compared struct {
	edit    xmlcatalog.Edit
	differs bool
	err     error
}

// atOnce is how many files are compared before the first of them is looked at, and fewFiles what is compared by one
// goroutine: more gain nothing.
const (
	atOnce   = 1024
	fewFiles = 64
)

// compareAll compares files in order, many of them side by side: a start reads the whole directory.
func (c comparison) compareAll(paths []string) iter.Seq[compared] {
	return func(yield func(compared) bool) {
		for some := range slices.Chunk(paths, atOnce) {
			for _, found := range c.compareSome(some) {
				if !yield(found) {
					return
				}
			}
		}
	}
}

func (c comparison) compareSome(paths []string) []compared {
	all := make([]compared, len(paths))
	hands := 1
	if len(paths) >= fewFiles {
		hands = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(len(paths)); i = next.Add(1) - 1 {
			found := &all[i]
			found.edit, found.differs, found.err = c.compare(paths[i])
		}
	}
	var others sync.WaitGroup
	for range hands - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return all
}

// candidates adds the tracked files at or below a path that are on disk (true) or in the commit alone.
func (c comparison) candidates(at string, all map[string]bool) error {
	there, err := c.dir.files(at, c.skip)
	if err != nil {
		return err
	}
	for _, path := range there {
		all[path] = true
	}
	if c.commit.IsZero() {
		return nil
	}
	for e, err := range c.store.Files(c.commit, at) {
		if err != nil {
			return fmt.Errorf("list %s of %s: %w", at, c.commit, err)
		}
		if c.dir.Rules.Tracked(e.Path) && !all[e.Path] {
			all[e.Path] = false
		}
	}
	return nil
}

// compare reads one file and tells whether it differs from the commit's.
func (c comparison) compare(path string) (xmlcatalog.Edit, bool, error) {
	edit := xmlcatalog.Edit{Path: path}
	entry, had, err := c.lookup(path)
	if err != nil {
		return edit, false, err
	}
	if had && c.holds != nil && c.holds(path, resync.Blob(entry.Blob)) {
		return edit, false, nil
	}
	content, there, err := c.dir.Read(path)
	if err != nil {
		return edit, false, err
	}
	if !there && !had || there && had && entry.Blob == gitstore.BlobHash(content) {
		return edit, false, nil
	}
	if there {
		edit.New = nonNil(content)
	}
	if !had {
		return edit, true, nil
	}
	old, err := c.store.Blob(entry.Blob)
	if err != nil {
		return edit, false, fmt.Errorf("read %s of %s: %w", path, c.commit, err)
	}
	edit.Old = nonNil(old)
	return edit, !there || !c.same(path, old, content), nil
}

func (c comparison) lookup(path string) (gitstore.Entry, bool, error) {
	if c.commit.IsZero() {
		return gitstore.Entry{}, false, nil
	}
	return c.store.Lookup(c.commit, path)
}

// nonNil keeps an empty file apart from no file.
func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// reversed is the edits that undo edits.
func reversed(edits []xmlcatalog.Edit) []xmlcatalog.Edit {
	all := make([]xmlcatalog.Edit, len(edits))
	for i, e := range edits {
		all[i] = xmlcatalog.Edit{Path: e.Path, Old: e.New, New: e.Old}
	}
	return all
}

// drafted is edits as gitstore takes them.
func drafted(edits []xmlcatalog.Edit) []gitstore.Edit {
	all := make([]gitstore.Edit, len(edits))
	for i, e := range edits {
		all[i] = gitstore.Edit{Path: e.Path, Content: e.New}
	}
	return all
}
