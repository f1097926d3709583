package gitstore

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

// history is a repository of git with much alike, so that its packs hold deltas.
func deltaHistory(t *testing.T) string {
	work := t.TempDir()
	git(t, work, "init", "-q", "-b", "main")
	for i := range 12 {
		os.WriteFile(filepath.Join(work, "f"), []byte(strings.Repeat(fmt.Sprintln("a line of text", i%2), 400)+fmt.Sprint(i)), 0o644)
		git(t, work, "add", "-A")
		git(t, work, "commit", "-qm", fmt.Sprint(i))
	}
	return work
}

func packOf(t *testing.T, work string, args ...string) []byte {
	objects := git(t, work, "rev-list", "--objects", "--no-object-names", "main")
	return []byte(gitInput(t, work, objects+"\n", append([]string{"pack-objects", "--stdout", "-q", "--no-reuse-delta"}, args...)...))
}

func receive(t *testing.T, s *Store, data []byte) (*receivedPack, error) {
	t.Helper()
	path := s.tmpPackPath()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return s.receivePack(context.Background(), path)
}

func TestReceivedPacksOfGitAreIndexedAsGitDoes(t *testing.T) {
	work := deltaHistory(t)
	want := strings.Fields(git(t, work, "rev-list", "--objects", "--no-object-names", "main"))
	for _, args := range [][]string{{"--delta-base-offset"}, {}, {"--window=0"}} { // ofs-delta, ref-delta, none
		s := newTestStore(t, Options{})
		data := append(packOf(t, work, args...), "\n"...)
		data = data[:len(data)-1]
		sum := sha1.Sum(data[:len(data)-20])
		if !bytes.Equal(sum[:], data[len(data)-20:]) {
			t.Skip("the pack ends in what the test helper trims")
		}
		r := must(receive(t, s, data))(t)
		if got := r.ids(); len(got) != len(want) {
			t.Fatalf("%v: %d objects, want %d", args, len(got), len(want))
		}
		head := must(ParseHash(want[0]))(t)
		if s.Has(head) {
			t.Error("the pack is seen before it is adopted")
		}
		if kind, _, found, err := r.object(head); kind != kindCommit || !found || err != nil {
			t.Errorf("%v %v %v", kind, found, err)
		}
		if err := s.adoptPack(r); err != nil {
			t.Fatal(err)
		}
		for _, id := range want {
			if _, _, err := s.object(must(ParseHash(id))(t)); err != nil {
				t.Errorf("%v: %v", args, err)
			}
		}
		if err := s.SetRef(context.Background(), "refs/heads/main", Hash{}, head); err != nil {
			t.Fatal(err)
		}
		checkIndexAgainstGoGit(t, s)
		git(t, s.GitDir(), "verify-pack", filepath.Join("objects", "pack", s.packs.list()[0].name()+".idx"))
	}
}

// checkIndexAgainstGoGit holds our index files equal to what go-git reads from them.
func checkIndexAgainstGoGit(t *testing.T, s *Store) {
	t.Helper()
	p := s.packs.list()[0]
	index := idxfile.NewMemoryIndex()
	if err := idxfile.NewDecoder(bytes.NewReader(p.index.data)).Decode(index); err != nil {
		t.Fatal(err)
	}
	for i := range p.index.count {
		off, err := index.FindOffset(plumbing.Hash(p.index.id(i)))
		crc, err2 := index.FindCRC32(plumbing.Hash(p.index.id(i)))
		if err != nil || err2 != nil || off != p.index.offset(i) || crc != p.index.crc(i) {
			t.Errorf("%s: %d %x %v %v", p.index.id(i), off, crc, err, err2)
		}
	}
}

// sealed gives a pack of the given entries with a right checksum.
func sealed(count int, entries ...[]byte) []byte {
	out := append([]byte("PACK\x00\x00\x00\x02"), binary.BigEndian.AppendUint32(nil, uint32(count))...)
	for _, e := range entries {
		out = append(out, e...)
	}
	sum := sha1.Sum(out)
	return append(out, sum[:]...)
}

