package gitstore

import (
	"context"
)

// Difference is one path whose file differs between two commits. A zero Hash and Mode mean that the path is absent
// there. Modes that are not regular files (Entry) are for the reader to refuse.
type Difference struct {
	Path             string
	Old, New         Hash
	OldMode, NewMode uint32
}

// Diff gives the files that differ between commits a and b, sorted by path; a zero commit is the empty tree. Only
// directories that differ are read.
func (s *Store) Diff(ctx context.Context, a, b Hash) ([]Difference, error) {
	treeA, err := s.rootTree(a)
	if err != nil {
		return nil, err
	}
	treeB, err := s.rootTree(b)
	if err != nil {
		return nil, err
	}
	d := differ{ctx: ctx, store: s}
	err = d.trees("", treeA, treeB)
	return d.out, err
}

type differ struct {
	ctx   context.Context
	store *Store
	out   []Difference
}

func (d *differ) trees(path string, a, b Hash) error {
	if a == b {
		return nil
	}
	if err := cancelled(d.ctx); err != nil {
		return err
	}
	left, err := d.store.peekDirectory(a)
	if err != nil {
		return err
	}
	right, err := d.store.peekDirectory(b)
	if err != nil {
		return err
	}
	for len(left) > 0 || len(right) > 0 {
		l, r := pair(&left, &right)
		if err := d.entries(path, l, r); err != nil {
			return err
		}
	}
	return nil
}

// pair takes the next entry of one or both sides; the empty entry stands for none. A file and a directory of one name
// are two entries.
func pair(left, right *directory) (l, r treeEntry) {
	order := 0
	switch {
	case len(*left) == 0:
		order = 1
	case len(*right) == 0:
		order = -1
	default:
		order = compareEntries((*left)[0], (*right)[0])
	}
	if order <= 0 {
		l, *left = (*left)[0], (*left)[1:]
	}
	if order >= 0 {
		r, *right = (*right)[0], (*right)[1:]
	}
	return l, r
}

func (d *differ) entries(path string, l, r treeEntry) error {
	if l.id == r.id && l.mode == r.mode {
		return nil
	}
	name := l.name
	if name == "" {
		name = r.name
	}
	path = join(path, name)
	if l.isTree() || r.isTree() {
		return d.trees(path, l.id, r.id)
	}
	d.out = append(d.out, Difference{path, l.id, r.id, l.mode, r.mode})
	return nil
}
