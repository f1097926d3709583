package gitstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
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

// readLinks is parseCommit without names and words.
func readLinks(content []byte) (l links, err error) {
	head, _, _ := bytes.Cut(content, []byte("\n\n"))
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		key, value, _ := bytes.Cut(line, []byte(" "))
		switch string(key) {
		case "tree":
			l.tree, err = ParseHash(string(value))
		case "parent":
			var parent Hash
			parent, err = ParseHash(string(value))
			l.parents = append(l.parents, parent)
		case "committer":
			l.when = parseSignature(string(value)).When.Unix()
		}
		if err != nil {
			return l, err
		}
	}
	if l.tree.IsZero() {
		return l, fmt.Errorf("no tree in %q", cut(string(head), 80))
	}
	return l, nil
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
	read func(tree Hash) (rawTree, error)
	// meet is called once for each object; true means to look inside a tree.
	meet func(kind objectKind, id Hash) (bool, error)
	seen map[Hash]struct{}
	// met are the trees that the next commits are to be compared with.
	met treeCache[rawTree]
}

// walkCacheBytes holds what is current of 30,000 layers; clones run side by side, so it is bounded.
const walkCacheBytes = 4 << 20

// step is what one commit made of the tree of its first parent.
type step struct{ commit, before, after Hash }

// walkSteps goes through commits in the order of firstParentsFirst, one half of them beside the other: each takes what
// comes before it for whole, which it is when both are done. meet is told the half.
func walkSteps(ctx context.Context, all []step, read func(Hash) (rawTree, error), meet func(half int, kind objectKind, id Hash) (bool, error)) ([2]*treeWalk, error) {
	group, ctx := errgroup.WithContext(ctx)
	var walks [2]*treeWalk
	for half, steps := range [2][]step{all[:len(all)/2], all[len(all)/2:]} {
		w := &treeWalk{read: read, seen: map[Hash]struct{}{}, met: treeCache[rawTree]{limit: walkCacheBytes}}
		w.meet = func(kind objectKind, id Hash) (bool, error) { return meet(half, kind, id) }
		walks[half] = w
		group.Go(func() error { return w.steps(ctx, steps) })
	}
	return walks, group.Wait()
}

func (w *treeWalk) steps(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := cancelled(ctx); err != nil {
			return err
		}
		if err := w.tree(s.before, s.after, 0); err != nil {
			return fmt.Errorf("commit %s: %w", s.commit, err)
		}
	}
	return nil
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
	return differing(before, after, func(was, e rawEntry) error { return w.entry(was, e, depth) })
}

func (w *treeWalk) both(old, new Hash) (before, after rawTree, err error) {
	before, met := w.met.get(old)
	if !met && !old.IsZero() && old != emptyTree {
		if before, err = w.read(old); err != nil {
			return nil, nil, err
		}
	}
	if after, err = w.read(new); err == nil {
		w.met.replace(old, new, after)
	}
	return before, after, err
}

func (w *treeWalk) entry(was, e rawEntry, depth int) error {
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
