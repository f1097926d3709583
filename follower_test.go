package gsgit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// B1: a publish comes as a whole: the new layer's directory by one rename, what replaces a file by an exchange,
// with the time of now; one reload, and what was picked up is marked.
func TestB1PublishIsApplied(t *testing.T) {
	o := newOrigin(t)
	s, g := newSite(t, o.gitDir()), &running{}
	s.syncs()
	s.picksUp(g)
	g.calls = nil
	var came []string
	s.options.Gate = func(operation string, paths ...string) error {
		if rel, err := filepath.Rel(s.dir, paths[len(paths)-1]); err == nil && operation == "renamenew" && !strings.HasPrefix(rel, ".git") {
			came = append(came, rel)
		}
		return nil
	}
	s.start(o.gitDir())
	o.then(o.g.Publish("harbour", "charts", "wrecks", "seamark"))
	before := time.Now().Add(-time.Second)
	s.syncs()
	s.inStep(o.head())
	if !slices.Contains(came, "workspaces/harbour/charts/wrecks") || slices.Contains(came, "workspaces/harbour/charts/wrecks/layer.xml") {
		t.Errorf("what came by a rename: %q", came)
	}
	s.picksUp(g)
	if !slices.Equal(g.calls, []string{"reload"}) || s.at(gsgit.AppliedRef) != o.head() {
		t.Errorf("it got %v, applied is %s", g.calls, s.at(gsgit.AppliedRef))
	}
	info, err := os.Stat(s.path("workspaces/harbour/charts/wrecks/layer.xml"))
	if err != nil || info.ModTime().Before(before) {
		t.Errorf("the new layer is of %v: %v", info, err)
	}
}

// B2: a style body alone is written and asks for no reload, and it grows younger, whatever the clock of its commit said.
func TestB2StyleBodyAlone(t *testing.T) {
	o := newOrigin(t)
	s, g := newSite(t, o.gitDir()), &running{}
	s.syncs()
	s.picksUp(g)
	ahead := time.Now().Add(48 * time.Hour)
	if err := os.Chtimes(s.path(depth), ahead, ahead); err != nil {
		t.Fatal(err)
	}
	body := strings.Replace(s.read(depth), "</StyledLayerDescriptor>", "<!-- deeper --></StyledLayerDescriptor>", 1)
	o.then(o.g.Put(depth, []byte(body)))
	s.syncs()
	g.calls = nil
	s.picksUp(g)
	if len(g.calls) != 0 {
		t.Errorf("a style body got %v", g.calls)
	}
	if info, err := os.Stat(s.path(depth)); err != nil || !info.ModTime().After(ahead) {
		t.Errorf("the new body is not younger than the old one: %v", err)
	}
	s.inStep(o.head())
}

// B3, B4: however many commits are behind, one plan brings the newest, and one reload.
func TestB3BurstIsOneApply(t *testing.T) {
	o := newOrigin(t)
	s, g := newSite(t, o.gitDir()), &running{}
	s.syncs()
	s.picksUp(g)
	g.calls = nil
	for i := range 20 {
		o.then(o.g.SetTitle("harbour:buoys", fmt.Sprintf("Buoys, issue %d", i)))
	}
	s.log.Reset()
	s.syncs()
	s.picksUp(g)
	if n := strings.Count(s.log.String(), "msg=applied"); n != 1 {
		t.Errorf("%d applies", n)
	}
	if !slices.Equal(g.calls, []string{"reload"}) && !slices.Equal(g.calls, []string{"settings", "reload"}) {
		t.Errorf("got %v", g.calls)
	}
	s.inStep(o.head())
}

// B5: an empty directory is filled; files of the instance beside it stay.
func TestB5Bootstrap(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	for _, own := range []string{"logs/geoserver.log", "data/charts/big.tif", "cluster/cluster.properties"} {
		s.write(own, "of this node")
	}
	s.syncs()
	s.inStep(o.head())
	for _, own := range []string{"logs/geoserver.log", "data/charts/big.tif", "cluster/cluster.properties"} {
		if s.read(own) != "of this node" {
			t.Errorf("%s was touched", own)
		}
	}
	if len(s.kept()) != 0 {
		t.Error("something was kept of an empty directory")
	}
}

