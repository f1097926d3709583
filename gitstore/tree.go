package gitstore

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Modes of tree entries, as git writes them.
const (
	modeDirectory = 0o040000
	modeFile      = 0o100644
	modeKind      = 0o170000
	modeRegular   = 0o100000
)

// treeEntry is one name in a directory.
type treeEntry struct {
	name string
	id   Hash
	mode uint32
}

func (e treeEntry) isTree() bool { return e.mode&modeKind == modeDirectory }

func (e treeEntry) isRegular() bool { return e.mode&modeKind == modeRegular }

// compareEntries is git's order: a directory sorts as if its name ended in a slash. Walked in this order, whole paths
// come out sorted by bytes.
func compareEntries(a, b treeEntry) int {
	n := min(len(a.name), len(b.name))
	if c := strings.Compare(a.name[:n], b.name[:n]); c != 0 {
		return c
	}
	return byteAt(n, a.name, a.isTree()) - byteAt(n, b.name, b.isTree())
}

// byteAt is what git's order sees of a name at n, which is within it or at its end.
func byteAt[name string | []byte](n int, of name, isTree bool) int {
	switch {
	case len(of) > n:
		return int(of[n])
	case isTree:
		return '/'
	}
	return 0
}

// directory is a tree object in memory, never changed once made.
type directory []treeEntry

// find gives the entry of a name, be it a file or a directory.
func (d directory) find(name string) (treeEntry, bool) {
	for _, mode := range []uint32{modeFile, modeDirectory} {
		i, ok := slices.BinarySearchFunc(d, treeEntry{name: name, mode: mode}, compareEntries)
		if ok && d[i].name == name {
			return d[i], true
		}
	}
	return treeEntry{}, false
}

// parseTree refuses names that could leave the directory or reach into .git, whoever made them, and an order in which
// lookups would miss.
func parseTree(content []byte) (directory, error) {
	count := bytes.Count(content, []byte{0}) // at most: ids hold zero bytes, too
	d := make(directory, 0, min(count, len(content)/24+1))
	var names strings.Builder
	names.Grow(len(content))
	for rest := content; len(rest) > 0; {
		space := bytes.IndexByte(rest, ' ')
		zero := bytes.IndexByte(rest, 0)
		if space < 0 || zero < space || len(rest) < zero+21 {
			return nil, fmt.Errorf("a torn entry after %d others", len(d))
		}
		mode, err := strconv.ParseUint(string(rest[:space]), 8, 32)
		if err != nil {
			return nil, err
		}
		start := names.Len()
		names.Write(rest[space+1 : zero])
		e := treeEntry{name: names.String()[start:], mode: uint32(mode)}
		copy(e.id[:], rest[zero+1:])
		if err := checkEntryName(e.name); err != nil {
			return nil, err
		}
		if len(d) > 0 && compareEntries(d[len(d)-1], e) >= 0 {
			return nil, fmt.Errorf("the entry %q is out of order", e.name)
		}
		d = append(d, e)
		rest = rest[zero+21:]
	}
	return slices.Clip(d), nil
}

func (d directory) encode() []byte {
	size := 0
	for _, e := range d {
		size += 7 + len(e.name) + 1 + len(e.id)
	}
	out := make([]byte, 0, size)
	for _, e := range d {
		out = strconv.AppendUint(out, uint64(e.mode), 8)
		out = append(out, ' ')
		out = append(out, e.name...)
		out = append(out, 0)
		out = append(out, e.id[:]...)
	}
	return out
}

// CheckPath says why git can not hold a path, such as one with a .git in it; nil where it can.
func CheckPath(path string) error { return checkPath(path) }

// checkPath holds for every path that enters or leaves a tree.
func checkPath(path string) error {
	for name := range strings.SplitSeq(path, "/") {
		if err := checkEntryName(name); err != nil {
			return fmt.Errorf("the path %q: %w", cut(path, 200), err)
		}
	}
	return nil
}

func checkEntryName(name string) error {
	if name == "" || name == "." || name == ".." || strings.IndexByte(name, '/') >= 0 || strings.IndexByte(name, 0) >= 0 || isDotGit(name) {
		return &storeError{text: strconv.Quote(cut(name, 100)) + " is no name for a tracked file", permanent: true,
			hint: "take it out of the history where it was committed: such a tree is never fetched"}
	}
	return nil
}

// isDotGit knows the spellings that some file system takes for .git: any case, trailing dots and spaces, streams,
// its short name, and letters that are ignored.
func isDotGit(name string) bool {
	if len(name) < 4 || name[0] != '.' && name[0]|0x20 != 'g' && name[0] < 0x80 {
		return false // as nearly all are: trees are read by the ten thousand
	}
	folded := strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, name)
	folded, _, _ = strings.Cut(folded, ":")
	folded = strings.TrimRight(folded, ". ")
	return folded == ".git" || folded == "git~1"
}

// directory gives the tree by its id; the zero id is the empty tree.
func (s *Store) directory(id Hash) (directory, error) {
	if id.IsZero() || id == emptyTree {
		return nil, nil
	}
	if d, ok := s.trees.get(id); ok {
		return d, nil
	}
	d, err := s.readDirectory(id)
	if err == nil {
		s.trees.put(id, d)
	}
	return d, err
}

// peekDirectory is directory for what is looked at once: nothing is added to the cache.
func (s *Store) peekDirectory(id Hash) (directory, error) {
	if id.IsZero() || id == emptyTree {
		return nil, nil
	}
	if d, ok := s.trees.get(id); ok {
		return d, nil
	}
	return s.readDirectory(id)
}

// readDirectory is directory without the cache, for walks through history that would fill it with old trees.
func (s *Store) readDirectory(id Hash) (directory, error) {
	content, err := s.objectOf(kindTree, id)
	if err != nil {
		return nil, err
	}
	d, err := parseTree(content)
	if err != nil {
		return nil, &storeError{text: "tree " + id.String(), cause: err, permanent: true}
	}
	return d, nil
}

// emptyTree is the id of a tree without entries; git knows it without its being stored.
var emptyTree = hashObject(kindTree, nil)