func TestHostilePacksAreRefused(t *testing.T) {
	s := newTestStore(t, Options{})
	e := newEncoder()
	entry := func(kind objectKind, content string) []byte {
		return bytes.Clone(must(e.encode(kind, []byte(content)))(t))
	}
	delta := func(back int64, d string) []byte { return bytes.Clone(must(e.encodeDelta(back, []byte(d)))(t)) }
	refDelta := func(base Hash, d string) []byte {
		raw := entry(kindRefDelta, d)
		return append(append(raw[:1:1], base[:]...), raw[1:]...)
	}
	blob := entry(kindBlob, "abc")
	huge := []byte{0xbf, 0xff, 0xff, 0xff, 0xff, 0x7f}
	good := sealed(1, blob)
	for name, data := range map[string][]byte{
		"nothing":             {},
		"nonsense":            bytes.Repeat([]byte("nonsense"), 100),
		"truncated":           good[:len(good)-1],
		"one bit":             flip(good, 14),
		"more claimed":        sealed(2, blob),
		"fewer claimed":       sealed(0, blob),
		"unknown kind":        sealed(1, entry(5, "abc")),
		"too large":           sealed(1, huge),
		"wrong size":          sealed(1, append([]byte{0x34}, blob[1:]...)),
		"twice":               sealed(2, blob, blob),
		"base before":         sealed(1, delta(400, "\x03\x03\x90\x03")),
		"base inside":         sealed(2, blob, delta(3, "\x03\x03\x90\x03")),
		"base is itself":      sealed(2, blob, delta(0, "\x03\x03\x90\x03")),
		"thin":                sealed(1, refDelta(BlobHash([]byte("elsewhere")), "\x09\x03\x90\x03")),
		"delta of wrong size": sealed(2, blob, delta(int64(len(blob)), "\x08\x03\x90\x03")),
		"delta beyond base":   sealed(2, blob, delta(int64(len(blob)), "\x03\x05\x90\x05")),
		"endless delta":       sealed(2, blob, delta(int64(len(blob)), "\x03\xff\xff\xff\xff\x7f\x90\x03")),
		"a circle":            sealed(3, blob, refDelta(BlobHash([]byte("a")), "\x01\x01\x01b"), refDelta(BlobHash([]byte("b")), "\x01\x01\x01a")),
		"far more claimed":    sealed(1<<32-1, blob),
	} {
		if _, err := receive(t, s, data); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	r := must(receive(t, s, sealed(2, blob, delta(int64(len(blob)), "\x03\x04\x90\x03\x01x"))))(t)
	if !r.has(BlobHash([]byte("abcx"))) {
		t.Error("the delta is not what it should be")
	}
	r.discard()
	if left := leftovers(t, s.GitDir()); len(left) > 0 && strings.Contains(fmt.Sprint(left), tmpIndexEnd) {
		t.Errorf("left over %v", left)
	}
	if _, err := s.packs.refresh(); err != nil || len(s.packs.list()) != 0 {
		t.Error("something was kept")
	}
}

func TestPacksThatUnpackToFarTooMuchAreRefusedInLittleMemory(t *testing.T) {
	s := newTestStore(t, Options{})
	e := newEncoder()
	const largest = 0xffffff // bytes of one copy
	base := bytes.Clone(must(e.encode(kindBlob, make([]byte, largest)))(t))
	copies := binary.AppendUvarint(binary.AppendUvarint(nil, largest), 200*largest)
	for range 200 {
		copies = append(copies, 0xf0, 0xff, 0xff, 0xff)
	}
	lying := bytes.Clone(base)
	copy(lying, []byte{0xb1, 0x80, 0x80, 0x00}) // one byte, written as long as the size that it stands for
	for name, c := range map[string]struct {
		pack []byte
		says string
	}{
		"a delta bomb":     {sealed(2, base, must(e.encodeDelta(int64(len(base)), copies))(t)), "over the limit"},
		"a zip bomb":       {sealed(1, lying), "does not end at its size"},
		"too many objects": {sealed(maxPackObjects+1, base), "are more than"},
	} {
		t.Run(name, func(t *testing.T) {
			if len(c.pack) > 100<<10 {
				t.Fatalf("%d bytes are no small pack", len(c.pack))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := receive(t, s, c.pack)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 32*largest {
				t.Errorf("it took %d MiB", took>>20)
			}
		})
	}
}

// countedContext counts how often it is asked, which receiving does once for each step.
type countedContext struct {
	context.Context
	asked *int
}

func (c countedContext) Err() error { *c.asked++; return c.Context.Err() }

// patientContext is cancelled once it has been asked a number of times.
type patientContext struct {
	context.Context
	left *int
}

func (c patientContext) Err() error {
	if *c.left--; *c.left < 0 {
		return context.Canceled
	}
	return nil
}

// However much there is to unpack, who waits for it may stop it: it is asked for each object whether to go on.
func TestReceivingEndsWithItsContext(t *testing.T) {
	s := newTestStore(t, Options{})
	data := packOf(t, deltaHistory(t), "--delta-base-offset")
	objects := int(binary.BigEndian.Uint32(data[8:]))
	for patience := range objects {
		path := s.tmpPackPath()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.receivePack(patientContext{context.Background(), &patience}, path); err == nil {
			t.Errorf("it was asked less than once for each of %d objects", objects)
		}
		os.Remove(path)
	}
}

// Deltas may stand before their bases, the whole chain backwards: each is to be looked at once all the same.
func TestAChainOfDeltasThatStandsBackwardsCostsWhatItHolds(t *testing.T) {
	s := newTestStore(t, Options{})
	e := newEncoder()
	const links = 3000
	content := []byte("abc")
	entries := [][]byte{bytes.Clone(must(e.encode(kindBlob, content))(t))}
	for range links {
		next := append(bytes.Clone(content), 'x')
		patch := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(content))), uint64(len(next)))
		patch = append(appendCopy(patch, 0, len(content)), 1, 'x')
		raw := bytes.Clone(must(e.encode(kindRefDelta, patch))(t))
		at := bytes.IndexFunc(raw, func(r rune) bool { return r < 0x80 }) + 1 // behind the size
		base := BlobHash(content)
		entries = append(entries, slices.Concat(raw[:at], base[:], raw[at:]))
		content = next
	}
	slices.Reverse(entries)
	path := s.tmpPackPath()
	if err := os.WriteFile(path, sealed(len(entries), entries...), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := 0
	r := must(s.receivePack(countedContext{context.Background(), &asked}, path))(t)
	defer r.discard()
	if !r.has(BlobHash(content)) {
		t.Error("the last of the chain is not there")
	}
	if asked > 3*links {
		t.Errorf("%d steps for %d deltas", asked, links)
	}
}