// B13: a deleted layer that a group used goes after the group was written.
func TestB13DeleteOfALayerOfAGroup(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	g := &running{}
	s.picksUp(g)
	g.calls = nil
	layer := "workspaces/harbour/charts/fairways/layer.xml"
	var order []string
	s.options.Gate = func(operation string, paths ...string) error {
		for _, p := range paths {
			if rel, err := filepath.Rel(s.dir, p); err == nil && strings.HasPrefix(rel, "workspaces") && (operation == "exchange" || operation == "rename") {
				order = append(order, rel)
			}
		}
		return nil
	}
	s.start(o.gitDir())
	o.then(o.g.DeleteLayer("harbour:fairways"))
	s.syncs()
	s.inStep(o.head())
	group := slices.IndexFunc(order, func(p string) bool { return strings.Contains(p, "layergroups/") })
	if gone := slices.Index(order, layer); group >= 0 && gone >= 0 && gone < group {
		t.Errorf("the layer went before its group was written: %v", order)
	}
	if s.has(filepath.Dir(layer)) {
		t.Error("the emptied directory of the layer is still there")
	}
	s.picksUp(g)
	if !slices.Equal(g.calls, []string{"reload"}) {
		t.Errorf("it got %v", g.calls)
	}
}

// errKilled stands for the death of the process: nothing after it is done.
var errKilled = errors.New("killed")

// kills runs a Sync that dies at the n-th file operation; false where it came to its end before.
func (s *site) kills(from string, n int) bool {
	s.t.Helper()
	count := 0
	s.options.Gate = func(string, ...string) error {
		if count++; count >= n {
			return errKilled
		}
		return nil
	}
	s.start(from)
	err := s.sync()
	s.options.Gate = nil
	s.start(from)
	return err != nil
}

// B15: killed at any file operation of an apply, beside drift: the next start ends it, and the replica's own bytes are kept.
func TestB15G7KilledAnywhere(t *testing.T) {
	o := newOrigin(t)
	first := o.head()
	o.then(errors.Join(o.g.SetTitle("harbour:buoys", "Buoys and beacons"), o.g.DeleteLayer("harbour:fairways"), o.g.CreateWorkspace("quay")))
	second := o.head()
	for n := 1; ; n++ {
		o.points(first)
		s := siteAt(t, fastDir(t), o.gitDir())
		s.syncs()
		own := s.edit(buoys, "<title>", "<title>Our own ")
		extra := "<style><id>StyleInfoImpl--own</id><name>own</name><filename>own.sld</filename></style>"
		s.write("styles/own.xml", extra)
		o.points(second)
		died := s.kills(o.gitDir(), n)
		s.syncs()
		s.inStep(second)
		if !s.keeps(buoys, own) || !s.keeps("styles/own.xml", extra) {
			t.Fatalf("killed at operation %d: the replica's own bytes are lost", n)
		}
		if !died {
			reached(t, n, 150)
			return
		}
	}
}

// keeps tells whether some drift commit holds a file with these bytes.
func (s *site) keeps(file, content string) bool {
	for _, c := range s.kept() {
		entry, ok, err := s.store.Lookup(c, file)
		if err == nil && ok && entry.Blob == gitstore.BlobHash([]byte(content)) {
			return true
		}
	}
	return false
}

// B16: news that is old, doubled or out of order changes nothing; a real step back is a commit of its own.
func TestB16G8StaleNews(t *testing.T) {
	o := newOrigin(t)
	root := o.head().String()
	s := newSite(t, o.gitDir())
	bus := &topic{}
	s.hears(bus)
	middle := o.then(o.g.SetTitle("harbour:buoys", "One"))
	last := o.then(o.g.SetTitle("harbour:buoys", "Two"))
	for _, commit := range []gitstore.Hash{last, middle, last, last, o.head()} {
		bus.announces("gs-a", root, commit.String())
		s.syncs()
		s.inStep(last)
	}
	for _, garbage := range []string{"", "HEAD", strings.Repeat("ab", 20), strings.Repeat("0", 40)} {
		bus.announces("gs-z", root, garbage)
		if err := s.sync(); err == nil {
			t.Errorf("%q is taken for a commit", garbage)
		}
		s.inStep(last)
	}
	bus.heads = nil // an emptied topic deletes nothing
	s.f.Sources.From.URL = ""
	if err := s.sync(); err != nil {
		t.Fatal(err)
	}
	s.inStep(last)
}

