package gsgit_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/watcher"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// origin is a primary's side: a sample data directory whose GeoServer can be played, and its history.
type origin struct {
	t     *testing.T
	g     *fixtures.GeoServer
	p     *gsgit.Publisher
	store *gitstore.Store
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	dir := t.TempDir()
	if err := fixtures.Sample(dir); err != nil {
		t.Fatal(err)
	}
	return originAt(t, dir)
}

// originAt makes a history of a directory and records it.
func originAt(t *testing.T, dir string) *origin {
	t.Helper()
	o := &origin{t: t, g: &fixtures.GeoServer{Writer: fixtures.Writer{Dir: dir}}, store: repository(t, dir)}
	o.p = &gsgit.Publisher{
		Dir: &gsgit.Directory{Root: dir}, Store: o.store, Instance: "gs-a", Hold: time.Second, Log: slog.New(slog.DiscardHandler),
	}
	o.commit()
	return o
}

// smallOrigin is the history of another GeoServer.
func smallOrigin(t *testing.T) *origin {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "global.xml"), []byte("<global><updateSequence>1</updateSequence></global>"), 0o644); err != nil {
		t.Fatal(err)
	}
	return originAt(t, dir)
}

func repository(t *testing.T, dir string) *gitstore.Store {
	t.Helper()
	s, err := gitstore.Create(filepath.Join(dir, ".git"), gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// commit records whatever is on disk now, as after a hold that is over, and gives the head.
func (o *origin) commit() gitstore.Hash {
	o.t.Helper()
	past := time.Now().Add(-time.Hour)
	o.p.Observe(watcher.Batch{Lost: true, First: past, Last: past})
	if _, err := o.p.Sync(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	return o.head()
}

// then commits an edit of its GeoServer.
func (o *origin) then(err error) gitstore.Hash {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	return o.commit()
}

func (o *origin) head() gitstore.Hash { return refOf(o.t, o.store, o.store.BranchRef()) }

func refOf(t *testing.T, s *gitstore.Store, name string) gitstore.Hash {
	t.Helper()
	id, err := s.Ref(name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// hand is a commit that a person made in a hub, on any parent: nobody checked it and nobody named its damage.
func hand(t *testing.T, s *gitstore.Store, parent gitstore.Hash, message string, edits ...gitstore.Edit) gitstore.Hash {
	t.Helper()
	person := gitstore.Signature{Name: "A Person", Email: "person@example.org", When: time.Now()}
	id, err := s.Write(t.Context(), gitstore.Draft{Parent: parent, Edits: edits, Author: person, Committer: person, Message: message})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// points moves the branch of a history, by force where need be.
func (o *origin) points(to gitstore.Hash) {
	o.t.Helper()
	if err := o.store.SetRef(o.t.Context(), o.store.BranchRef(), o.head(), to); err != nil {
		o.t.Fatal(err)
	}
}

func (o *origin) gitDir() string { return o.store.GitDir() }

// topic is what a bus says, for tests about what a node makes of it.
type topic struct {
	heads []kafkabus.Announcement
	nodes []kafkabus.Node
	err   error
}

func (t *topic) Heads() []kafkabus.Announcement { return t.heads }
func (t *topic) Nodes() []kafkabus.Node         { return t.nodes }
func (t *topic) Err() error                     { return t.err }

// announces puts a head on the topic under an instance's key.
func (t *topic) announces(instance, cluster, commit string, remotes ...string) {
	t.heads = slices.DeleteFunc(t.heads, func(a kafkabus.Announcement) bool { return a.Instance == instance })
	t.heads = append(t.heads, kafkabus.Announcement{
		V: 1, Instance: instance, Cluster: cluster, Ref: "refs/heads/main", Commit: commit, Remotes: remotes,
	})
}

// site is a replica's side.
type site struct {
	t       *testing.T
	dir     string
	store   *gitstore.Store
	f       *gsgit.Follower
	options resync.Options
	flags   func(*gsgit.Follower) // what the command line says, in each life; may be nil
	log     *bytes.Buffer
}

// newSite is a replica in an empty directory that follows a history by asking it.
func newSite(t *testing.T, from string) *site {
	t.Helper()
	return siteAt(t, t.TempDir(), from)
}

// fastDir is a directory in memory where there is one, for tables that sync thousands of times.
func fastDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gsgit-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func siteAt(t *testing.T, dir, from string) *site {
	t.Helper()
	s := &site{t: t, dir: dir, store: repository(t, dir), log: &bytes.Buffer{}}
	s.options = resync.Options{Root: dir, State: filepath.Join(dir, ".git", "gsgit")}
	s.start(from)
	return s
}

// start is a new life of the replica's process: all that it had in memory is gone.
func (s *site) start(from string) {
	s.t.Helper()
	memory, err := gsgit.OpenMemory(s.options.State)
	if err != nil {
		s.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	s.f = &gsgit.Follower{
		Dir: &gsgit.Directory{Root: s.dir, Rules: xmlcatalog.Rules{All: true}}, Store: s.store, Instance: "gs-b", Log: log,
		Sources: &gsgit.Sources{From: gitstore.Source{URL: from}, Memory: memory, Poll: time.Nanosecond, Own: "gs-b", Log: log},
	}
	options := s.options
	options.Displaced = func(path string, content []byte) error { return s.f.Displaced(s.t.Context(), path, content) }
	if s.f.Files, err = resync.Open(options); err != nil {
		s.t.Fatal(err)
	}
	if s.flags != nil {
		s.flags(s.f)
	}
	s.f.LookAtAll()
}

// hears puts the replica on a topic instead of asking.
func (s *site) hears(t *topic) { s.f.Sources.Table = t }

func (s *site) sync() error {
	_, err := s.f.Sync(s.t.Context())
	return err
}

// syncs is a Sync that has to end well.
func (s *site) syncs() {
	s.t.Helper()
	if err := s.sync(); err != nil {
		s.t.Fatal(err)
	}
}

// stops is a Sync that has to end in a state, with words that say why, and gives the problem.
func (s *site) stops(state gsgit.State, words ...string) *gsgit.Problem {
	s.t.Helper()
	err := s.sync()
	var p *gsgit.Problem
	if !errors.As(err, &p) || p.State != state {
		s.t.Fatalf("got %v, and not a problem of state %s", err, state)
	}
	for _, w := range words {
		if !strings.Contains(p.Error(), w) {
			s.t.Errorf("%q does not say %q", p, w)
		}
	}
	return p
}

// fetches brings a commit without applying it.
func (s *site) fetches(from string, commit gitstore.Hash) {
	s.t.Helper()
	if err := s.store.Fetch(s.t.Context(), gitstore.Source{URL: from}, commit, gitstore.Hash{}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) at(name string) gitstore.Hash { return refOf(s.t, s.store, name) }

func (s *site) disk() gitstore.Hash { return s.at(gsgit.DiskRef) }

// inStep fails unless branch, marker and every tracked file are those of a commit, and nothing is left over.
func (s *site) inStep(commit gitstore.Hash) {
	s.t.Helper()
	if disk, head := s.disk(), s.at(s.store.BranchRef()); disk != commit || head != commit {
		s.t.Fatalf("disk %s and branch %s are not at %s", disk, head, commit)
	}
	if err := gsgit.InStep(s.store, &gsgit.Directory{Root: s.dir}, false); err != nil {
		s.t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.options.State, "journal.json")); err == nil {
		s.t.Error("a journal is left")
	}
	if left, err := os.ReadDir(filepath.Join(s.options.State, "stage")); len(left) > 0 || err != nil && !os.IsNotExist(err) {
		s.t.Errorf("the stage holds %v (%v)", left, err)
	}
}

// kept lists the commits under refs/gsgit/drift/, the oldest first.
func (s *site) kept() []gitstore.Hash { return s.under("refs/gsgit/drift/") }

func (s *site) under(prefix string) (commits []gitstore.Hash) {
	s.t.Helper()
	refs, err := s.store.Refs(prefix)
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for name := range refs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		commits = append(commits, refs[name])
	}
	return commits
}

func (s *site) path(file string) string { return filepath.Join(s.dir, filepath.FromSlash(file)) }

func (s *site) read(file string) string {
	s.t.Helper()
	content, err := os.ReadFile(s.path(file))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(content)
}

func (s *site) has(file string) bool {
	_, err := os.Lstat(s.path(file))
	return err == nil
}

// write is somebody else's write into the replica's directory, and its event.
func (s *site) write(file, content string) {
	s.t.Helper()
	place := s.path(file)
	if err := errors.Join(os.MkdirAll(filepath.Dir(place), 0o755), os.WriteFile(place, []byte(content), 0o644)); err != nil {
		s.t.Fatal(err)
	}
	s.event(file)
}

func (s *site) remove(file string) {
	s.t.Helper()
	if err := os.Remove(s.path(file)); err != nil {
		s.t.Fatal(err)
	}
	s.event(file)
}

// edit replaces a word in a file of the replica.
func (s *site) edit(file, old, new string) string {
	s.t.Helper()
	content := s.read(file)
	changed := strings.Replace(content, old, new, 1)
	if changed == content {
		s.t.Fatalf("%s does not hold %q", file, old)
	}
	s.write(file, changed)
	return changed
}

func (s *site) event(file string) {
	now := time.Now()
	s.f.Observe(watcher.Batch{Paths: []string{file}, First: now, Last: now})
}

// blob is a file of a commit in a store.
func blob(t *testing.T, s *gitstore.Store, commit gitstore.Hash, file string) string {
	t.Helper()
	entry, ok, err := s.Lookup(commit, file)
	if err != nil || !ok {
		t.Fatalf("%s of %s: %v, there: %v", file, commit, err, ok)
	}
	content, err := s.Blob(entry.Blob)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

const (
	buoys   = "workspaces/harbour/charts/buoys/featuretype.xml"
	portDB  = "workspaces/harbour/port_db/datastore.xml"
	depth   = "styles/depth.sld"
	charts  = "workspaces/harbour/charts/datastore.xml"
	seaMark = "styles/seamark.xml"
)
