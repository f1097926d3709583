package gitstore

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/klauspost/compress/zlib"
)

// pack is an open pack with its index. Its file is read by offset only, so it serves several goroutines, and stays
// readable after another process has removed it.
type pack struct {
	base  string // path without .pack and .idx
	file  *os.File
	size  int64 // without the trailing checksum
	index *packIndex
}

const (
	packHead  = 12
	packTail  = 20
	maxObject = 1 << 30 // larger objects are refused: they are read whole
	maxChain  = 4096    // git's own limit for a chain of deltas
)

func openPack(base string) (*pack, error) {
	data, err := os.ReadFile(base + ".idx")
	if err != nil {
		return nil, err
	}
	index, err := parseIndex(data)
	if err != nil {
		return nil, fmt.Errorf("%s.idx: %w", base, err)
	}
	return openPackFile(base, base+".pack", index)
}

func openPackFile(base, path string, index *packIndex) (*pack, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() < packHead+packTail {
		err = fmt.Errorf("%s is torn: %d bytes", path, info.Size())
	}
	if err == nil && index != nil {
		err = checkEnd(f, info.Size(), index)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &pack{base: base, file: f, size: info.Size() - packTail, index: index}, nil
}

// checkEnd finds a pack that was cut off: it does not end in the checksum that its index names.
func checkEnd(f *os.File, size int64, index *packIndex) error {
	end := make([]byte, packTail)
	if _, err := f.ReadAt(end, size-packTail); err != nil {
		return err
	}
	if !bytes.Equal(end, index.packChecksum()) {
		return fmt.Errorf("%s is cut off, or is not the pack of its index", f.Name())
	}
	return nil
}

// entryHeader is what stands before the deflated bytes of an entry.
type entryHeader struct {
	kind     objectKind
	size     int64 // inflated
	base     int64 // offset of an ofs-delta's base
	baseID   Hash  // id of a ref-delta's base
	dataFrom int64 // offset of the deflated bytes
}

// byteReader is what both a buffered reader and a counting one offer; inflating through it reads no byte too many.
type byteReader interface {
	io.Reader
	io.ByteReader
}

// readHeader parses the header of the entry at offset.
func readHeader(r byteReader, offset int64) (h entryHeader, err error) {
	c := &headerReader{r: r}
	h.kind, h.size = c.kindAndSize()
	switch h.kind {
	case kindOfsDelta:
		h.base = offset - c.back()
		if c.err == nil && (h.base >= offset || h.base < packHead) {
			c.err = errors.New("a delta's base lies outside the pack")
		}
	case kindRefDelta:
		for i := range h.baseID {
			h.baseID[i] = c.next()
		}
	case kindCommit, kindTree, kindBlob, kindTag:
	default:
		c.err = errors.Join(c.err, fmt.Errorf("an entry of unknown %s", h.kind))
	}
	if c.err == nil && h.size > maxObject {
		c.err = fmt.Errorf("an object of %d bytes is over the limit of %d", h.size, maxObject)
	}
	h.dataFrom = offset + c.n
	return h, c.err
}

// headerReader counts the bytes it takes and remembers the first error, after which it gives zeroes.
type headerReader struct {
	r   byteReader
	n   int64
	err error
}

func (c *headerReader) next() (b byte) {
	if c.err == nil {
		b, c.err = c.r.ReadByte()
		c.n++
	}
	return b
}

// kindAndSize reads three bits of kind and a size of 4 + 7 + 7 … bits, least first.
func (c *headerReader) kindAndSize() (objectKind, int64) {
	b := c.next()
	kind, size := objectKind(b>>4&7), int64(b&15)
	for shift := 4; b&0x80 != 0 && c.err == nil; shift += 7 {
		if shift > 53 {
			c.err = errors.New("an entry's size overflows")
			break
		}
		b = c.next()
		size |= int64(b&0x7f) << shift
	}
	return kind, size
}

// back reads the distance to a base, as appendBack writes it.
func (c *headerReader) back() int64 {
	b := c.next()
	back := int64(b & 0x7f)
	for b&0x80 != 0 && c.err == nil && back < 1<<55 {
		b = c.next()
		back = (back+1)<<7 | int64(b&0x7f)
	}
	return back
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4096) }}
var inflaters sync.Pool

// inflate reads exactly size bytes; memory grows with what really comes, whatever the header claims.
func inflate(r byteReader, size int64) ([]byte, error) {
	z, err := newInflater(r)
	if err != nil {
		return nil, err
	}
	defer inflaters.Put(z)
	var out []byte
	if size <= 1<<20 {
		out = make([]byte, size)
		_, err = io.ReadFull(z, out)
	} else {
		var b bytes.Buffer
		var n int64
		n, err = io.Copy(&b, io.LimitReader(z, size))
		if err == nil && n < size {
			err = io.ErrUnexpectedEOF
		}
		out = b.Bytes()
	}
	if err != nil {
		return nil, err
	}
	// The end must be read, too: it checks the Adler sum and refuses content beyond the size.
	var more [1]byte
	if n, err := z.Read(more[:]); n > 0 || err != io.EOF {
		return nil, errors.Join(errors.New("the deflated content does not end at its size"), err)
	}
	return out, nil
}

