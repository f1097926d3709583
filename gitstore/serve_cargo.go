package gitstore

import (
	"cmp"
	"slices"
)

// cargo is what one pack gives to a pack that is sent, in the order of the pack: a base stands before its deltas.
type cargo struct {
	pack   *pack
	pieces []piece
}

// piece is an entry of a pack.
type piece struct {
	number  int   // in the index
	at, end int64 // in the pack
	sent    int64 // in the pack that is sent
}

// before finds the entry at an offset among those before the ith.
func (c cargo) before(i int, at int64) (piece, bool) {
	j, found := slices.BinarySearchFunc(c.pieces[:i], at, func(p piece, at int64) int { return cmp.Compare(p.at, at) })
	if !found {
		return piece{}, false
	}
	return c.pieces[j], true
}

// stow finds each object in one of the packs; rest are those that none holds.
func (s *Store) stow(ids []Hash) (all []cargo, rest []Hash) {
	left := make(map[Hash]struct{}, len(ids))
	for _, id := range ids {
		left[id] = struct{}{}
	}
	for _, p := range s.packs.list() {
		if c := p.take(left); len(c.pieces) > 0 {
			all = append(all, c)
		}
	}
	for _, id := range ids {
		if _, ok := left[id]; ok {
			rest = append(rest, id)
		}
	}
	return all, rest
}

// take moves what the pack has from left into a cargo, by going through the shorter of the two.
func (p *pack) take(left map[Hash]struct{}) cargo {
	c := cargo{pack: p}
	take := func(i int, id Hash) {
		delete(left, id)
		c.pieces = append(c.pieces, piece{number: i, at: p.index.offset(i), end: p.size})
	}
	if p.index.count <= len(left) {
		for i := range p.index.count {
			id := p.index.id(i)
			if _, wanted := left[id]; wanted {
				take(i, id)
			}
		}
	} else {
		for id := range left {
			if i, found := p.index.search(id[:]); found {
				take(i, id)
			}
		}
	}
	slices.SortFunc(c.pieces, func(a, b piece) int { return cmp.Compare(a.at, b.at) })
	c.findEnds()
	return c
}

// findEnds ends each piece where the next entry of the pack begins, be it wanted or not. An index tells beginnings alone.
func (c *cargo) findEnds() {
	for i := range c.pack.index.count {
		at := c.pack.index.offset(i)
		next, _ := slices.BinarySearchFunc(c.pieces, at, func(p piece, at int64) int { return cmp.Compare(p.at, at) })
		if next > 0 && at < c.pieces[next-1].end {
			c.pieces[next-1].end = at
		}
	}
}
