package gitstore

import (
	"container/heap"
	"context"
	"fmt"
	"iter"
)

// Log gives from and all its ancestors, each once, newest first by the time of commit. A commit comes after the child
// that led to it, whatever the clocks say. After an error nothing follows.
func (s *Store) Log(ctx context.Context, from Hash) iter.Seq2[Commit, error] {
	return s.history(ctx, from, func(c Commit) ([]Hash, bool, error) { return c.Parents, true, nil })
}

// history walks back from a commit; visit names the parents to go on with and whether the commit is to be given out.
func (s *Store) history(ctx context.Context, from Hash, visit func(Commit) (parents []Hash, show bool, err error)) iter.Seq2[Commit, error] {
	return func(yield func(Commit, error) bool) {
		w := walk{store: s, seen: map[Hash]bool{}}
		if err := w.push(from); err != nil {
			yield(Commit{}, err)
			return
		}
		for len(w.queue) > 0 {
			c, show, err := w.next(ctx, visit)
			if err != nil {
				yield(Commit{}, err)
				return
			}
			if show && !yield(c, nil) {
				return
			}
		}
	}
}

// walk is a queue of commits, newest first.
type walk struct {
	store *Store
	queue commitQueue
	seen  map[Hash]bool
}

func (w *walk) push(id Hash) error {
	if id.IsZero() || w.seen[id] {
		return nil
	}
	w.seen[id] = true
	c, err := w.store.Commit(id)
	if err != nil {
		return err
	}
	heap.Push(&w.queue, c)
	return nil
}

func (w *walk) next(ctx context.Context, visit func(Commit) ([]Hash, bool, error)) (Commit, bool, error) {
	if err := cancelled(ctx); err != nil {
		return Commit{}, false, err
	}
	c := heap.Pop(&w.queue).(Commit)
	parents, show, err := visit(c)
	for _, p := range parents {
		if err == nil {
			err = w.push(p)
		}
	}
	return c, show, err
}

type commitQueue []Commit

func (q commitQueue) Len() int           { return len(q) }
func (q commitQueue) Less(i, j int) bool { return q[i].Committer.When.After(q[j].Committer.When) }
func (q commitQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *commitQueue) Push(x any)        { *q = append(*q, x.(Commit)) }
func (q *commitQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// Root is the first commit of a history, by first parents: what names the cluster.
func (s *Store) Root(ctx context.Context, id Hash) (Hash, error) {
	for at := id; ; {
		if err := cancelled(ctx); err != nil {
			return Hash{}, err
		}
		if first, ok := s.first.get(at); ok {
			s.first.put(id, first)
			return first, nil
		}
		c, err := s.Commit(at)
		if err != nil {
			return Hash{}, fmt.Errorf("first commit of %s: %w", id, err)
		}
		if len(c.Parents) == 0 {
			s.first.put(id, at)
			return at, nil
		}
		at = c.Parents[0]
	}
}
