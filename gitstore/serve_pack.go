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
)

// sendPack writes the objects as one pack. What our packs hold goes out as it lies on the disk, checked against the sums
// of the index; a delta does where its base was sent before it, and else the object goes whole. ofsDelta says that the
// other side takes a base by its distance and not only by its id.
func (s *Store) sendPack(ctx context.Context, ids []Hash, ofsDelta bool, to io.Writer) error {
	sum := sha1.New()
	w := &sender{store: s, ofsDelta: ofsDelta, out: bufio.NewWriterSize(io.MultiWriter(to, sum), 64<<10)}
	head := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(len(ids)))
	if _, err := w.Write(head); err != nil {
		return err
	}
	cargo, rest := s.stow(ids)
	for _, c := range cargo {
		if err := w.cargo(ctx, c); err != nil {
			return err
		}
	}
	for _, id := range rest {
		if err := errors.Join(cancelled(ctx), w.anew(id)); err != nil {
			return err
		}
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	_, err := to.Write(sum.Sum(nil))
	return err
}

// sender is one pack on its way out.
type sender struct {
	store    *Store
	ofsDelta bool
	out      *bufio.Writer
	sent     int64
	head     bytes.Buffer
}

func (w *sender) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	w.sent += int64(n)
	return n, err
}

// cargo opens the pack anew: a roll-up may close and remove it while a slow client takes its time.
func (w *sender) cargo(ctx context.Context, c cargo) error {
	own, err := openPackFile(c.pack.base, c.pack.base+".pack", c.pack.index)
	if err != nil {
		own = c.pack // gone already: what can not be read is looked for elsewhere
	} else {
		defer own.file.Close()
	}
	window := own.window()
	for i := range c.pieces {
		if err := cancelled(ctx); err != nil {
			return err
		}
		c.pieces[i].sent = w.sent
		if err := w.piece(c, i, window); err != nil {
			return err
		}
	}
	return nil
}

// piece sends an entry as it lies in its pack. Where that can not be, the object is read from wherever it is sound: the
// entry may be damaged, its base may stay here, the pack may be gone.
func (w *sender) piece(c cargo, i int, window *packWindow) error {
	p := c.pieces[i]
	from, err := w.header(c, i, window)
	if err != nil {
		return w.anew(c.pack.index.id(p.number))
	}
	if _, err := w.Write(w.head.Bytes()); err != nil {
		return err
	}
	if !window.holds(p.at, p.end) {
		_, err := io.Copy(w, io.NewSectionReader(window.pack.file, from, p.end-from))
		return err
	}
	raw, err := window.at(p.at, int(p.end-p.at))
	if err == nil {
		_, err = w.Write(raw[from-p.at : p.end-p.at])
	}
	return err
}

// header checks an entry and makes its header for the pack that is sent; from is where the deflated content begins.
func (w *sender) header(c cargo, i int, window *packWindow) (from int64, err error) {
	p := c.pieces[i]
	if p.at < packHead || p.end <= p.at {
		return 0, errDamagedEntry
	}
	if crc, err := window.crc(p.at, p.end); err != nil || crc != c.pack.index.crc(p.number) {
		return 0, errors.Join(err, errDamagedEntry)
	}
	raw, err := window.at(p.at, maxHeader)
	if err != nil {
		return 0, err
	}
	h, err := readHeader(bytes.NewReader(raw), p.at)
	if err != nil {
		return 0, err
	}
	w.head.Reset()
	if h.kind < kindOfsDelta {
		appendSize(&w.head, h.kind, h.size)
		return h.dataFrom, nil
	}
	return h.dataFrom, w.deltaHeader(c, i, h)
}

const maxHeader = 32 // a size and the id of a base

var (
	errDamagedEntry = errors.New("the entry does not match the index")
	errBaseNotSent  = errors.New("the base of the delta was not sent before it")
)

func (w *sender) deltaHeader(c cargo, i int, h entryHeader) error {
	at, err := c.pack.deltaBase(h, c.pack.find)
	if err != nil {
		return err
	}
	base, found := c.before(i, at)
	switch {
	case !found:
		return errBaseNotSent
	case w.ofsDelta:
		appendSize(&w.head, kindOfsDelta, h.size)
		appendBack(&w.head, w.sent-base.sent)
	default:
		appendSize(&w.head, kindRefDelta, h.size)
		id := c.pack.index.id(base.number)
		w.head.Write(id[:])
	}
	return nil
}

// anew sends an object whole.
func (w *sender) anew(id Hash) error {
	kind, content, err := w.store.object(id)
	if err != nil {
		return fmt.Errorf("read %s for a pack: %w", id, err)
	}
	e := w.store.borrowEncoder()
	defer w.store.returnEncoder(e)
	raw, err := e.encode(kind, content)
	if err == nil {
		_, err = w.Write(raw)
	}
	return err
}
