package gsgit_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// An instance may be called what no ref can be called; its news is as good as that of the others.
func TestG8InstanceNamesThatNoRefTakes(t *testing.T) {
	o := newOrigin(t)
	root := o.head().String()
	for _, name := range []string{".", "..", "gs.lock", "gs..a", ".gs", "gs."} {
		s := newSite(t, o.gitDir())
		bus := &topic{}
		s.hears(bus)
		bus.announces(name, root, root)
		if err := s.sync(); err != nil {
			t.Errorf("instance %q: %v", name, err)
			continue
		}
		s.inStep(o.head())
	}
}

// One record with nonsense must not keep the others from being heard.
func TestG8GarbageOnTheTopicStopsNobody(t *testing.T) {
	o := newOrigin(t)
	root := o.head()
	s := newSite(t, o.gitDir())
	bus := &topic{}
	s.hears(bus)
	bus.announces("gs-a", root.String(), root.String())
	s.syncs()
	entry, _, err := o.store.Lookup(root, depth)
	if err != nil {
		t.Fatal(err)
	}
	next := o.then(o.g.SetTitle("harbour:buoys", "Buoys and beacons"))
	bus.announces("gs-a", root.String(), next.String())
	bus.announces("a-blob", root.String(), entry.Blob.String())
	bus.announces("unknown", root.String(), strings.Repeat("1", 40))
	if err := s.sync(); err == nil {
		t.Error("nobody is told of the nonsense")
	}
	s.inStep(next)
	s.start(o.gitDir()) // what was noted of it must not stop the next life either
	s.syncs()
	s.inStep(next)
}

// What a peer says of its cluster is held against the commit itself.
func TestG8AnnouncementThatLiesAboutItsCluster(t *testing.T) {
	o, stranger := newOrigin(t), smallOrigin(t)
	other := stranger.head()
	s := newSite(t, stranger.gitDir())
	bus := &topic{}
	s.hears(bus)
	bus.announces("liar", o.head().String(), other.String())
	s.stops(gsgit.Diverged, "liar")
	if s.has("global.xml") || !s.disk().IsZero() {
		t.Error("the lie was applied")
	}
}

// The head of a node that is retired by now, noted long ago, can lead forward; it is no reason to stand still.
func TestG8RetiredInstanceDivergesFromNobody(t *testing.T) {
	o := newOrigin(t)
	root := o.head()
	s := newSite(t, o.gitDir())
	bus := &topic{}
	s.hears(bus)
	bus.announces("gs-a", root.String(), root.String())
	s.syncs()
	dead := hand(t, o.store, root, "never on the branch", gitstore.Edit{Path: depth, Content: nil})
	o.points(dead)
	s.fetches(o.gitDir(), dead)
	bus.announces("gs-old", root.String(), dead.String())
	o.points(root)
	next := o.then(o.g.SetTitle("harbour:buoys", "Buoys and beacons"))
	bus.announces("gs-a", root.String(), next.String())
	s.stops(gsgit.Diverged, "does not follow")
	s.inStep(root)
	bus.heads = bus.heads[1:] // gs-old is retired
	s.syncs()
	s.inStep(next)
}

// A branch called release/main is not the branch main of an instance called release.
func TestHeadsAreThoseOfTheBranchAlone(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	stranger := smallOrigin(t)
	other := stranger.head()
	s.fetches(stranger.gitDir(), other)
	if err := s.store.SetRef(t.Context(), "refs/remotes/gs-a/release/main", gitstore.Hash{}, other); err != nil {
		t.Fatal(err)
	}
	s.syncs()
	s.inStep(o.head())
}

// A source that is down is down until it answers, not only in the moment of asking.
func TestG9PollThatFailedIsToldUntilTheNext(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	s.start(o.gitDir() + "-is-away")
	s.f.Sources.Poll = time.Hour
	for range 3 {
		if err := s.sync(); err == nil {
			t.Fatal("the source is away, and nothing is said of it")
		}
	}
}

// An empty topic is no news: who was named is asked.
func TestG9EmptyTopicAsksTheNamedSource(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.hears(&topic{})
	s.syncs()
	s.inStep(o.head())
}

// B17: the broker is down: the replica asks its source, and applies; when it is back, the topic counts.
func TestB17BrokerDownSourceUp(t *testing.T) {
	o := newOrigin(t)
	root := o.head().String()
	s := newSite(t, o.gitDir())
	bus := &topic{}
	s.hears(bus)
	bus.announces("gs-a", root, root)
	s.syncs()
	bus.err = http.ErrServerClosed
	next := o.then(o.g.SetTitle("harbour:buoys", "Buoys and beacons"))
	s.syncs()
	s.inStep(next)
	bus.err = nil
	next = o.then(o.g.SetTitle("harbour:buoys", "Buoys"))
	bus.announces("gs-a", root, next.String())
	s.syncs()
	s.inStep(next)
}

// A remote out of a record is used only on a host that a person named, and may not lead to another.
func TestRemotesOfRecordsStayOnNamedHosts(t *testing.T) {
	asked := map[string]int{}
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked["inner"]++; http.NotFound(w, r) }))
	defer inner.Close()
	elsewhere := strings.Replace(inner.URL, "127.0.0.1", "127.0.0.1.nip.invalid", 1)
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked["outer"]++
		http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusFound)
	}))
	defer outer.Close()
	o := newOrigin(t)
	root := o.head().String()
	for remote, want := range map[string]string{
		elsewhere + "/git/":                  "no source for it is trusted",
		"file://" + o.gitDir():               "no source for it is trusted",
		o.gitDir():                           "no source for it is trusted",
		"http://127.0.0.1@evil.invalid/git/": "no source for it is trusted",
		strings.Replace(outer.URL, "http://", "http://user:word@", 1) + "/": "no source for it is trusted",
		outer.URL + "/git/": "forwards to a host that nobody named",
	} {
		s := newSite(t, "")
		s.f.Sources.Trust = []string{"127.0.0.1"}
		bus := &topic{}
		s.hears(bus)
		bus.announces("gs-a", root, root, remote)
		if err := s.sync(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", remote, err)
		}
	}
	if asked["outer"] != 1 || asked["inner"] != 0 {
		t.Errorf("asked %v", asked)
	}
}
