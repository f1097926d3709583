package gsgit_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// G9: a commit that takes everything away, made by hand in a hub, takes no replica down.
func TestG9EmptiedHistoryIsRefused(t *testing.T) {
	o := newOrigin(t)
	good := o.head()
	s := newSite(t, o.gitDir())
	s.syncs()
	var all []gitstore.Edit
	for e, err := range o.store.Files(good, "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, gitstore.Edit{Path: e.Path})
	}
	o.points(hand(t, o.store, good, "git rm -r .", all...))
	s.stops(gsgit.Refused)
	s.inStep(good)
}

// Nothing is fetched onto a volume that is full already.
func TestLowSpaceFetchesNothing(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	next := o.then(o.g.SetTitle("harbour:buoys", "One"))
	s.f.MinFree = 1 << 62
	s.stops(gsgit.Error, "--min-free")
	if s.store.Has(next) {
		t.Error("it fetched all the same")
	}
	s.f.MinFree = 0
	s.syncs()
	s.inStep(next)
}

// What comes back each time that it is healed is healed at once three times, then once a minute, and named meanwhile.
func TestG7DriftThatComesBackIsNoLoop(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	synctest.Test(t, func(t *testing.T) {
		for n := range 8 {
			content := s.read(buoys)
			if !strings.Contains(content, "stubborn") {
				s.edit(buoys, "<title>", "<title>stubborn ")
			}
			s.event(buoys)
			s.syncs()
			if healed := !strings.Contains(s.read(buoys), "stubborn"); healed != (n < 3) || len(s.f.Drifting()) == 0 != healed {
				t.Fatalf("time %d: healed %v, drift %v", n, healed, s.f.Drifting())
			}
		}
		time.Sleep(time.Minute)
		s.syncs()
		if strings.Contains(s.read(buoys), "stubborn") || len(s.f.Drifting()) != 0 {
			t.Error("it was never healed again")
		}
	})
	s.inStep(o.head())
}

// errDead ends a life at a step, as a kill would.
var errDead = errors.New("dead")

