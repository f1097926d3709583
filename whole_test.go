package gsgit_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// G2, G6: a replica that died in the middle of an apply and is a primary from now on records no half of that commit,
// wherever it died, until the apply is ended; nor does one whose first apply was cut off.
func TestG2HalfAnApplyIsNotRecorded(t *testing.T) {
	o := newOrigin(t)
	first := o.head()
	second := o.then(errors.Join(o.g.SetTitle("harbour:buoys", "Buoys and beacons"), o.g.DeleteLayer("harbour:fairways"), o.g.CreateWorkspace("quay")))
	for _, c := range []struct {
		name string
		from bool // an apply came before
		each int
	}{{"a first apply", false, 7}, {"a later one", true, 5}} {
		t.Run(c.name, func(t *testing.T) {
			held := 0
			for n := 1; ; n += c.each {
				o.points(first)
				s := siteAt(t, fastDir(t), o.gitDir())
				if c.from {
					s.syncs()
				}
				o.points(second)
				died := s.kills(o.gitDir(), n)
				_, pending, err := s.f.Files.Pending()
				if err != nil {
					t.Fatal(err)
				}
				if pending && s.disk() != second {
					held++
					s.isHeldUntilEnded(n, second)
				}
				if !died {
					break
				}
			}
			if held < 2 {
				t.Errorf("it died in the middle only %d times", held)
			}
		})
	}
}

func (s *site) isHeldUntilEnded(n int, target gitstore.Hash) {
	s.t.Helper()
	head := s.at(s.store.BranchRef())
	p := s.promoted()
	_, err := p.Sync(s.t.Context())
	var problem *gsgit.Problem
	if !errors.As(err, &problem) || problem.State != gsgit.Held || !strings.Contains(problem.Help, "resync --to "+target.String()) {
		s.t.Fatalf("killed at %d: got %v", n, err)
	}
	if _, err := p.Init(s.t.Context()); !errors.As(err, &problem) {
		s.t.Fatalf("killed at %d, an init: %v", n, err)
	}
	if now := s.at(s.store.BranchRef()); now != head {
		s.t.Fatalf("killed at %d: %s was recorded", n, now)
	}
	if err := s.f.To(s.t.Context(), target); err != nil {
		s.t.Fatal(err)
	}
	if _, err := p.Sync(s.t.Context()); err != nil {
		s.t.Fatalf("killed at %d, and ended: %v", n, err)
	}
	s.inStep(target)
}

// promoted is a primary on a replica's directory.
func (s *site) promoted() *gsgit.Publisher {
	p := &gsgit.Publisher{
		Dir: &gsgit.Directory{Root: s.dir}, Store: s.store, Files: s.f.Files, Instance: "gs-b", Hold: time.Second, Log: slog.New(slog.DiscardHandler),
	}
	p.LookAtAll()
	return p
}

// A person who goes on from the disk means the half of it, too.
func TestHeldHalfOfAnApplyIsKept(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	o.then(errors.Join(o.g.SetTitle("harbour:buoys", "Buoys and beacons"), o.g.SetTitle("harbour:lights", "Lights and fires")))
	for n := 30; ; n++ {
		s.kills(o.gitDir(), n)
		if _, pending, err := s.f.Files.Pending(); err != nil || pending {
			break
		}
	}
	p := s.promoted()
	if err := p.KeepDisk(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, pending, err := s.f.Files.Pending(); err != nil || pending {
		t.Errorf("the journal is still there: %v", err)
	}
	p.LookAtAll()
	if _, err := p.Sync(t.Context()); err != nil {
		t.Error(err)
	}
	var none gitstore.Hash
	if s.at(s.store.BranchRef()) == none {
		t.Error("there is no head")
	}
}
