package gitstore

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/klauspost/compress/zlib"
)

// encoder makes pack entries; its deflater is costly to make and is kept.
type encoder struct {
	deflater *zlib.Writer
	out      bytes.Buffer
}

func newEncoder() *encoder {
	e := &encoder{}
	// Level 6 costs the same time as 1 here and gives 6 % less; a fixed level that exists is never refused.
	e.deflater, _ = zlib.NewWriterLevel(&e.out, 6)
	return e
}

// encode gives the bytes of an entry; they hold until the next call.
func (e *encoder) encode(kind objectKind, content []byte) ([]byte, error) {
	e.out.Reset()
	appendSize(&e.out, kind, int64(len(content)))
	return e.deflate(content)
}

// encodeDelta gives the entry of a delta whose base stands back bytes before it in the same pack.
func (e *encoder) encodeDelta(back int64, delta []byte) ([]byte, error) {
	e.out.Reset()
	appendSize(&e.out, kindOfsDelta, int64(len(delta)))
	appendBack(&e.out, back)
	return e.deflate(delta)
}

func (e *encoder) deflate(content []byte) ([]byte, error) {
	e.deflater.Reset(&e.out)
	_, err := e.deflater.Write(content)
	err = errors.Join(err, e.deflater.Close())
	return e.out.Bytes(), err
}

func appendSize(out *bytes.Buffer, kind objectKind, size int64) {
	c := byte(kind)<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		out.WriteByte(c | 0x80)
		c = byte(size & 0x7f)
	}
	out.WriteByte(c)
}

// appendBack writes the distance to a base, most significant byte first, each but the last one less than its value.
func appendBack(out *bytes.Buffer, back int64) {
	var b [10]byte
	i := len(b) - 1
	b[i] = byte(back & 0x7f)
	for back >>= 7; back > 0; back >>= 7 {
		back--
		i--
		b[i] = 0x80 | byte(back&0x7f)
	}
	out.Write(b[i:])
}

func (s *Store) borrowEncoder() *encoder {
	select {
	case e := <-s.encoders:
		return e
	default:
		return newEncoder()
	}
}

func (s *Store) returnEncoder(e *encoder) {
	if e.out.Cap() > 1<<20 {
		e.out = bytes.Buffer{} // one huge object must not be held for ever
	}
	select {
	case s.encoders <- e:
	default:
	}
}

// packWriter streams objects into a pack that nobody sees before finish.
type packWriter struct {
	store   *Store
	path    string
	name    string     // set by finish
	mu      sync.Mutex // put may be called by several workers; hashing and deflating run outside
	file    *os.File   // made with the first object
	buffer  []byte
	offset  int64
	entries []packEntry
	known   map[Hash]bool
}

func (s *Store) newPackWriter() *packWriter {
	return &packWriter{store: s, path: s.tmpPackPath(), known: map[Hash]bool{}, offset: packHead}
}

// put adds an object unless this pack holds it. That another pack of the store does counts for nothing: no ref may lead
// to the object there, and then a foreign git gc takes it away, before or after, without a word.
func (w *packWriter) put(kind objectKind, content []byte) (Hash, error) {
	return w.putUnless(Hash{}, kind, content)
}

// putUnless is put for what takes the place of an object of the parent's tree, which may be the same and stays then.
func (w *packWriter) putUnless(old Hash, kind objectKind, content []byte) (Hash, error) {
	if len(content) > maxObject {
		return Hash{}, &storeError{text: fmt.Sprintf("a %s of %d bytes is over the limit of %d", kind, len(content), maxObject), permanent: true}
	}
	id := hashObject(kind, content)
	if id == old || !w.claim(id) {
		return id, nil
	}
	e := w.store.borrowEncoder()
	defer w.store.returnEncoder(e)
	raw, err := e.encode(kind, content)
	if err == nil {
		_, err = w.append(id, raw)
	}
	return id, err
}

func (w *packWriter) claim(id Hash) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known[id] {
		return false
	}
	w.known[id] = true
	return true
}

// append writes one encoded entry and gives its place.
func (w *packWriter) append(id Hash, raw []byte) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		f, err := w.store.disk.create(w.path)
		if err != nil {
			return 0, err
		}
		w.file = f
		w.buffer = append(make([]byte, 0, 64<<10), "PACK\x00\x00\x00\x02\x00\x00\x00\x00"...)
	}
	at := w.offset
	w.entries = append(w.entries, packEntry{id, at, crc32.ChecksumIEEE(raw)})
	w.offset += int64(len(raw))
	w.buffer = append(w.buffer, raw...)
	if len(w.buffer) < 64<<10 {
		return at, nil
	}
	return at, w.flush()
}

