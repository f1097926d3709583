package gitstore

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// receivedPack is a whole pack from elsewhere that is not yet part of the store.
type receivedPack struct {
	store *Store
	path  string
	pack  *pack
	bases baseCache
}

// receivePack reads the pack file at tmpPack whole: trailer, every entry, every delta (its base must be in the pack: thin
// packs are refused), and names its objects. Nothing of it is visible in the store until adoptPack.
func (s *Store) receivePack(ctx context.Context, tmpPack string) (*receivedPack, error) {
	r, err := readReceived(ctx, tmpPack)
	if err != nil {
		return nil, &storeError{text: "a received pack is not sound", cause: err}
	}
	r.store = s
	return r, nil
}

func readReceived(ctx context.Context, path string) (*receivedPack, error) {
	sum, count, err := checkTrailer(path)
	if err != nil {
		return nil, err
	}
	p, err := openPackFile(path, path, nil)
	if err != nil {
		return nil, err
	}
	r := &receivedPack{path: path, pack: p}
	n := &naming{ctx: ctx, pack: p, bases: &r.bases, places: map[Hash]int64{}, onPlace: map[int64][]int{}, onID: map[Hash][]int{}}
	index, err := n.index(count, sum)
	if err == nil {
		p.index, err = parseIndex(index)
	}
	if err != nil {
		p.file.Close()
		return nil, err
	}
	return r, nil
}

// checkTrailer compares the file with the SHA-1 at its end and gives the number of objects it claims.
func checkTrailer(path string) (sum []byte, count uint32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.Size() < packHead+packTail {
		return nil, 0, fmt.Errorf("%d bytes are no pack", info.Size())
	}
	var head [packHead]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return nil, 0, err
	}
	if !bytes.Equal(head[:8], []byte("PACK\x00\x00\x00\x02")) {
		return nil, 0, fmt.Errorf("%q does not begin a version 2 pack", head[:8])
	}
	d := sha1.New()
	if _, err := io.Copy(d, io.NewSectionReader(f, 0, info.Size()-packTail)); err != nil {
		return nil, 0, err
	}
	trailer := make([]byte, packTail)
	if _, err := f.ReadAt(trailer, info.Size()-packTail); err != nil {
		return nil, 0, err
	}
	if !bytes.Equal(d.Sum(nil), trailer) {
		return nil, 0, errors.New("the pack does not match its checksum")
	}
	return trailer, binary.BigEndian.Uint32(head[8:]), nil
}

// maxPackObjects is more than any history has, and bounds the memory that naming them takes.
const maxPackObjects = 1 << 22

// naming finds out the ids of a pack's objects.
type naming struct {
	ctx     context.Context
	pack    *pack
	bases   *baseCache
	entries []packEntry     // the id is zero until it is known
	places  map[Hash]int64  // of the objects named so far
	onPlace map[int64][]int // the deltas that wait for the base at a place
	onID    map[Hash][]int  // and those that wait for one of a name
}

func (n *naming) index(count uint32, sum []byte) ([]byte, error) {
	if count > maxPackObjects {
		return nil, fmt.Errorf("%d objects are more than the %d that are taken at once", count, maxPackObjects)
	}
	if err := n.scan(count); err != nil {
		return nil, err
	}
	for i := range n.entries {
		if err := n.resolveFrom(i); err != nil {
			return nil, err
		}
	}
	if left := len(n.onPlace) + len(n.onID); left > 0 {
		return nil, fmt.Errorf("the pack lacks %d bases of its deltas", left)
	}
	return encodeIndex(n.entries, sum)
}

// scan reads the entries in order and names those that are whole.
func (n *naming) scan(count uint32) error {
	at, w := int64(packHead), n.pack.window()
	for range count {
		if err := cancelled(n.ctx); err != nil {
			return err
		}
		h, content, end, err := n.pack.entry(w, at)
		if err != nil {
			return err
		}
		crc, err := w.crc(at, end)
		if err != nil {
			return err
		}
		n.entries = append(n.entries, packEntry{offset: at, crc: crc})
		n.sort(len(n.entries)-1, h, content)
		at = end
	}
	if at != n.pack.size {
		return fmt.Errorf("%d bytes follow the last object", n.pack.size-at)
	}
	return nil
}

// sort names a whole object, and lets a delta wait for its base.
func (n *naming) sort(i int, h entryHeader, content []byte) {
	switch h.kind {
	case kindOfsDelta:
		n.onPlace[h.base] = append(n.onPlace[h.base], i)
	case kindRefDelta:
		n.onID[h.baseID] = append(n.onID[h.baseID], i)
	default:
		n.name(i, h.kind, content)
	}
}

func (n *naming) name(i int, kind objectKind, content []byte) {
	e := &n.entries[i]
	e.id = hashObject(kind, content)
	n.places[e.id] = e.offset
}

// resolveFrom names the deltas that an object is the base of, then those that these are the bases of, and so on: each
// delta is looked at once, in whatever order they stand in the pack.
func (n *naming) resolveFrom(base int) error {
	if n.entries[base].id.IsZero() {
		return nil // it waits itself
	}
	for ready := n.take(base); len(ready) > 0; {
		if err := cancelled(n.ctx); err != nil {
			return err
		}
		i := ready[len(ready)-1]
		kind, content, err := n.pack.object(n.entries[i].offset, n.bases, n.find)
		if err != nil {
			return err
		}
		n.name(i, kind, content)
		ready = append(ready[:len(ready)-1], n.take(i)...)
	}
	return nil
}

func (n *naming) find(id Hash) (int64, bool) {
	at, ok := n.places[id]
	return at, ok
}

// take gives the deltas that wait for an object.
func (n *naming) take(i int) []int {
	e := n.entries[i]
	waiting := append(n.onPlace[e.offset], n.onID[e.id]...)
	delete(n.onPlace, e.offset)
	delete(n.onID, e.id)
	return waiting
}

// countingReader counts what an inflater takes; it reads single bytes, so it never takes too many.
type countingReader struct {
	r *bufio.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

func (c *countingReader) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// object reads from the pack alone; found is false where it lacks the object.
func (r *receivedPack) object(id Hash) (kind objectKind, content []byte, found bool, err error) {
	offset, found := r.pack.find(id)
	if !found {
		return 0, nil, false, nil
	}
	kind, content, err = r.pack.object(offset, &r.bases, r.pack.find)
	return kind, content, true, err
}

// has tells whether the pack holds id, without reading it.
func (r *receivedPack) has(id Hash) bool {
	_, found := r.pack.find(id)
	return found
}

// ids lists the pack's objects by id.
func (r *receivedPack) ids() []Hash {
	out := make([]Hash, r.pack.index.count)
	for i := range out {
		out[i] = r.pack.index.id(i)
	}
	return out
}

// discard closes and removes the temporary file; harmless after adoptPack.
func (r *receivedPack) discard() {
	r.pack.file.Close()
	r.store.disk.discard(r.path)
}

// adoptPack makes a received pack that the caller has verified durable (pack, index, directory) and part of the store.
func (s *Store) adoptPack(r *receivedPack) error {
	defer r.discard()
	if err := s.writable("keep a pack"); err != nil {
		return err
	}
	if r.pack.index.count == 0 {
		return nil
	}
	// Opened for writing only to be able to sync it: the content was written through another descriptor.
	f, err := s.disk.reopen(r.path)
	if err != nil {
		return err
	}
	defer f.Close()
	s.write.Lock()
	defer s.write.Unlock()
	return s.installPack(f, r.path, r.pack.index.data)
}
