package gsgit_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
)

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