func (w *packWriter) flush() error {
	err := w.store.disk.write(w.file, w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

// finish makes the pack durable and part of the store. Without any object there is nothing to do.
func (w *packWriter) finish(ctx context.Context) error {
	if w.file == nil {
		return nil
	}
	if err := errors.Join(cancelled(ctx), w.flush()); err != nil {
		return err
	}
	sum, err := w.seal()
	if err != nil {
		return err
	}
	index, err := encodeIndex(w.entries, sum)
	if err != nil {
		return err
	}
	w.name = "pack-" + hexOf(sum)
	return w.store.installPack(w.file, w.path, index)
}

// seal writes the count of objects, known only now, and the checksum over the whole.
func (w *packWriter) seal() ([]byte, error) {
	count := binary.BigEndian.AppendUint32(nil, uint32(len(w.entries)))
	if _, err := w.file.WriteAt(count, 8); err != nil {
		return nil, err
	}
	sum := sha1.New()
	if _, err := io.Copy(sum, io.NewSectionReader(w.file, 0, w.offset)); err != nil {
		return nil, err
	}
	return sum.Sum(nil), w.store.disk.write(w.file, sum.Sum(nil))
}

// discard closes the file and removes what finish did not make part of the store.
func (w *packWriter) discard() {
	if w.file != nil {
		w.file.Close()
		w.store.disk.discard(w.path)
	}
}

// Temporary packs and indexes end in no .pack and .idx: git repack takes every *.pack for one.
const (
	tmpPackEnd  = "_pack"
	tmpIndexEnd = "_idx"
)

// tmpPackPath names a fresh temporary file for a pack; Recover clears such names. The caller creates it.
func (s *Store) tmpPackPath() string {
	return filepath.Join(s.packs.dir, temporaryPrefix+randomName()+tmpPackEnd)
}

// installPack makes a whole pack at path durable with its index and opens it. The temporary index keeps its name until
// the pack has its final one, so that a crash between the two renames is finished by Recover.
func (s *Store) installPack(f *os.File, path string, index []byte) error {
	parsed, err := parseIndex(index)
	if err != nil {
		return err
	}
	base := filepath.Join(s.packs.dir, "pack-"+hexOf(parsed.packChecksum()))
	if exists(base + ".idx") {
		if done, err := s.reinstall(base); done || err != nil {
			return err
		}
	}
	tmpIndex := strings.TrimSuffix(path, tmpPackEnd) + tmpIndexEnd
	if err := s.syncPack(f, tmpIndex, index); err != nil {
		s.disk.discard(tmpIndex)
		return err
	}
	s.step("gitstore.pack")
	if err := s.publishPack(path, tmpIndex, base); err != nil {
		return err
	}
	s.step("gitstore.objects")
	p, err := openPackFile(base, base+".pack", parsed)
	if err != nil {
		return err
	}
	s.packs.add(p)
	return nil
}

// reinstall uses the very same pack where it is here and whole. It may be garbage of a commit that came to nothing, so
// it is held before it is looked at.
func (s *Store) reinstall(base string) (done bool, err error) {
	if err := s.holdPack(base); err != nil {
		return false, err
	}
	if !s.isWhole(filepath.Base(base)) {
		return false, nil
	}
	p, err := openPack(base)
	if err == nil {
		s.packs.add(p)
	}
	return err == nil, err
}

func (s *Store) syncPack(f *os.File, tmpIndex string, index []byte) error {
	if err := f.Chmod(0o444); err != nil {
		return err
	}
	if err := s.disk.syncFile(f); err != nil {
		return err
	}
	x, err := s.disk.create(tmpIndex)
	if err != nil {
		return err
	}
	return s.disk.fill(x, index, 0o444)
}

func (s *Store) publishPack(tmpPack, tmpIndex, base string) error {
	if err := s.holdPack(base); err != nil {
		return err
	}
	if err := s.disk.rename(tmpPack, base+".pack"); err != nil {
		return err
	}
	s.step("gitstore.renamed")
	if err := s.disk.rename(tmpIndex, base+".idx"); err != nil {
		return err
	}
	return s.disk.syncDir(s.packs.dir)
}
