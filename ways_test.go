package gsgit_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
)

// The ways out of the states of docs/operations.md that are not among the scenarios. Each of them has to work
// as the hint says.

// foreign puts a commit of somebody else on a primary's own branch.
func foreign(t *testing.T) (*origin, gitstore.Hash) {
	t.Helper()
	o := newOrigin(t)
	other := hand(t, o.store, o.head(), "by hand", gitstore.Edit{Path: depth, Content: []byte(blob(t, o.store, o.head(), depth) + "<!-- by hand -->")})
	o.points(other)
	o.p.LookAtAll()
	_, err := o.p.Sync(t.Context())
	var p *gsgit.Problem
	if !errors.As(err, &p) || p.State != gsgit.Held || !strings.Contains(p.Help, "resync --keep-disk") || !strings.Contains(p.Help, "resync --to") {
		t.Fatalf("a commit that is not in the directory: %v", err)
	}
	return o, other
}

func TestHeldPrimaryKeepsItsDisk(t *testing.T) {
	o, other := foreign(t)
	before, err := o.g.Read(depth)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.p.KeepDisk(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := o.store.Commit(o.commit())
	if err != nil || len(c.Parents) != 1 || c.Parents[0] != other || blob(t, o.store, c.ID, depth) != string(before) {
		t.Errorf("the disk is not on top of the commit: %v, %v", c, err)
	}
}

func TestHeldPrimaryTakesTheCommit(t *testing.T) {
	o, other := foreign(t)
	s := &site{t: t, dir: o.g.Dir, store: o.store, log: nil}
	s.options = resync.Options{Root: o.g.Dir, State: o.gitDir() + "/gsgit"}
	s.log = newSite(t, "").log
	s.start("")
	if err := s.f.To(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if o.commit() != other {
		t.Error("the primary recorded something on top")
	}
	if content, err := o.g.Read(depth); err != nil || !strings.Contains(string(content), "by hand") {
		t.Errorf("the commit is not in the directory: %v", err)
	}
	if !s.at(gsgit.PinnedRef).IsZero() {
		t.Error("a primary is pinned to its own head")
	}
}

// held by drift: a resync puts the head's bytes back, and the node goes on by itself.
func TestHeldByDriftResyncs(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.flags = func(f *gsgit.Follower) { f.Drift = gsgit.DriftHold }
	s.start(o.gitDir())
	s.syncs()
	own := s.edit(buoys, "<title>", "<title>Our own ")
	next := o.then(o.g.SetTitle("harbour:lights", "Lights and fires"))
	s.stops(gsgit.Held)
	node := s.f
	s.start(o.gitDir())
	s.f.Drift = gsgit.DriftHeal
	s.syncs()
	s.f = node
	s.syncs()
	s.inStep(next)
	if !s.keeps(buoys, own) || len(s.f.Drifting()) != 0 {
		t.Errorf("drift %v", s.f.Drifting())
	}
}

// error: what stands in the way of the files is named, changes nothing, and is over when its cause is.
func TestErrorIsOverWithItsCause(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	first := o.head()
	next := o.then(o.g.SetTitle("harbour:buoys", "One"))
	for _, cause := range []error{syscall.ENOSPC, syscall.EROFS, syscall.EIO} {
		s.options.Gate = func(operation string, _ ...string) error {
			if operation == "write" {
				return cause
			}
			return nil
		}
		s.start(o.gitDir())
		if err := s.sync(); !errors.Is(err, cause) {
			t.Errorf("%v: got %v", cause, err)
		}
		s.inStep(first)
	}
	s.options.Gate = nil
	s.start(o.gitDir())
	s.syncs()
	s.inStep(next)
}

// diverged at the first start: of two histories on an empty replica a person chooses one.
func TestDivergedFirstStartTakesTheChosenHistory(t *testing.T) {
	a, b := newOrigin(t), smallOrigin(t)
	s := newSite(t, a.gitDir())
	s.f.Sources.Hub.URL = b.gitDir()
	s.stops(gsgit.Diverged)
	if !s.disk().IsZero() || s.has("global.xml") {
		t.Fatal("one of the two was taken")
	}
	if err := s.f.To(t.Context(), b.head()); err != nil {
		t.Fatal(err)
	}
	s.inStep(b.head())
	if s.f.Pinned().State != gsgit.Pinned {
		t.Error("the other history is still there: the node has to stay where it was put")
	}
}
