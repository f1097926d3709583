package gsgit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/watcher"
)

// The states of the world that a primary must meet.

func TestG1AFileBecomesADirectoryAndBack(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	p.write("styles/icons/set", "one file")
	p.sync(0, "styles/icons/set")
	p.must(os.Remove(filepath.Join(p.dir, "styles/icons/set")))
	p.write("styles/icons/set/a.svg", "<svg/>")
	p.write("styles/icons/set/b.svg", "<svg/>")
	p.sync(0, "styles/icons/set")
	inStep(t, p)
	p.must(os.RemoveAll(filepath.Join(p.dir, "styles/icons/set")))
	p.write("styles/icons/set", "one file again")
	p.sync(0, "styles/icons/set/a.svg", "styles/icons/set")
	inStep(t, p)
	if got := p.subjects(); len(got) != 3 {
		t.Errorf("the commits are %q", got)
	}
}

func inStep(t *testing.T, p *primary) {
	t.Helper()
	if err := gsgit.InStep(p.store, p.publisher.Dir, true); err != nil {
		t.Error(err)
	}
}

// A commit that somebody else made on our branch is not taken back by recording the directory on top of it.
func TestG8AForeignHeadIsHeld(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	foreign, err := p.store.Write(t.Context(), gitstore.Draft{
		Parent: p.head(), Edits: []gitstore.Edit{{Path: "styles/foreign.txt", Content: []byte("x")}}, Message: "by hand\n",
		Author: gitstore.Signature{Name: "jane", Email: "j@x", When: time.Now()}, Committer: gitstore.Signature{Name: "jane", Email: "j@x", When: time.Now()},
	})
	p.must(err)
	p.must(p.store.SetRef(t.Context(), p.store.BranchRef(), p.head(), foreign))
	p.must(p.quick().SetTitle("harbour:lights", "All lights"))
	p.publisher.LookAtAll()
	for range 2 {
		_, err = p.publisher.Sync(t.Context())
		if problem, ok := err.(*gsgit.Problem); !ok || problem.State != gsgit.Held || !strings.Contains(problem.Why, foreign.String()) {
			t.Fatalf("got %v", err)
		}
	}
	if p.head() != foreign {
		t.Fatal("something was recorded on top of a foreign commit")
	}
	p.must(p.publisher.KeepDisk(t.Context()))
	p.again()
	inStep(t, p)
	if disk, err := p.store.Ref(gsgit.DiskRef); err != nil || disk != p.head() {
		t.Errorf("the marker is at %s (%v)", disk, err)
	}
}

// The clock went back by a day: what happens now is no older than what was told before, and is committed.
func TestG1TheClockWentBack(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	p.must(p.quick().SetTitle("harbour:lights", "All lights"))
	tomorrow := time.Now().Add(24 * time.Hour)
	p.publisher.Observe(watcher.Batch{Paths: []string{"workspaces/harbour/charts/lights"}, First: tomorrow, Last: tomorrow})
	p.again()
	p.expect(`modify layer harbour:lights: title Lights -> "All lights"`)
	half, _ := halves(t, p, "half") // incomplete, and told of by the wrong clock: its hold ends all the same
	p.publisher.Observe(watcher.Batch{Paths: []string{half}, First: tomorrow, Last: tomorrow})
	if wait := p.again(); wait > p.hold {
		t.Errorf("waits %v, longer than the hold", wait)
	}
}

// The repository is deleted under a running primary: an error, and no new history.
func TestG8TheRepositoryIsDeletedUnderUs(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	p.must(os.Rename(filepath.Join(p.dir, ".git"), filepath.Join(p.dir, ".git-away")))
	p.must(p.quick().SetTitle("harbour:lights", "All lights"))
	p.publisher.LookAtAll()
	if _, err := p.publisher.Sync(t.Context()); err == nil {
		t.Error("there was no error")
	}
	if _, err := os.Stat(filepath.Join(p.dir, ".git/refs/heads/main")); err == nil {
		t.Error("a new history was begun")
	}
	p.must(os.RemoveAll(filepath.Join(p.dir, ".git")))
	p.must(os.Rename(filepath.Join(p.dir, ".git-away"), filepath.Join(p.dir, ".git")))
	p.again()
	p.expect(`modify layer harbour:lights: title Lights -> "All lights"`)
}

// Low on space nothing is written, and nothing is forgotten.
func TestG1NoSpaceNowIsNotLost(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	p.must(p.quick().SetTitle("harbour:lights", "All lights"))
	p.publisher.MinFree = 1 << 62
	p.publisher.Observe(watcher.Batch{Paths: []string{"workspaces/harbour/charts/lights"}, First: time.Now(), Last: time.Now()})
	_, err := p.publisher.Sync(t.Context())
	if problem, ok := err.(*gsgit.Problem); !ok || problem.State != gsgit.Error {
		t.Fatalf("got %v", err)
	}
	p.publisher.MinFree = 0
	p.again()
	p.expect(`modify layer harbour:lights: title Lights -> "All lights"`)
}
