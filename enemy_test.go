package gsgit_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
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

// Two sources whose addresses differ in signs only are two, and a long address is no obstacle.
func TestSourcesAreToldApart(t *testing.T) {
	o := newOrigin(t)
	parent := t.TempDir()
	far := filepath.Join(parent, strings.Repeat("a-very-long-name/", 14))
	for _, place := range []string{filepath.Join(parent, "a.b"), filepath.Join(parent, "a-b"), far} {
		if out, err := exec.Command("git", "clone", "-q", "--bare", o.gitDir(), place).CombinedOutput(); err != nil {
			t.Skipf("git clone: %v: %s", err, out)
		}
	}
	o.then(o.g.SetTitle("harbour:buoys", "One"))
	push := exec.Command("git", "--git-dir", o.gitDir(), "push", "-q", filepath.Join(parent, "a.b"), "main")
	if out, err := push.CombinedOutput(); err != nil {
		t.Fatalf("git push: %v: %s", err, out)
	}
	s := newSite(t, filepath.Join(parent, "a.b"))
	s.f.Sources.Hub.URL = filepath.Join(parent, "a-b")
	s.syncs()
	s.inStep(o.head())
	f := newSite(t, far)
	f.syncs()
	if f.disk() != o.tail() {
		t.Error("the long address brought nothing")
	}
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
			s := newSite(t, o.gitDir())
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
				return
			}
			n += n / 10 // there are a hundred steps of staging, which are all alike
		}
	})
	t.Run("healing", func(t *testing.T) {
		for n := 1; ; n++ {
			o.points(o.tail())
			s, g := newSite(t, o.gitDir()), &running{}
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
				return
			}
		}
	})
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

// B4: a replica that was away for ten thousand commits applies one plan, and counts how far it is behind once.
func TestB4TenThousandCommitsAreOnePlan(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand commits take their time")
	}
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	var stream bytes.Buffer
	fmt.Fprintf(&stream, "reset refs/heads/main\nfrom %s\n\n", o.head())
	for n := range 10_000 {
		body := fmt.Sprintf("<StyledLayerDescriptor version=\"1.0.0\"><!-- %d --></StyledLayerDescriptor>", n)
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter P <p@example.org> %d +0000\ndata 2\non\nM 100644 inline styles/many/%03d.sld\ndata %d\n%s\n\n",
			1_800_000_000+n, n%500, len(body), body)
	}
	git := exec.Command("git", "--git-dir", o.gitDir(), "fast-import", "--quiet", "--force")
	git.Stdin = &stream
	if out, err := git.CombinedOutput(); err != nil {
		t.Skipf("git fast-import: %v: %s", err, out)
	}
	fresh, err := gitstore.Open(o.gitDir(), gitstore.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	head := refOf(t, fresh, "refs/heads/main")
	if err := s.f.Hear(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.f.Accept = head // bodies without a style are no damage of interest here
	s.log.Reset()
	s.syncs()
	s.inStep(head)
	if n := strings.Count(s.log.String(), "msg=applied"); n != 1 || !strings.Contains(s.log.String(), "files=500") {
		t.Errorf("%d applies: %s", n, s.log)
	}
}

// The same over a bus: what was heard is fetched, what is out of order changes nothing, and when the broker is
// down the source heard last is asked, also by a new life.
func TestB16B17OverABus(t *testing.T) {
	o := newOrigin(t)
	broker := kafkabus.NewMemory()
	primary, replica := broker.Bus("gs-a"), broker.Bus("gs-b")
	for _, b := range []*kafkabus.MemoryBus{primary, replica} {
		run(t, b)
	}
	s := newSite(t, "")
	s.f.Sources.Hub = gitstore.Source{URL: o.gitDir()}
	s.f.Sources.Table = replica
	root := o.head()
	announce := func(commit gitstore.Hash, epoch string) {
		t.Helper()
		for len(replica.Changed()) > 0 {
			<-replica.Changed()
		}
		err := primary.Announce(t.Context(), kafkabus.Announcement{
			Cluster: root.String(), Instance: "gs-a", Ref: "refs/heads/main", Commit: commit.String(), Epoch: epoch, Time: time.Now(), Remotes: []string{},
		})
		if err != nil {
			t.Fatal(err)
		}
		for !has(replica.Heads(), commit) {
			<-replica.Changed()
		}
	}
	epoch := kafkabus.NewEpoch(time.Now(), "")
	next := o.then(o.g.SetTitle("harbour:buoys", "One"))
	for _, commit := range []gitstore.Hash{root, next, root, next, next} {
		announce(commit, epoch)
		s.syncs()
	}
	s.inStep(next)
	broker.SetDown(true)
	for replica.Err() == nil {
		<-replica.Changed()
	}
	next = o.then(o.g.SetTitle("harbour:buoys", "Two"))
	s.syncs()
	s.inStep(next)
}

func has(heads []kafkabus.Announcement, commit gitstore.Hash) bool {
	for _, a := range heads {
		if a.Commit == commit.String() {
			return true
		}
	}
	return false
}

// run keeps a bus going for the time of a test.
func run(t *testing.T, b *kafkabus.MemoryBus) {
	t.Helper()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = b.Run(t.Context()) }()
	t.Cleanup(func() { <-ended; b.Close() })
	select {
	case <-b.CaughtUp():
	case <-time.After(time.Minute):
		t.Fatal("the topics were not read")
	}
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

// A source that did not answer a moment ago is asked after the others.
func TestG9DeadSourceIsAskedLast(t *testing.T) {
	o := newOrigin(t)
	root := o.head()
	asked := 0
	dead := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer dead.Close()
	live := httptest.NewServer(http.StripPrefix("/git", o.store.Handler(gitstore.ServeOptions{})))
	defer live.Close()
	s := newSite(t, dead.URL+"/git/")
	bus := &topic{}
	s.hears(bus)
	for n := range 4 {
		bus.announces("gs-a", root.String(), o.head().String(), live.URL+"/git/")
		s.syncs()
		s.inStep(o.head())
		o.then(o.g.SetTitle("harbour:buoys", fmt.Sprintf("Number %d", n)))
	}
	if asked != 1 {
		t.Errorf("the dead source was asked %d times", asked)
	}
}
