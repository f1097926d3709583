package gitstore

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxTreeDepth bounds the recursion into trees: a peer can nest them without
// end, a data directory is a dozen levels deep.
const maxTreeDepth = 256

// links is what a walk needs of a commit.
type links struct {
	tree    Hash
	parents []Hash
	when    int64 // of the committer, Unix seconds; only an order to walk in
}

func readLinks(content []byte) (links, error) {
	var l links
	for line := range bytes.Lines(content) {
		key, value, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
		switch key {
		case "tree", "parent":
			id, err := ParseHash(value)
			if err != nil {
				return l, err
			}
			if key == "tree" {
				l.tree = id
				continue
			}
			l.parents = append(l.parents, id)
		case "committer":
			l.when = committed(value)
			return l, l.check()
		case "":
			return l, l.check()
		}
	}
	return l, l.check()
}

func (l links) check() error {
	if l.tree.IsZero() {
		return fmt.Errorf("the commit names no tree")
	}
	return nil
}

// committed reads the seconds of "Name <mail> SECONDS ZONE", zero where there are none.
func committed(signature string) int64 {
	fields := strings.Fields(signature[strings.LastIndexByte(signature, '>')+1:])
	if len(fields) == 0 {
		return 0
	}
	seconds, _ := strconv.ParseInt(fields[0], 10, 64)
	return seconds
}

// firstParentsFirst orders commits so that each comes behind its first parent.
// A treeWalk relies on it: a tree may stand at several commits, the first and
// the last of them a revert apart, and must be met where what it is compared
// with is whole already. Dates would not do, since clocks go wrong.
func firstParentsFirst(ids []Hash, commits map[Hash]links) []Hash {
	ordered := make([]Hash, 0, len(ids))
	done := make(map[Hash]bool, len(ids))
	for _, id := range ids {
		start := len(ordered)
		for l, listed := commits[id]; listed && !done[id]; l, listed = commits[id] {
			done[id] = true
			ordered = append(ordered, id)
			if len(l.parents) > 0 {
				id = l.parents[0]
			}
		}
		slices.Reverse(ordered[start:])
	}
	return ordered
}

// treeWalk goes through trees by what differs from another tree that is known
// to be whole, and so costs what has changed, not what there is. Trees come in
// the order of firstParentsFirst.
type treeWalk struct {
	read func(kind objectKind, id Hash) ([]byte, error)
	// meet is called once for each object; true means to look inside a tree.
	meet func(kind objectKind, id Hash) (bool, error)
	seen map[Hash]struct{}
}

func (w *treeWalk) tree(old, new Hash, depth int) error {
	if old == new || !w.first(new) {
		return nil
	}
	if depth > maxTreeDepth {
		return fmt.Errorf("tree %s lies deeper than %d levels", new, maxTreeDepth)
	}
	inside, err := w.meet(kindTree, new)
	if err != nil || !inside {
		return err
	}
	before, after, err := w.both(old, new)
	if err != nil {
		return err
	}
	for _, e := range after {
		for len(before) > 0 && before[0].compare(e) < 0 {
			before = before[1:]
		}
		var was treeLine
		if len(before) > 0 && before[0].compare(e) == 0 {
			was = before[0]
		}
		if was.id == e.id && was.mode == e.mode {
			continue
		}
		if err := w.entry(was, e, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *treeWalk) both(old, new Hash) (before, after []treeLine, err error) {
	if !old.IsZero() {
		if before, err = w.lines(old); err != nil {
			return nil, nil, err
		}
	}
	after, err = w.lines(new)
	return before, after, err
}

func (w *treeWalk) lines(id Hash) ([]treeLine, error) {
	content, err := w.read(kindTree, id)
	if err != nil {
		return nil, err
	}
	lines, err := readTree(content)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", id, err)
	}
	return lines, nil
}

func (w *treeWalk) entry(was, e treeLine, depth int) error {
	switch e.kind() {
	case kindTree:
		if was.kind() != kindTree {
			was.id = Hash{}
		}
		return w.tree(was.id, e.id, depth+1)
	case kindBlob:
		if !w.first(e.id) {
			return nil
		}
		_, err := w.meet(kindBlob, e.id)
		return err
	}
	return nil // a submodule's commit is another repository's
}

func (w *treeWalk) first(id Hash) bool {
	if _, known := w.seen[id]; known {
		return false
	}
	w.seen[id] = struct{}{}
	return true
}
