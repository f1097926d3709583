package gsgit_test

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// wounded is a primary with two commits all of whose objects a foreign git has made loose, and a hub that has the same.
type wounded struct {
	*primary
	hub  string
	head gitstore.Hash
}

func newWounded(t *testing.T) *wounded {
	t.Helper()
	dir := sampleDir(t)
	store, err := gitstore.Create(filepath.Join(dir, ".git"), gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Not a newBare: what is looked at in the end may have a hole.
	w := &wounded{primary: &primary{t: t, dir: dir, hold: 30 * time.Second, store: store}, hub: filepath.Join(t.TempDir(), "hub")}
	w.publisher = &gsgit.Publisher{
		Dir: &gsgit.Directory{Root: dir}, Store: store, Instance: "test", Hold: w.hold, MaxNew: 10, Log: slog.New(slog.DiscardHandler),
	}
	if _, err := w.publisher.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.must(w.quick().SetTitle("harbour:buoys", "All buoys"))
	w.publisher.LookAtAll()
	w.again()
	w.head = w.primary.head()
	gitDir := w.store.GitDir()
	w.git("clone", "-q", "--bare", gitDir, w.hub)
	packs, err := filepath.Glob(filepath.Join(gitDir, "objects/pack/*"))
	w.must(err)
	w.must(w.store.Close())
	for _, file := range packs {
		away := filepath.Join(t.TempDir(), filepath.Base(file))
		w.must(os.Rename(file, away))
		if strings.HasSuffix(file, ".pack") {
			pack, err := os.Open(away)
			w.must(err)
			unpack := exec.Command("git", "-C", gitDir, "unpack-objects", "-q")
			unpack.Stdin = pack
			w.must(unpack.Run())
			_ = pack.Close()
		}
	}
	return w
}

func (w *wounded) git(args ...string) string {
	w.t.Helper()
	out, err := exec.Command("git", args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// empty leaves nothing of an object but its name, as a power cut does where git did not sync.
func (w *wounded) empty(rev string) {
	w.t.Helper()
	id := w.git("-C", filepath.Join(w.dir, ".git"), "rev-parse", rev)
	path := filepath.Join(w.dir, ".git/objects", id[:2], id[2:])
	w.must(os.Chmod(path, 0o644))
	w.must(os.Truncate(path, 0))
}

// start is that of a node: what was lost is noticed, then mended.
func (w *wounded) start(from string) (*gsgit.Mending, error) {
	w.t.Helper()
	store, err := gitstore.Open(filepath.Join(w.dir, ".git"), gitstore.Options{})
	w.must(err)
	w.store = store
	w.t.Cleanup(func() { _ = store.Close() })
	if err := store.Recover(w.t.Context()); err != nil && !store.Wounded() {
		w.t.Fatal(err)
	}
	if !store.Wounded() {
		w.t.Fatal("nothing was noticed")
	}
	memory, err := gsgit.OpenMemory(w.t.TempDir())
	w.must(err)
	m := &gsgit.Mending{Store: store, Dir: &gsgit.Directory{Root: w.dir}, Log: slog.New(slog.DiscardHandler),
		Sources: &gsgit.Sources{From: gitstore.Source{URL: from}, Memory: memory, Log: slog.New(slog.DiscardHandler)}}
	return m, m.Mend(w.t.Context())
}

const lostFile = "workspaces/harbour/charts/buoys/featuretype.xml"

func TestWhatARepositoryLostIsBroughtBack(t *testing.T) {
	for _, c := range []struct {
		name, lost string
		edited     bool // the directory has it no more
		hub        bool
		healed     bool
		err        string
	}{
		{name: "a file, from the directory", lost: "main:" + lostFile, healed: true},
		{name: "a file that was edited since, from a hub", lost: "main:" + lostFile, edited: true, hub: true, healed: true},
		{name: "a file that was edited since", lost: "main:" + lostFile, edited: true, err: "lost a part"},
		{name: "a file of the past", lost: "main~1:" + lostFile},
		{name: "a file of the past, from a hub", lost: "main~1:" + lostFile, hub: true, healed: true},
		{name: "a tree", lost: "main:workspaces/harbour", err: "lost a part"},
		{name: "a tree, from a hub", lost: "main:workspaces/harbour", hub: true, healed: true},
		{name: "the head", lost: "main", err: "lost a part"},
		{name: "the head, from a hub", lost: "main", hub: true, healed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWounded(t)
			w.empty(c.lost)
			if c.edited {
				w.must(w.quick().SetTitle("harbour:buoys", "Some buoys"))
			}
			from := ""
			if c.hub {
				from = w.hub
			}
			_, err := w.start(from)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || gsgit.HintOf(err) == "") {
				t.Fatalf("got %v", err)
			}
			if w.store.Wounded() == c.healed {
				t.Errorf("healed: %v, want %v", !w.store.Wounded(), c.healed)
			}
			if c.healed {
				w.git("-C", w.store.GitDir(), "fsck", "--strict", "--full")
			}
		})
	}
}

// Where nobody has what is lost, a person goes back to the last commit that is whole; the directory is recorded on top.
func TestGoingBackLosesHistoryButNoBytes(t *testing.T) {
	t.Parallel()
	w := newWounded(t)
	w.empty("main")
	m, err := w.start("")
	var lost *gsgit.Problem
	if !errors.As(err, &lost) || lost.State != gsgit.Error {
		t.Fatalf("got %v", err)
	}
	line, err := m.GoBack(t.Context())
	if err != nil || !strings.Contains(line, w.head.String()) {
		t.Fatalf("%q, %v", line, err)
	}
	w.publisher = &gsgit.Publisher{Dir: m.Dir, Store: w.store, Instance: "test", Hold: w.hold, MaxNew: 10, Log: m.Log}
	w.publisher.LookAtAll()
	w.again()
	if err := gsgit.InStep(w.store, m.Dir, true); err != nil {
		t.Error(err)
	}
	w.git("-C", w.store.GitDir(), "fsck", "--strict", "--full")
	if n := w.git("-C", w.store.GitDir(), "rev-list", "--count", "main"); n != "2" {
		t.Errorf("%s commits", n)
	}
}

// A pack that somebody removed with its index leaves no trace but what is missed.
func TestAHeadThatCanNotBeReadSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWounded(t)
	id := w.git("-C", filepath.Join(w.dir, ".git"), "rev-parse", "main:"+lostFile)
	w.must(os.Remove(filepath.Join(w.dir, ".git/objects", id[:2], id[2:])))
	store, err := gitstore.Open(filepath.Join(w.dir, ".git"), gitstore.Options{})
	w.must(err)
	defer store.Close()
	w.must(store.Recover(t.Context()))
	if store.Wounded() {
		t.Fatal("it is known already")
	}
	p := &gsgit.Publisher{Dir: w.publisher.Dir, Store: store, Instance: "test", Hold: w.hold, MaxNew: 10, Log: slog.New(slog.DiscardHandler)}
	var lost *gsgit.Problem
	if _, err := p.Sync(t.Context()); !errors.As(err, &lost) || lost.State != gsgit.Error || !strings.Contains(lost.Help, "--repair") {
		t.Errorf("got %v", err)
	}
}