// B18: a history that was forced to another place is not followed, and taken on demand; the former one is kept.
func TestB18ForcedHistory(t *testing.T) {
	o := newOrigin(t)
	root := o.head()
	s := newSite(t, o.gitDir())
	lost := o.then(o.g.SetTitle("harbour:buoys", "One"))
	s.syncs()
	other := hand(t, o.store, root, "forced", gitstore.Edit{Path: depth, Content: []byte(blob(t, o.store, root, depth) + "<!-- forced -->")})
	o.points(other)
	p := s.stops(gsgit.Diverged, other.String())
	s.inStep(lost)
	if !strings.Contains(p.Help, "resync --to") {
		t.Errorf("hint %q", p.Help)
	}
	own := s.edit(buoys, "<title>", "<title>Our own ")
	if err := s.sync(); err == nil {
		t.Fatal("it is no longer diverged")
	}
	s.inStep(lost) // drift is healed all the same
	if !s.keeps(buoys, own) {
		t.Error("drift beside a diverged history was lost")
	}
	s.start(o.gitDir())
	if err := s.f.Hear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.f.To(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	s.inStep(other)
	if kept := s.under("refs/gsgit/lost/"); len(kept) != 1 || kept[0] != lost {
		t.Errorf("kept %v", kept)
	}
	if s.f.Pinned().State != "" {
		t.Error("the newest head is pinned")
	}
	s.start(o.gitDir())
	next := hand(t, o.store, other, "on", gitstore.Edit{Path: depth, Content: []byte(blob(t, o.store, root, depth) + "<!-- on -->")})
	o.points(next)
	s.syncs()
	s.inStep(next)
}

// pinned: a step back holds the node there, at any death on the way, until it is let go.
func TestPinnedUntilUnpinned(t *testing.T) {
	o := newOrigin(t)
	first := o.head()
	o.then(o.g.SetTitle("harbour:buoys", "One"))
	for n := 1; ; n += 13 {
		s := newSite(t, o.gitDir())
		s.syncs()
		count := 0
		s.options.Gate = func(string, ...string) error {
			if count++; count >= n {
				return errKilled
			}
			return nil
		}
		s.start(o.gitDir())
		died := s.f.To(t.Context(), first) != nil
		s.options.Gate = nil
		s.start(o.gitDir())
		if s.at(gsgit.PinnedRef).IsZero() {
			s.inStep(o.head()) // it died before anything was wished
			continue
		}
		s.syncs()
		s.inStep(first)
		if got := s.f.Pinned(); got.State != gsgit.Pinned || !strings.Contains(got.Hint, "--unpin") {
			t.Fatalf("killed at %d: %+v", n, got)
		}
		if s.f.Lag() != 1 {
			t.Errorf("pinned one commit back, the lag is %d", s.f.Lag())
		}
		if err := s.f.Unpin(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.syncs()
		s.inStep(o.head())
		if !died {
			return
		}
	}
}

// G10: a path that left the tracked set stays on every disk, and is nobody's drift afterwards.
func TestG10UntrackedPathStays(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	out := hand(t, o.store, o.head(), "leave the store to each node\n\nGsgit-Untrack: "+portDB,
		gitstore.Edit{Path: portDB}, gitstore.Edit{Path: "styles/quay.sld"}, gitstore.Edit{Path: "styles/quay.xml"})
	o.points(out)
	s.f.Accept = out // layers without a store are damage, and not what this is about
	s.syncs()
	if s.has("styles/quay.xml") || !s.has(portDB) || s.disk() != out {
		t.Fatal("the removed style is there, or the store that was left out is not")
	}
	for range 2 {
		s.event(portDB)
		s.syncs()
		s.start(o.gitDir())
		s.syncs()
	}
	if !s.has(portDB) || len(s.f.Drifting()) != 0 || len(s.kept()) != 0 {
		t.Errorf("drift %v, kept %v", s.f.Drifting(), s.kept())
	}
	again := hand(t, o.store, out, "and back", gitstore.Edit{Path: portDB, Content: []byte(blob(t, o.store, o.tail(), portDB))})
	gone := hand(t, o.store, again, "and gone", gitstore.Edit{Path: portDB})
	for _, c := range []gitstore.Hash{again, gone} {
		o.points(c)
		s.f.Accept = c
		s.syncs()
	}
	if s.has(portDB) {
		t.Error("a path that came back into history and was removed there is still here")
	}
}

// tail is the first commit.
func (o *origin) tail() gitstore.Hash {
	o.t.Helper()
	root, err := o.store.Root(o.t.Context(), o.head())
	if err != nil {
		o.t.Fatal(err)
	}
	return root
}

// B12: --local stays on this node: never overwritten, never drift, and a placeholder travels as it is.
func TestB12LocalStays(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.f.Dir.Rules.Local = []string{"workspaces/harbour/port_db/datastore.xml"}
	own := "<dataStore><id>DataStoreInfoImpl-5c1d20a7:19a3e4b70c2:-7ff9</id><name>port_db</name></dataStore>"
	s.write(portDB, own)
	s.syncs()
	s.event(portDB)
	o.then(o.g.SetStoreParameter("harbour", "port_db", "host", "db2.merrowby.example"))
	s.syncs()
	if s.read(portDB) != own || s.disk() != o.head() || len(s.kept()) != 0 {
		t.Errorf("the local store is %s", s.read(portDB))
	}
	o.then(o.g.DeleteStore("harbour", "port_db"))
	if err := s.sync(); err != nil {
		t.Fatal(err)
	}
	if s.read(portDB) != own {
		t.Error("the local store went with the primary's")
	}
}
