package gitstore

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packedHistory is a store whose only pack was made by git, with deltas and with an entry larger than any window.
func packedHistory(t *testing.T, repack ...string) (s *Store, ids []Hash, stored []byte) {
	t.Helper()
	work := deltaHistory(t)
	noise := make([]byte, 3*sequentialPiece)
	rand.NewChaCha8([32]byte{}).Read(noise)
	writeFile(t, filepath.Join(work, "noise"), noise)
	git(t, work, "add", "-A")
	git(t, work, "commit", "-qm", "noise")
	git(t, work, append([]string{"repack", "-q", "-f"}, repack...)...)
	s = must(Open(filepath.Join(work, ".git"), Options{}))(t)
	t.Cleanup(func() { s.Close() })
	ids = must(s.newObjects(context.Background(), []Hash{must(s.Resolve("main"))(t)}, nil))(t)
	return s, ids, must(os.ReadFile(s.packs.list()[0].base + ".pack"))(t)
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// sent is what the other side makes of a pack that was sent: its objects, and how many entries there are of each kind.
func sent(t *testing.T, s *Store, ids []Hash, ofsDelta bool) (data []byte, kinds map[objectKind]int) {
	t.Helper()
	var out bytes.Buffer
	if err := s.sendPack(context.Background(), ids, ofsDelta, &out); err != nil {
		t.Fatal(err)
	}
	r := must(receive(t, newTestStore(t, Options{}), out.Bytes()))(t)
	defer r.discard()
	if got, want := sortedHashes(r.ids()), sortedHashes(ids); !slices.Equal(got, want) {
		t.Fatalf("%d objects came, %d were sent", len(got), len(want))
	}
	kinds = map[objectKind]int{}
	for i := range r.pack.index.count {
		h, _, err := r.pack.single(r.pack.index.offset(i))
		if err != nil {
			t.Fatal(err)
		}
		kinds[h.kind]++
	}
	return out.Bytes(), kinds
}

func sortedHashes(ids []Hash) []Hash {
	return slices.SortedFunc(slices.Values(ids), func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
}

func TestAPackThatIsWantedWholeGoesOutByteForByte(t *testing.T) {
	s, ids, stored := packedHistory(t, "-ad")
	data, kinds := sent(t, s, ids, true)
	if kinds[kindOfsDelta] == 0 {
		t.Fatal("git made no delta")
	}
	if !bytes.Equal(data, stored) {
		t.Errorf("%d bytes were sent, %d are stored, or others", len(data), len(stored))
	}
}

func TestDeltasNameTheirBaseForWhoKnowsNoDistances(t *testing.T) {
	s, ids, _ := packedHistory(t, "-ad")
	_, byDistance := sent(t, s, ids, true)
	_, byID := sent(t, s, ids, false)
	if byID[kindOfsDelta] != 0 || byID[kindRefDelta] != byDistance[kindOfsDelta] {
		t.Errorf("entries by kind: %v, and %v where distances are known", byID, byDistance)
	}
}

// The file of the branch is stored as what differs from one that only a drift commit has.
func TestABaseThatTheBranchDoesNotReachStaysHere(t *testing.T) {
	work := t.TempDir()
	git(t, work, "init", "-q", "-b", "main")
	text := strings.Repeat("a line of text\n", 200)
	for _, c := range [][2]string{{"main", text}, {"drift", text + strings.Repeat("and a secret\n", 50)}} {
		git(t, work, "checkout", "-q", "-B", c[0])
		writeFile(t, filepath.Join(work, "global.xml"), []byte(c[1]))
		git(t, work, "add", "-A")
		git(t, work, "commit", "-qm", c[0])
	}
	git(t, work, "repack", "-adfq")
	s := must(Open(filepath.Join(work, ".git"), Options{}))(t)
	defer s.Close()
	file, secret := must(ParseHash(git(t, work, "rev-parse", "main:global.xml")))(t), must(ParseHash(git(t, work, "rev-parse", "drift:global.xml")))(t)
	p := s.packs.list()[0]
	at, _ := p.find(file)
	base, _ := p.find(secret)
	if h, _, err := p.single(at); err != nil || h.kind != kindOfsDelta || h.base != base {
		t.Fatalf("git did not store it so: %+v, %v", h, err)
	}
	ids := must(s.newObjects(context.Background(), []Hash{must(s.Resolve("main"))(t)}, nil))(t)
	if slices.Contains(ids, secret) {
		t.Fatal("the secret is chosen")
	}
	if _, kinds := sent(t, s, ids, true); kinds[kindOfsDelta] != 0 {
		t.Errorf("entries by kind: %v", kinds)
	}
}

func TestADamagedEntryIsNotSent(t *testing.T) {
	for name, c := range map[string]struct {
		repack string
		copies bool
	}{"the only one": {"-ad", false}, "with a copy": {"-a", true}} {
		t.Run(name, func(t *testing.T) {
			s, ids, stored := packedHistory(t, c.repack)
			p := s.packs.list()[0]
			for i := range p.index.count {
				stored[p.index.offset(i)+3] ^= 0x55
			}
			path := p.base + ".pack"
			os.Chmod(path, 0o644)
			writeFile(t, path, stored) // the same file: it is open
			if c.copies {
				sent(t, s, ids, true)
				return
			}
			if err := s.sendPack(context.Background(), ids, true, io.Discard); err == nil {
				t.Error("sent")
			}
		})
	}
}

// A roll-up closes and removes the packs that it replaces, whoever is just sending them.
func TestAPackThatIsReplacedMeanwhileIsSentToItsEnd(t *testing.T) {
	for _, when := range []string{"before", "in the middle"} {
		t.Run(when, func(t *testing.T) {
			s, ids, _ := packedHistory(t, "-a") // the loose objects stay
			p := s.packs.list()[0]
			out := &interrupted{at: 100, by: func() { p.file.Close(); os.Remove(p.base + ".pack") }}
			if when == "before" {
				out.interrupt()
			}
			if err := s.sendPack(context.Background(), ids, true, out); err != nil {
				t.Fatal(err)
			}
			r := must(receive(t, newTestStore(t, Options{}), out.Bytes()))(t)
			defer r.discard()
			if len(r.ids()) != len(ids) {
				t.Errorf("%d objects came, %d were sent", len(r.ids()), len(ids))
			}
		})
	}
}

// interrupted is what is sent; something happens when so many bytes are.
type interrupted struct {
	bytes.Buffer
	at int
	by func()
}

func (w *interrupted) interrupt() {
	if w.by != nil {
		w.by()
		w.by = nil
	}
}

func (w *interrupted) Write(p []byte) (int, error) {
	if w.Len()+len(p) > w.at {
		w.interrupt()
	}
	return w.Buffer.Write(p)
}
