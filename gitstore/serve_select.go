package gitstore

import (
	"container/heap"
	"context"
	"slices"
)

// newObjects lists what the wants reach and the haves do not: commits, newest
// first, then their trees and files, each once. Haves that are not commits of
// this repository do not count. A file that came back from an older commit, or
// by a merge, may be listed although the other side has it; none is left out.
func (s *Store) newObjects(ctx context.Context, wants, haves []Hash) ([]Hash, error) {
	w := &commitWalk{store: s, all: map[Hash]*walked{}}
	fresh, err := w.between(ctx, wants, haves)
	if err != nil {
		return nil, err
	}
	ids := make([]Hash, 0, 8*len(fresh))
	commits := make(map[Hash]links, len(fresh))
	for _, c := range fresh {
		ids = append(ids, c.id)
		commits[c.id] = c.links
	}
	steps := make([]step, 0, len(fresh))
	for _, id := range firstParentsFirst(ids, commits) {
		before, err := w.firstParentTree(commits[id])
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{id, before, commits[id].tree})
	}
	return s.appendTrees(ctx, ids, steps)
}

// appendTrees adds the trees and files that the steps brought, each once.
func (s *Store) appendTrees(ctx context.Context, ids []Hash, steps []step) ([]Hash, error) {
	var found [2][]Hash
	walks, err := walkSteps(ctx, steps, s.rawTree, func(half int, _ objectKind, id Hash) (bool, error) {
		if id == emptyTree && !s.Has(id) {
			return false, nil // known to every git, stored by few
		}
		found[half] = append(found[half], id)
		return true, cancelled(ctx)
	})
	ids = append(ids, found[0]...)
	for _, id := range found[1] {
		if _, again := walks[0].seen[id]; !again {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// walked is one commit of a walk; old means that a have reaches it.
type walked struct {
	id           Hash
	links        links
	old          bool
	queued, done bool
}

// commitWalk goes back in time from both sides at once and stops where nothing
// new is left to go through. With clocks that went wrong it may list a commit
// too many, never one too few.
type commitWalk struct {
	store *Store
	all   map[Hash]*walked
	queue walkQueue
	fresh int // commits in the queue that are not old
}

func (w *commitWalk) between(ctx context.Context, wants, haves []Hash) ([]*walked, error) {
	for _, id := range w.store.commitsAmong(haves) {
		if err := w.push(id, true); err != nil {
			return nil, err
		}
	}
	for _, id := range wants {
		if err := w.push(id, false); err != nil {
			return nil, err
		}
	}
	var fresh []*walked
	for w.fresh > 0 {
		c := w.pop()
		if !c.old {
			fresh = append(fresh, c)
		}
		for _, parent := range c.links.parents {
			if err := w.push(parent, c.old); err != nil {
				return nil, err
			}
		}
		if err := cancelled(ctx); err != nil {
			return nil, err
		}
	}
	return notOld(fresh), nil
}

// push queues a commit, again if it was met as new and now turns out to be old.
func (w *commitWalk) push(id Hash, old bool) error {
	c, err := w.get(id)
	if err != nil {
		return err
	}
	if c.queued {
		if old && !c.old {
			c.old = true
			w.fresh--
		}
		return nil
	}
	if c.done && (c.old || !old) {
		return nil
	}
	c.old, c.queued = old, true
	if !old {
		w.fresh++
	}
	heap.Push(&w.queue, c)
	return nil
}

func (w *commitWalk) pop() *walked {
	c := heap.Pop(&w.queue).(*walked)
	c.queued, c.done = false, true
	if !c.old {
		w.fresh--
	}
	return c
}

func (w *commitWalk) get(id Hash) (*walked, error) {
	if c, met := w.all[id]; met {
		return c, nil
	}
	l, err := w.store.links(id)
	if err != nil {
		return nil, err
	}
	c := &walked{id: id, links: l}
	w.all[id] = c
	return c, nil
}

// firstParentTree is the tree that a commit changed; the other side has it, or gets it.
func (w *commitWalk) firstParentTree(l links) (Hash, error) {
	if len(l.parents) == 0 {
		return Hash{}, nil
	}
	parent, err := w.get(l.parents[0])
	if err != nil {
		return Hash{}, err
	}
	return parent.links.tree, nil
}

// notOld drops the commits that turned out to be old after they were listed.
func notOld(list []*walked) []*walked {
	return slices.DeleteFunc(list, func(c *walked) bool { return c.old })
}

// walkQueue gives the newest commit first.
type walkQueue []*walked

func (q walkQueue) Len() int           { return len(q) }
func (q walkQueue) Less(i, j int) bool { return q[i].links.when > q[j].links.when }
func (q walkQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *walkQueue) Push(c any)        { *q = append(*q, c.(*walked)) }
func (q *walkQueue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}
