package gitstore

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"sync"
)

// packWindow is a piece of a pack in memory, moved along as its entries are read: where they are read in the order of the
// pack, one system call does for hundreds of them.
type packWindow struct {
	size  int // of a piece
	pack  *pack
	piece []byte
	from  int64 // where in the pack the piece begins
}

const (
	sequentialPiece = 128 << 10
	randomPiece     = 4 << 10 // most entries are shorter
	backwards       = 4 << 10 // a piece begins at the block: what stands before an entry is asked for as often as what follows
)

// singleReads are windows for who reads one entry and then another one far away.
var singleReads = sync.Pool{New: func() any { return &packWindow{size: randomPiece} }}

func (p *pack) window() *packWindow { return &packWindow{size: sequentialPiece, pack: p} }

// at gives what is in memory from offset on: at least that many bytes, or all up to the end of the pack. They hold until
// the next call.
func (w *packWindow) at(offset int64, least int) ([]byte, error) {
	least = int(min(int64(least), w.pack.size-offset))
	if skip := offset - w.from; skip >= 0 && skip+int64(least) <= int64(len(w.piece)) {
		return w.piece[skip:], nil
	}
	if w.piece == nil {
		w.piece = make([]byte, w.size+backwards)
	}
	w.from = offset - offset%backwards
	w.piece = w.piece[:min(int64(cap(w.piece)), w.pack.size-w.from)]
	if _, err := w.pack.file.ReadAt(w.piece, w.from); err != nil {
		w.piece = w.piece[:0]
		return nil, err
	}
	return w.piece[offset-w.from:], nil
}

// holds tells whether bytes from..to fit into the window.
func (w *packWindow) holds(from, to int64) bool { return to-from <= int64(w.size) }

func (w *packWindow) crc(from, to int64) (uint32, error) {
	if w.holds(from, to) {
		raw, err := w.at(from, int(to-from))
		if err != nil {
			return 0, err
		}
		return crc32.ChecksumIEEE(raw[:to-from]), nil
	}
	d := crc32.NewIEEE()
	_, err := io.Copy(d, io.NewSectionReader(w.pack.file, from, to-from))
	return d.Sum32(), err
}

// errBeyondWindow says that an entry is longer than the window.
var errBeyondWindow = errors.New("the entry goes on behind the window")

// entry is pack.entry for entries that the window holds.
func (w *packWindow) entry(offset int64) (h entryHeader, content []byte, end int64, err error) {
	for _, least := range []int{min(randomPiece, w.size), w.size} {
		raw, err := w.at(offset, least)
		if err != nil {
			return h, nil, 0, err
		}
		r := bytes.NewReader(raw)
		if h, err = readHeader(r, offset); err == nil {
			content, err = inflate(r, h.size)
		}
		if err == nil || r.Len() > 0 || offset+int64(len(raw)) == w.pack.size {
			return h, content, offset + int64(len(raw)-r.Len()), err
		}
	}
	return h, nil, 0, errBeyondWindow
}
