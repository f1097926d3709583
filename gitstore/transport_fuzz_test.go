package gitstore

import (
	"bytes"
	"io"
	"testing"
)

// What strangers send must end in a value or an error, never in a panic, and
// what is accepted must hold what the rest relies on.

func FuzzReadAdvert(f *testing.F) {
	f.Add([]byte("001e# service=git-upload-pack\n0000004a1111111111111111111111111111111111111111 refs/heads/main\x00side-band-64k0000"))
	f.Add([]byte("0000"))
	f.Add([]byte("000eversion 1\n0000"))
	f.Add([]byte("0010ERR go away\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := readAdvert(bytes.NewReader(b))
		if err != nil {
			return
		}
		for name, id := range a.Refs {
			if id.IsZero() || len(name) <= len("refs/") {
				t.Errorf("accepted %q at %s", name, id)
			}
		}
	})
}

func FuzzReadUploadRequest(f *testing.F) {
	f.Add([]byte("0032want 1111111111111111111111111111111111111111\n00000009done\n"))
	f.Add([]byte("0045want 1111111111111111111111111111111111111111 multi_ack_detailed\n0000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := readUploadRequest(bytes.NewReader(b))
		if err == nil && len(q.wants)+len(q.haves) > len(b)/44 {
			t.Errorf("read %d wants and %d haves from %d bytes", len(q.wants), len(q.haves), len(b))
		}
	})
}

func FuzzPackStream(f *testing.F) {
	f.Add([]byte("0008NAK\n0009\x01PACK0000"), true)
	f.Add([]byte("0008NAK\nPACK"), false)
	f.Add([]byte("0008NAK\n000a\x03fatal"), true)
	f.Fuzz(func(t *testing.T, b []byte, bands bool) {
		r, err := packStream(bytes.NewReader(b), Advert{capabilities: map[string]bool{"side-band-64k": bands}})
		if err != nil {
			return
		}
		if n, _ := io.Copy(io.Discard, r); n > int64(len(b)) {
			t.Errorf("%d bytes came out of %d", n, len(b))
		}
	})
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte("000eunpack ok\n0017ok refs/heads/main\n0000"))
	f.Add([]byte("000eunpack ok\n0022ng refs/heads/main hook declined\n0000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if readReport(bytes.NewReader(b), "refs/heads/main") == nil && !bytes.Contains(b, []byte("ok refs/heads/main")) {
			t.Errorf("took %q for a success", b)
		}
	})
}

func FuzzLocate(f *testing.F) {
	for _, s := range []string{"/srv/data", "host:path", "me@host:p", "http://a:b@c/d", "ssh://-x/y", "file:///x", "file://", "ext::sh -c evil", "://"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := locate(s)
		if err == nil && (l.url == nil) == (l.dir == "") {
			t.Errorf("%q is both or neither a URL and a directory: %+v", s, l)
		}
	})
}

// Each tree is walked where its first parent's is whole, whatever came first.
func TestFirstParentsComeFirst(t *testing.T) {
	id := func(n byte) Hash { return Hash{n} }
	commits := map[Hash]links{
		id(1): {}, id(2): {parents: []Hash{id(1)}}, id(3): {parents: []Hash{id(2), id(5)}},
		id(4): {parents: []Hash{id(3)}}, id(5): {parents: []Hash{id(9)}}, // 9 was there before
	}
	for _, order := range [][]Hash{{id(4), id(3), id(5), id(2), id(1)}, {id(1), id(2), id(3), id(4), id(5)}, {id(5), id(2), id(4), id(1), id(3)}} {
		got := firstParentsFirst(order, commits)
		place := map[Hash]int{}
		for i, id := range got {
			place[id] = i + 1
		}
		if len(got) != len(commits) || len(place) != len(commits) {
			t.Fatalf("ordered %v into %v", order, got)
		}
		for child, l := range commits {
			if len(l.parents) > 0 && place[l.parents[0]] > place[child] {
				t.Errorf("%v: %s stands before its parent", order, child)
			}
		}
	}
}

func TestASourceMayNotFillTheDisk(t *testing.T) {
	for _, c := range []struct {
		free  uint64
		fails bool
	}{{freeFloor - 1, true}, {freeFloor, false}} {
		w := &spoolWriter{to: io.Discard, free: func() (uint64, error) { return c.free, nil }}
		if _, err := w.Write([]byte("PACK....")); (err != nil) != c.fails {
			t.Errorf("%d bytes free: %v", c.free, err)
		}
	}
	looks := 0
	w := &spoolWriter{to: io.Discard, free: func() (uint64, error) { looks++; return 1 << 40, nil }}
	chunk := append([]byte("PACK"), make([]byte, 1<<20)...)
	for range 100 {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if looks != 4 {
		t.Errorf("looked %d times at the free space in 100 MiB, want 4", looks)
	}
	w.written = maxPackBytes
	if _, err := w.Write(chunk); err == nil {
		t.Error("a pack without end was taken")
	}
}
