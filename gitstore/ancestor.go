package gitstore

import (
	"container/heap"
	"context"
	"fmt"
)

// IsAncestor tells whether a is b or one of its ancestors. A zero a is an ancestor of everything; an a that is not here
// is one of nothing. It costs what lies between the two, not the history, and holds whatever the clocks said.
func (s *Store) IsAncestor(ctx context.Context, a, b Hash) (bool, error) {
	if a == b || a.IsZero() {
		return true, nil
	}
	if b.IsZero() || !s.Has(a) {
		return false, nil
	}
	w := ancestry{store: s, all: map[Hash]*reached{}}
	found, err := w.leads(ctx, a, b)
	if err != nil {
		return false, fmt.Errorf("ancestors of %s: %w", b, err)
	}
	return found, nil
}

// ancestry walks back from two commits at once, newest first, and marks what is reached from which. Below what both reach
// nothing can be learned, so the walk ends when nothing else is queued: a path from one to the other holds only commits
// that the other does not reach, and none of those is left out.
type ancestry struct {
	store *Store
	all   map[Hash]*reached
	queue reachedQueue
	open  int // queued commits that not both reach
}

// sides are the ends that reach a commit.
type sides byte

const (
	fromOlder sides = 1 << iota // the one that is to be the ancestor
	fromNewer
	fromBoth = fromOlder | fromNewer
)

type reached struct {
	links  links
	from   sides
	queued bool
}

func (w *ancestry) leads(ctx context.Context, older, newer Hash) (bool, error) {
	if err := w.push(older, fromOlder); err != nil {
		return false, err
	}
	if err := w.push(newer, fromNewer); err != nil {
		return false, err
	}
	for end := w.all[older]; w.open > 0 && end.from != fromBoth; {
		if err := cancelled(ctx); err != nil {
			return false, err
		}
		c := w.pop()
		for _, parent := range c.links.parents {
			if err := w.push(parent, c.from); err != nil {
				return false, err
			}
		}
	}
	return w.all[older].from == fromBoth, nil
}

// push queues a commit that is reached from where it was not yet; again, where a clock that went back let it pass before.
func (w *ancestry) push(id Hash, from sides) error {
	c, err := w.get(id)
	if err != nil || c.from|from == c.from {
		return err
	}
	if c.queued && c.from != fromBoth {
		w.open--
	}
	c.from |= from
	if !c.queued {
		c.queued = true
		heap.Push(&w.queue, c)
	}
	if c.from != fromBoth {
		w.open++
	}
	return nil
}

func (w *ancestry) pop() *reached {
	c := heap.Pop(&w.queue).(*reached)
	c.queued = false
	if c.from != fromBoth {
		w.open--
	}
	return c
}

func (w *ancestry) get(id Hash) (*reached, error) {
	if c, met := w.all[id]; met {
		return c, nil
	}
	l, err := w.store.links(id)
	if err != nil {
		return nil, err
	}
	c := &reached{links: l}
	w.all[id] = c
	return c, nil
}

// reachedQueue gives the newest commit first.
type reachedQueue []*reached

func (q reachedQueue) Len() int           { return len(q) }
func (q reachedQueue) Less(i, j int) bool { return q[i].links.when > q[j].links.when }
func (q reachedQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *reachedQueue) Push(c any)        { *q = append(*q, c.(*reached)) }
func (q *reachedQueue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}