// diesAt runs a Sync that ends at the n-th step, with everything in memory; false where it came to its end.
func (s *site) diesAt(from string, n int) (died bool) {
	s.t.Helper()
	count := 0
	step := func(string) {
		if count++; count == n {
			panic(errDead)
		}
	}
	defer func() {
		if r := recover(); r != nil && r != any(errDead) {
			panic(r)
		} else if r != nil {
			died = true
		}
		s.options.Step = nil
		store, err := gitstore.Create(s.store.GitDir(), gitstore.Options{})
		if err == nil {
			err = store.Recover(s.t.Context())
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.store = store
		s.t.Cleanup(func() { _ = store.Close() })
		s.start(from)
	}()
	store, err := gitstore.Create(s.store.GitDir(), gitstore.Options{Step: step})
	if err != nil {
		s.t.Fatal(err)
	}
	s.store, s.options.Step = store, step
	s.start(from)
	s.f.Step = step
	s.syncs()
	return false
}

// G6, G7: dead at each step of an adoption and of a healing beside a new head, the next start ends in step and
// nothing of the replica's is lost.
func TestG6G7DeadAtEachStep(t *testing.T) {
	o := newOrigin(t)
	o.then(o.g.SetTitle("harbour:lights", "Lights and fires"))
	own := "<style><id>StyleInfoImpl--own</id><name>own</name><filename>own.sld</filename></style>"
	t.Run("adoption", func(t *testing.T) {
		for n := 1; ; n++ {
			s := siteAt(t, fastDir(t), o.gitDir())
			s.flags = func(f *gsgit.Follower) { f.Adopt = true }
			s.write("styles/own.xml", own)
			s.write("global.xml", "<global><charset>own</charset></global>")
			died := s.diesAt(o.gitDir(), n)
			s.syncs()
			s.inStep(o.head())
			if !s.keeps("styles/own.xml", own) || !s.keeps("global.xml", "<global><charset>own</charset></global>") {
				t.Fatalf("dead at step %d: the replica's bytes are lost", n)
			}
			if !died {
				reached(t, n, 100)
				return
			}
		}
	})
	t.Run("healing", func(t *testing.T) {
		for n := 1; ; n++ {
			o.points(o.tail())
			s, g := siteAt(t, fastDir(t), o.gitDir()), &running{}
			s.syncs()
			s.picksUp(g)
			content := s.edit(buoys, "<title>", "<title>Our own ")
			g.calls = nil
			died := s.diesAt(o.gitDir(), n)
			s.syncs()
			s.picksUp(g)
			s.inStep(o.head())
			if !s.keeps(buoys, content) {
				t.Fatalf("dead at step %d: the replica's bytes are lost", n)
			}
			if len(g.calls) == 0 {
				t.Fatalf("dead at step %d: what was healed was never picked up", n)
			}
			if !died {
				reached(t, n, 14)
				return
			}
		}
	})
}

// reached fails a table that came to its end too soon: it would have tested nothing.
func reached(t *testing.T, n, least int) {
	t.Helper()
	if n <= least {
		t.Errorf("only %d points were passed, and there are %d at least", n-1, least)
	}
}

// A resync beside a running node works through the write lock, and the node goes on from what it finds.
func TestResyncBesideARunningNode(t *testing.T) {
	o := newOrigin(t)
	first := o.head()
	s := newSite(t, o.gitDir())
	s.syncs()
	second := o.then(o.g.SetTitle("harbour:buoys", "One"))
	s.syncs()
	node := s.f
	beside := func(do func(f *gsgit.Follower) error) {
		t.Helper()
		s.start(o.gitDir())
		if err := do(s.f); err != nil {
			t.Fatal(err)
		}
		s.f = node
		s.event(buoys) // of the other's write
	}
	beside(func(f *gsgit.Follower) error { return f.To(t.Context(), first) })
	s.syncs()
	s.inStep(first)
	if s.f.Pinned().State != gsgit.Pinned || len(s.kept()) != 0 || s.f.Lag() != 1 {
		t.Errorf("%+v, kept %v, lag %d", s.f.Pinned(), s.kept(), s.f.Lag())
	}
	beside(func(f *gsgit.Follower) error {
		if err := f.Unpin(t.Context()); err != nil {
			return err
		}
		_, err := f.Sync(t.Context())
		return err
	})
	s.syncs()
	s.inStep(second)
	third := o.then(o.g.SetTitle("harbour:lights", "Two"))
	s.syncs()
	s.inStep(third)
	if len(s.kept()) != 0 {
		t.Error("the other's writes were taken for drift")
	}
}

// Status, heartbeat and watcher ask and tell while a Sync is at work.
func TestFollowerIsAskedWhileItWorks(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	node := &gsgit.Node{
		Instance: "gs-b", Store: s.store, Health: gsgit.NewHealth(nil), Lag: s.f.Lag, Drift: s.f.Drifting,
		Notes: (&gsgit.Notes{Store: s.store, Dir: s.f.Dir, Replica: true}).List,
	}
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for range 3 {
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					node.Status(true)
					s.event(buoys)
					s.f.Pinned()
				}
			}
		})
	}
	for n := range 6 {
		o.then(o.g.SetTitle("harbour:buoys", fmt.Sprintf("Number %d", n)))
		s.syncs()
	}
	close(stop)
	asking.Wait()
	s.syncs()
	s.inStep(o.head())
}

// A directory whose repository was there before gsgit keeps its commits when it becomes a replica.
func TestG7RepositoryFromBeforeKeepsItsCommits(t *testing.T) {
	o, old := newOrigin(t), smallOrigin(t)
	dir := old.g.Dir
	if err := old.store.SetRef(t.Context(), gsgit.DiskRef, old.head(), gitstore.Hash{}); err != nil {
		t.Fatal(err)
	}
	before := old.head()
	if err := old.store.Close(); err != nil {
		t.Fatal(err)
	}
	s := siteAt(t, dir, o.gitDir())
	s.flags = func(f *gsgit.Follower) { f.Adopt = true }
	bad := hand(t, o.store, o.head(), "a bad merge", gitstore.Edit{Path: "workspaces/harbour/charts/buoys/layer.xml", Content: []byte("<layer>")})
	o.points(bad)
	s.start(o.gitDir())
	s.stops(gsgit.Refused)
	s.stops(gsgit.Refused)
	o.points(o.tail())
	own := s.read("global.xml")
	s.syncs()
	s.inStep(o.head())
	if lost := s.under("refs/gsgit/lost/"); len(lost) != 1 || lost[0] != before {
		t.Errorf("its commits are at %v and not at %s", lost, before)
	}
	if !s.keeps("global.xml", own) {
		t.Error("its content is lost")
	}
}
