package gitstore

import (
	"fmt"
	"slices"
)

// maxTreeDepth bounds the recursion into trees: a peer can nest them without
// end, a data directory is a dozen levels deep.
const maxTreeDepth = 256

const modeSubmodule = 0o160000

// links is what a walk needs of a commit.
type links struct {
	tree    Hash
	parents []Hash
	when    int64 // of the committer, Unix seconds; only an order to walk in
}

// links reads the tree and the parents of a commit.
func (s *Store) links(id Hash) (links, error) {
	content, err := s.objectOf(kindCommit, id)
	if err != nil {
		return links{}, err
	}
	l, err := readLinks(content)
	if err != nil {
		return links{}, fmt.Errorf("commit %s: %w", id, err)
	}
	return l, nil
}

func readLinks(content []byte) (links, error) {
	c, err := parseCommit(content)
	return links{c.Tree, c.Parents, c.Committer.When.Unix()}, err
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
	read func(tree Hash) (directory, error)
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
		for len(before) > 0 && compareEntries(before[0], e) < 0 {
			before = before[1:]
		}
		var was treeEntry
		if len(before) > 0 && compareEntries(before[0], e) == 0 {
			was = before[0]
		}
		if was == e {
			continue
		}
		if err := w.entry(was, e, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *treeWalk) both(old, new Hash) (before, after directory, err error) {
	if !old.IsZero() && old != emptyTree {
		if before, err = w.read(old); err != nil {
			return nil, nil, err
		}
	}
	after, err = w.read(new)
	return before, after, err
}

func (w *treeWalk) entry(was, e treeEntry, depth int) error {
	switch {
	case e.mode&modeKind == modeSubmodule:
		return nil // its commit is another repository's
	case e.isTree():
		if !was.isTree() {
			was.id = Hash{}
		}
		return w.tree(was.id, e.id, depth+1)
	case !w.first(e.id):
		return nil
	}
	_, err := w.meet(kindBlob, e.id)
	return err
}

func (w *treeWalk) first(id Hash) bool {
	if _, known := w.seen[id]; known {
		return false
	}
	w.seen[id] = struct{}{}
	return true
}