func TestAFileOverTheLimitIsNotCommitted(t *testing.T) {
	s := newTestStore(t, Options{})
	d := Draft{Edits: []Edit{{Path: "huge", Content: make([]byte, maxObject+1)}}, Message: "m"}
	if _, err := s.Write(context.Background(), d); err == nil || !strings.Contains(err.Error(), "over the limit") {
		t.Errorf("what could not be read again was written: %v", err)
	}
}

func flip(data []byte, at int) []byte {
	out := bytes.Clone(data)
	out[at] ^= 1
	return out
}

func FuzzReceivePack(f *testing.F) {
	e := newEncoder()
	blob, _ := e.encode(kindBlob, []byte("some content of a file"))
	blob = bytes.Clone(blob)
	d, _ := e.encodeDelta(int64(len(blob)), []byte("\x16\x04\x90\x03\x01x"))
	f.Add(uint8(2), append(bytes.Clone(blob), d...))
	f.Add(uint8(1), blob)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, count uint8, entries []byte) {
		path := filepath.Join(dir, "p")
		if err := os.WriteFile(path, sealed(int(count), entries), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := readReceived(context.Background(), path)
		if err != nil {
			return
		}
		defer r.pack.file.Close()
		for _, id := range r.ids() {
			kind, content, _, err := r.object(id)
			if err != nil || checkObject(id, kind, content) != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	})
}

func FuzzIndex(f *testing.F) {
	good, _ := encodeIndex([]packEntry{{BlobHash(nil), 12, 1}, {BlobHash([]byte("x")), 1 << 33, 2}}, make([]byte, 20))
	f.Add(good[:len(good)-20])
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha1.Sum(body)
		x, err := parseIndex(append(bytes.Clone(body), sum[:]...))
		if err != nil {
			return
		}
		for i := range x.count {
			x.find(x.id(i))
			x.offset(i)
		}
	})
}
