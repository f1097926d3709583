package gitstore

import (
	"iter"
	"strings"
)

// Entry is one file of a commit. Mode is git's: 0100644 or 0100755 for a regular file, 0120000 for a symlink, 0160000
// for a commit of another repository.
type Entry struct {
	Path string
	Blob Hash
	Mode uint32
}

// Lookup gives the file at path in the commit; false where there is none, or a directory.
func (s *Store) Lookup(commit Hash, path string) (Entry, bool, error) {
	e, ok, err := s.lookup(commit, path)
	if err != nil || !ok || e.isTree() {
		return Entry{}, false, err
	}
	return Entry{path, e.id, e.mode}, true, nil
}

// lookup finds a file or directory; the empty path is the root.
func (s *Store) lookup(commit Hash, path string) (treeEntry, bool, error) {
	tree, err := s.rootTree(commit)
	if err != nil {
		return treeEntry{}, false, err
	}
	return s.find(tree, path)
}

// find is lookup in a tree.
func (s *Store) find(tree Hash, path string) (treeEntry, bool, error) {
	e := treeEntry{id: tree, mode: modeDirectory}
	if path == "" {
		return e, true, nil
	}
	for name := range strings.SplitSeq(path, "/") {
		if !e.isTree() {
			return treeEntry{}, false, nil
		}
		d, err := s.directory(e.id)
		if err != nil {
			return treeEntry{}, false, err
		}
		var ok bool
		if e, ok = d.find(name); !ok {
			return treeEntry{}, false, nil
		}
	}
	return e, true, nil
}

// rootTree gives the tree of a commit; a zero commit is the empty tree. The last few are remembered.
func (s *Store) rootTree(commit Hash) (Hash, error) {
	if commit.IsZero() {
		return Hash{}, nil
	}
	if tree, ok := s.roots.get(commit); ok {
		return tree, nil
	}
	c, err := s.Commit(commit)
	if err != nil {
		return Hash{}, err
	}
	s.roots.put(commit, c.Tree)
	return c.Tree, nil
}

// Files gives the files at or below dir, sorted by path; all of them for "". After an error nothing follows.
func (s *Store) Files(commit Hash, dir string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		e, ok, err := s.lookup(commit, dir)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		if ok {
			s.walk(dir, e, yield)
		}
	}
}

// walk tells whether to go on.
func (s *Store) walk(path string, e treeEntry, yield func(Entry, error) bool) bool {
	if !e.isTree() {
		return yield(Entry{path, e.id, e.mode}, nil)
	}
	d, err := s.directory(e.id)
	if err != nil {
		yield(Entry{}, err)
		return false
	}
	for _, child := range d {
		if !s.walk(join(path, child.name), child, yield) {
			return false
		}
	}
	return true
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
