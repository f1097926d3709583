package gitstore

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

// copier brings the objects of several packs into one. Entries are copied as they are deflated; a delta keeps its base,
// which always stands before it. Large trees, of which a flat store makes one with each commit, become deltas.
type copier struct {
	store  *Store
	out    *packWriter
	places map[Hash]int64
	trees  []largeTree // the last few, to make deltas from
	enc    *encoder
}

// largeTree is a tree that later versions of itself may be told from.
type largeTree struct {
	place   int64
	content []byte
	depth   int // of the chain of deltas that it ends
}

const (
	largeTreeBytes = 8 << 10
	largeTreesKept = 4
	maxDeltaDepth  = 16
)

func newCopier(s *Store, w *packWriter) *copier {
	return &copier{store: s, out: w, places: map[Hash]int64{}, enc: newEncoder()}
}

// place is an object's position in both orders of a pack.
type place struct {
	at     int64
	number int // in the index
}

// byOffset gives the objects of a pack in the order in which they stand in it.
func (p *pack) byOffset() []place {
	out := make([]place, p.index.count)
	for i := range out {
		out[i] = place{p.index.offset(i), i}
	}
	slices.SortFunc(out, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	return out
}

func (c *copier) pack(ctx context.Context, p *pack) error {
	places := p.byOffset()
	for i, at := range places {
		if err := cancelled(ctx); err != nil {
			return err
		}
		end := p.size
		if i+1 < len(places) {
			end = places[i+1].at
		}
		id := p.index.id(at.number)
		if _, ok := c.places[id]; ok {
			continue
		}
		err := c.entry(p, id, at, end, places)
		if err != nil && c.fromElsewhere(id, err) != nil {
			return fmt.Errorf("%s: %w", p.name(), err)
		}
	}
	return nil
}

// fromElsewhere takes an object whose entry is damaged from another pack: it may have been brought back.
func (c *copier) fromElsewhere(id Hash, err error) error {
	var d *damagedPack
	if !errors.As(err, &d) {
		return err
	}
	kind, content, err := c.store.object(id)
	if err != nil {
		return err
	}
	return c.object(id, kind, content)
}

// read gives the bytes of an entry, checked against the index.
func (p *pack) read(at place, end int64) ([]byte, error) {
	if at.at < packHead || end > p.size || end <= at.at || end-at.at > maxObject {
		return nil, errors.New("the index does not fit the pack")
	}
	raw := make([]byte, end-at.at)
	if _, err := p.file.ReadAt(raw, at.at); err != nil {
		return nil, err
	}
	if crc := crc32.ChecksumIEEE(raw); crc != p.index.crc(at.number) {
		return nil, fmt.Errorf("the entry of %s is damaged", p.index.id(at.number))
	}
	return raw, nil
}

func (x *packIndex) crc(i int) uint32 {
	return binary.BigEndian.Uint32(x.data[indexHead+x.count*20+4*i:])
}

func (c *copier) entry(p *pack, id Hash, at place, end int64, places []place) error {
	raw, err := p.read(at, end)
	if err != nil {
		return damaged(p, err)
	}
	h, err := readHeader(bufio.NewReader(bytes.NewReader(raw)), at.at)
	if err != nil {
		return damaged(p, err)
	}
	switch {
	case h.kind == kindTree && h.size >= largeTreeBytes:
		return c.whole(p, id, at)
	case h.kind < kindOfsDelta:
		return c.append(id, raw)
	}
	base := h.baseID
	if h.kind == kindOfsDelta {
		i, ok := slices.BinarySearchFunc(places, h.base, func(b place, at int64) int { return cmp.Compare(b.at, at) })
		if !ok {
			return damaged(p, fmt.Errorf("the base of %s is no object", id))
		}
		base = p.index.id(places[i].number)
	}
	to, ok := c.places[base]
	if !ok {
		return c.whole(p, id, at) // a base that stands behind its delta
	}
	return c.delta(id, h.size, c.out.offset-to, raw[h.dataFrom-at.at:])
}

func (c *copier) append(id Hash, raw []byte) error {
	at, err := c.out.append(id, raw)
	c.places[id] = at
	return err
}

// delta writes a header with the new distance before the old deflated bytes.
func (c *copier) delta(id Hash, size, back int64, deflated []byte) error {
	var b bytes.Buffer
	appendSize(&b, kindOfsDelta, size)
	appendBack(&b, back)
	b.Write(deflated)
	return c.append(id, b.Bytes())
}

// whole reads and checks the object, and writes it anew.
func (c *copier) whole(p *pack, id Hash, at place) error {
	kind, content, err := p.object(at.at, &c.store.bases, p.find)
	if err == nil {
		err = checkObject(id, kind, content)
	}
	if err != nil {
		return damaged(p, err)
	}
	return c.object(id, kind, content)
}

func (c *copier) loose(id Hash) error {
	if _, ok := c.places[id]; ok {
		return nil
	}
	kind, content, err := c.store.object(id)
	if err != nil {
		c.store.log.Warn("loose object left as it is", "object", id, "err", err)
		return nil
	}
	return c.object(id, kind, content)
}

func (c *copier) object(id Hash, kind objectKind, content []byte) error {
	if kind == kindTree && len(content) >= largeTreeBytes {
		return c.largeTree(id, content)
	}
	raw, err := c.enc.encode(kind, content)
	if err != nil {
		return err
	}
	return c.append(id, raw)
}

// largeTree writes the tree as what differs from the most like of the last few.
func (c *copier) largeTree(id Hash, content []byte) error {
	var best []byte
	var from largeTree
	for _, t := range c.trees {
		if t.depth >= maxDeltaDepth {
			continue
		}
		if d := middleDelta(t.content, content); d != nil && (best == nil || len(d) < len(best)) {
			best, from = d, t
		}
	}
	raw, err := []byte(nil), error(nil)
	depth := 0
	if best != nil && len(best) < len(content)/4 {
		raw, err = c.enc.encodeDelta(c.out.offset-from.place, best)
		depth = from.depth + 1
	} else {
		raw, err = c.enc.encode(kindTree, content)
	}
	if err == nil {
		err = c.append(id, raw)
	}
	c.trees = append(c.trees, largeTree{c.places[id], content, depth})
	if len(c.trees) > largeTreesKept {
		c.trees = slices.Delete(c.trees, 0, 1)
	}
	return err
}

// middleDelta tells content as the beginning and end of base with something of its own between: that is all a change of
// one entry of a tree is. Nil where they share neither.
func middleDelta(base, content []byte) []byte {
	n := min(len(base), len(content))
	head := 0
	for head < n && base[head] == content[head] {
		head++
	}
	foot := 0
	for foot < n-head && base[len(base)-1-foot] == content[len(content)-1-foot] {
		foot++
	}
	if head+foot == 0 {
		return nil
	}
	out := binary.AppendUvarint(nil, uint64(len(base)))
	out = binary.AppendUvarint(out, uint64(len(content)))
	out = appendCopy(out, 0, head)
	for own := content[head : len(content)-foot]; len(own) > 0; {
		k := min(len(own), 127)
		out = append(append(out, byte(k)), own[:k]...)
		own = own[k:]
	}
	return appendCopy(out, len(base)-foot, foot)
}

// appendCopy writes copy instructions of at most 64 KiB: a bit for each byte of offset and size that is not zero.
func appendCopy(out []byte, from, size int) []byte {
	for size > 0 {
		k := min(size, 0xffff)
		at := len(out)
		out = append(out, 0x80)
		for i := range 4 {
			if b := byte(from >> (8 * i)); b != 0 {
				out = append(out, b)
				out[at] |= 1 << i
			}
		}
		for i := range 2 {
			if b := byte(k >> (8 * i)); b != 0 {
				out = append(out, b)
				out[at] |= 0x10 << i
			}
		}
		from, size = from+k, size-k
	}
	return out
}