func newInflater(r io.Reader) (io.ReadCloser, error) {
	if z, ok := inflaters.Get().(io.ReadCloser); ok {
		return z, z.(zlib.Resetter).Reset(r, nil)
	}
	return zlib.NewReader(r)
}

// entry reads one entry as it stands, a whole object or a delta, and tells where it ends.
func (p *pack) entry(w *packWindow, offset int64) (h entryHeader, content []byte, end int64, err error) {
	if offset < packHead || offset >= p.size {
		return h, nil, 0, fmt.Errorf("%s: offset %d lies outside the pack", p.base, offset)
	}
	h, content, end, err = w.entry(offset)
	if errors.Is(err, errBeyondWindow) {
		h, content, end, err = p.longEntry(offset)
	}
	if err != nil {
		return h, nil, 0, fmt.Errorf("%s at %d: %w", p.base, offset, err)
	}
	return h, content, end, nil
}

// longEntry inflates from the file, so that memory grows with the content alone.
func (p *pack) longEntry(offset int64) (h entryHeader, content []byte, end int64, err error) {
	r := readers.Get().(*bufio.Reader)
	defer readers.Put(r)
	r.Reset(io.NewSectionReader(p.file, offset, p.size-offset))
	c := &countingReader{r: r}
	if h, err = readHeader(c, offset); err == nil {
		content, err = inflate(c, h.size)
	}
	return h, content, offset + c.n, err
}

// single reads an entry whose neighbours are not asked for.
func (p *pack) single(offset int64) (entryHeader, []byte, error) {
	w := singleReads.Get().(*packWindow)
	defer singleReads.Put(w)
	if w.pack != p {
		w.pack, w.piece = p, w.piece[:0]
	}
	h, content, _, err := p.entry(w, offset)
	return h, content, err
}

// object resolves the entry at offset through its chain of deltas. find names the place of a ref-delta's base.
// The content may be shared with the cache: it is only to be read.
func (p *pack) object(offset int64, bases *baseCache, find func(Hash) (int64, bool)) (objectKind, []byte, error) {
	var chain []link
	kind, content, cached := bases.get(p, offset)
	at := offset
	for !cached {
		h, data, err := p.single(at)
		if err != nil {
			return 0, nil, err
		}
		if h.kind < kindOfsDelta {
			kind, content = h.kind, data
			break
		}
		if chain = append(chain, link{at, data}); len(chain) > maxChain {
			return 0, nil, fmt.Errorf("%s at %d: a chain of deltas without end", p.base, offset)
		}
		if at, err = p.deltaBase(h, find); err != nil {
			return 0, nil, err
		}
		kind, content, cached = bases.get(p, at)
	}
	if len(chain) > 0 && !cached {
		bases.put(p, at, kind, content)
	}
	content, err := p.patch(kind, content, chain, bases)
	return kind, content, err
}

// link is a delta on the way to its base.
type link struct {
	offset int64
	delta  []byte
}

func (p *pack) deltaBase(h entryHeader, find func(Hash) (int64, bool)) (int64, error) {
	if h.kind == kindOfsDelta {
		return h.base, nil
	}
	at, found := find(h.baseID)
	if !found {
		return 0, fmt.Errorf("%s: the base %s of a delta: %w", p.base, h.baseID, ErrNotFound)
	}
	return at, nil
}

func (p *pack) patch(kind objectKind, content []byte, chain []link, bases *baseCache) ([]byte, error) {
	for _, l := range slices.Backward(chain) {
		next, err := applyDelta(content, l.delta)
		if err != nil {
			return nil, fmt.Errorf("%s at %d: %w", p.base, l.offset, err)
		}
		content = next
		bases.put(p, l.offset, kind, content) // the neighbour in the history may be told from this one
	}
	return content, nil
}

// applyDelta refuses a result over the limit before it is made: a delta of a few bytes can tell of any size.
func applyDelta(base, delta []byte) ([]byte, error) {
	_, from := binary.Uvarint(delta)
	size, n := binary.Uvarint(delta[max(0, from):])
	if from > 0 && n > 0 && size > maxObject {
		return nil, fmt.Errorf("an object of %d bytes is over the limit of %d", size, maxObject)
	}
	return packfile.PatchDelta(base, delta)
}

// find is the lookup for packs whose index is complete.
func (p *pack) find(id Hash) (int64, bool) { return p.index.find(id) }

func (p *pack) name() string { return p.base[strings.LastIndexByte(p.base, '/')+1:] }
