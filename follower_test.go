package gsgit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
)

// B1: a publish comes as a whole, and what is new of it is written parents first.
func TestB1PublishIsApplied(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	o.then(o.g.Publish("harbour", "charts", "wrecks", "seamark"))
	before := time.Now().Add(-time.Second)
	s.syncs()
	s.inStep(o.head())
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

// B6: drift under each policy.
func TestB6DriftPolicies(t *testing.T) {
	o := newOrigin(t)
	drifting := func(policy string) (*site, string) {
		s := newSite(t, o.gitDir())
		s.f.Drift = policy
		s.syncs()
		return s, s.edit(buoys, "<title>", "<title>Our own ")
	}
	t.Run("heal", func(t *testing.T) {
		s, own := drifting(gsgit.DriftHeal)
		s.syncs()
		s.inStep(o.head())
		kept := s.kept()
		if len(kept) != 1 || blob(t, s.store, kept[0], buoys) != own {
			t.Fatalf("kept %v", kept)
		}
		c, err := s.store.Commit(kept[0])
		if err != nil || !strings.Contains(c.Message, "layer:harbour:buoys") || !strings.Contains(c.Message, "title") {
			t.Errorf("the drift commit says %q: %v", c.Message, err)
		}
		if len(s.f.Drifting()) != 0 {
			t.Error("it still drifts")
		}
	})
	t.Run("hold", func(t *testing.T) {
		s, own := drifting(gsgit.DriftHold)
		o.then(o.g.SetTitle("harbour:lights", "Lights, issue "+t.Name()))
		p := s.stops(gsgit.Held, "layer:harbour:buoys")
		if s.read(buoys) != own || s.disk() == o.head() {
			t.Error("something was applied beside held drift")
		}
		if !strings.Contains(p.Help, "gsgit resync") || !slices.Equal(s.f.Drifting(), []string{"layer:harbour:buoys"}) {
			t.Errorf("drift %v, hint %q", s.f.Drifting(), p.Help)
		}
		s.edit(buoys, "<title>Our own ", "<title>")
		s.syncs()
		s.inStep(o.head())
	})
	t.Run("ignore", func(t *testing.T) {
		s, own := drifting(gsgit.DriftIgnore)
		o.then(o.g.SetTitle("harbour:lights", "Lights, issue "+t.Name()))
		s.syncs()
		if s.read(buoys) != own || s.disk() != o.head() || len(s.f.Drifting()) != 1 || len(s.kept()) != 0 {
			t.Errorf("drift %v, kept %v", s.f.Drifting(), s.kept())
		}
		o.then(o.g.SetTitle("harbour:buoys", "Buoys, issue "+t.Name()))
		s.syncs()
		s.inStep(o.head())
		if kept := s.kept(); len(kept) != 1 || blob(t, s.store, kept[0], buoys) != own || len(s.f.Drifting()) != 0 {
			t.Errorf("drift %v, kept %v", s.f.Drifting(), kept)
		}
	})
}

// An object too many is drift, and goes once it is kept; a file that GeoServer does not load is not.
func TestB6ExtraObjectGoesAndExtraFileStays(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	s.write("workspaces/harbour/styles/own.xml", "<style><id>StyleInfoImpl--own</id><name>own</name><filename>own.sld</filename></style>")
	s.write("workspaces/harbour/charts/buoys/own.ftl", "of this node")
	s.write("workspaces/default.xml", s.read("workspaces/default.xml"))
	s.syncs()
	s.syncs()
	if s.has("workspaces/harbour/styles/own.xml") || !s.has("workspaces/harbour/charts/buoys/own.ftl") || len(s.kept()) != 1 {
		t.Errorf("kept %v", s.kept())
	}
}

// B7: what the replica's own GeoServer makes of the head's files is no drift.
func TestB7EchoIsNoDrift(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	s.edit("global.xml", "<updateSequence>", "<updateSequence>9")
	s.syncs()
	if len(s.f.Drifting()) != 0 || len(s.kept()) != 0 {
		t.Errorf("drift %v", s.f.Drifting())
	}
}

// B9: unnamed damage and every new outage is refused before the first write, until a later commit mends it or
// a person accepts it; named damage is applied and told of.
func TestB9Damage(t *testing.T) {
	t.Run("few files", func(t *testing.T) { damage(t, 0) })
	t.Run("many files", func(t *testing.T) { damage(t, 1) })
}

// damage is B9 for a change of more files than many, for which nothing is held in memory, or of fewer.
func damage(t *testing.T, many int) {
	o := newOrigin(t)
	good := o.head()
	more := gitstore.Edit{Path: "styles/more.txt", Content: []byte("a second file")}
	newSite := func(t *testing.T, from string) *site {
		s := newSite(t, from)
		s.flags = func(f *gsgit.Follower) { f.SetMany(many) }
		s.start(from)
		return s
	}
	s := newSite(t, o.gitDir())
	s.syncs()
	broken := gitstore.Edit{Path: "workspaces/survey/tides/gauges/layer.xml", Content: []byte("<layer><name>gauges")}
	bad := hand(t, o.store, good, "a bad merge", broken, more)
	o.points(bad)
	p := s.stops(gsgit.Refused, bad.String(), "gauges", "nobody named")
	s.inStep(good)
	if !strings.Contains(p.Help, "--accept "+bad.String()) {
		t.Errorf("hint %q", p.Help)
	}
	t.Run("mended", func(t *testing.T) {
		mended := hand(t, o.store, bad, "mend it", gitstore.Edit{Path: broken.Path, Content: []byte(blob(t, o.store, good, broken.Path))},
			gitstore.Edit{Path: depth, Content: []byte(blob(t, o.store, good, depth) + "<!-- more -->")})
		o.points(mended)
		m := newSite(t, o.gitDir())
		m.syncs()
		m.inStep(mended)
		o.points(bad)
	})
	t.Run("accepted", func(t *testing.T) {
		s.f.Accept = bad
		s.syncs()
		s.inStep(bad)
		s.start(o.gitDir()) // what was accepted stays so, also for later commits
		next := hand(t, o.store, bad, "go on", gitstore.Edit{Path: more.Path, Content: []byte("changed")}, gitstore.Edit{Path: depth, Content: []byte(blob(t, o.store, good, depth) + "<!-- on -->")})
		o.points(next)
		s.syncs()
		s.inStep(next)
		o.points(bad)
	})
	t.Run("named", func(t *testing.T) {
		s := newSite(t, o.gitDir())
		s.f.Sources.From.URL = o.gitDir()
		o.points(good)
		s.syncs()
		_, lines, _ := strings.Cut(p.Error(), "named: ")
		named := hand(t, o.store, good, "a bad merge, and it says so\n\nGsgit-Damage: "+strings.ReplaceAll(lines, "; ", "\nGsgit-Damage: "), broken, more)
		o.points(named)
		s.log.Reset()
		s.syncs()
		s.inStep(named)
		if !strings.Contains(s.log.String(), "applying named damage") {
			t.Errorf("nobody was told: %s", s.log)
		}
	})
}

// A tree that must not be written is refused as a whole, and no accepting changes that.
func TestB9UnsafeTreeIsRefusedForGood(t *testing.T) {
	o := newOrigin(t)
	good := o.head()
	s := newSite(t, o.gitDir())
	s.syncs()
	bad := hand(t, o.store, good, "a trap", gitstore.Edit{Path: depth, Content: []byte("<x/>")},
		gitstore.Edit{Path: "styles/a\\b.sld", Content: []byte("<x/>")})
	o.points(bad)
	s.f.Accept = bad
	p := s.stops(gsgit.Refused, "backslash")
	s.inStep(good)
	if strings.Contains(p.Help, "--accept") {
		t.Errorf("the hint %q can not help", p.Help)
	}
}

// B13: a deleted layer that a group used goes after the group was written.
func TestB13DeleteOfALayerOfAGroup(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
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
	for n := 1; ; n += 9 {
		o.points(first)
		s := newSite(t, o.gitDir())
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

// G7: a directory with other content is kept whole before the first write, once, also where the apply fails again and again.
func TestG7AdoptKeepsWhatWasThere(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	own := "<style><id>StyleInfoImpl--own</id><name>own</name><filename>own.sld</filename></style>"
	s.write("styles/own.xml", own)
	s.write("global.xml", "<global/>")
	s.stops(gsgit.Error, "2 files", "not write")
	if len(s.kept()) != 0 || s.read("global.xml") != "<global/>" {
		t.Fatal("it was touched without --adopt")
	}
	full := syscall.ENOSPC
	s.options.Gate = func(operation string, _ ...string) error {
		if operation == "write" {
			return full
		}
		return nil
	}
	s.start(o.gitDir())
	s.f.Adopt = true
	for range 3 {
		if err := s.sync(); !errors.Is(err, full) {
			t.Fatalf("got %v", err)
		}
	}
	if len(s.kept()) != 1 {
		t.Errorf("the same bytes were kept %d times", len(s.kept()))
	}
	s.options.Gate = nil
	s.start(o.gitDir())
	s.f.Adopt = true
	s.syncs()
	s.inStep(o.head())
	if !s.keeps("styles/own.xml", own) || !s.keeps("global.xml", "<global/>") || s.has("styles/own.xml") {
		t.Error("what was adopted is lost, or an object too many is still there")
	}
	n := len(s.kept())
	s.start(o.gitDir())
	s.f.Adopt = true // left in the command line
	s.syncs()
	if len(s.kept()) != n {
		t.Error("--adopt did something afterwards")
	}
}

// A directory that was seeded with what the head has is adopted without a copy of it all.
func TestG7AdoptOfASeededDirectoryKeepsWhatDiffers(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	if err := fixtures.Sample(s.dir); err != nil {
		t.Fatal(err)
	}
	own := s.edit(buoys, "<title>", "<title>Our own ")
	s.f.Adopt = true
	plan, err := s.f.Plan(t.Context())
	if err != nil || !strings.HasPrefix(plan.String(), "~ "+buoys+"\n") || strings.Contains(plan.String(), depth) {
		t.Errorf("it would write\n%s%v", plan, err)
	}
	s.syncs()
	s.inStep(o.head())
	kept := s.kept()
	if len(kept) != 1 || blob(t, s.store, kept[0], buoys) != own {
		t.Fatalf("kept %v", kept)
	}
	if _, ok, err := s.store.Lookup(kept[0], depth); err != nil || ok {
		t.Errorf("it holds what the head has as well: %v", err)
	}
}

// A refused commit must not have the directory to be adopted kept anew at each try.
func TestG7RefusedAdoptionKeepsNothing(t *testing.T) {
	o := newOrigin(t)
	bad := hand(t, o.store, o.head(), "a bad merge", gitstore.Edit{Path: "workspaces/harbour/charts/buoys/layer.xml", Content: []byte("<layer>")})
	o.points(bad)
	s := newSite(t, o.gitDir())
	s.f.Adopt = true
	s.write("global.xml", "<global/>")
	s.stops(gsgit.Refused)
	s.stops(gsgit.Refused)
	if len(s.kept()) != 0 || s.read("global.xml") != "<global/>" {
		t.Errorf("kept %v", s.kept())
	}
}

// Drift that can not be healed, here for a link, is told of and kept once, not at each try.
func TestG7DriftThatCanNotBeHealedIsKeptOnce(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	own := s.edit(buoys, "<title>", "<title>Our own ")
	if err := errors.Join(os.Remove(s.path(depth)), os.Symlink("/dev/null", s.path(depth))); err != nil {
		t.Fatal(err)
	}
	s.event(depth)
	for range 3 {
		s.stops(gsgit.Error, "styles/depth.sld")
	}
	if s.read(buoys) != own || len(s.kept()) > 1 {
		t.Errorf("kept %d times", len(s.kept()))
	}
	if err := os.Remove(s.path(depth)); err != nil {
		t.Fatal(err)
	}
	s.syncs()
	s.inStep(o.head())
	if !s.keeps(buoys, own) {
		t.Error("the replica's own bytes are lost")
	}
}

// A password that this GeoServer encrypted with its own key is no drift, but nobody else has it: it is kept when
// the head writes over it.
func TestG7OwnCiphertextIsKept(t *testing.T) {
	o := newOrigin(t)
	withPassword(o, "crypt1:AAAAAAAAAAAAAAAAAAAAAA==")
	s := newSite(t, o.gitDir())
	s.syncs()
	own := s.edit(portDB, "crypt1:AAAAAAAAAAAAAAAAAAAAAA==", "crypt1:BBBBBBBBBBBBBBBBBBBBBB==")
	s.syncs()
	if s.read(portDB) != own || len(s.kept()) != 0 {
		t.Fatal("the own ciphertext is taken for drift")
	}
	o.then(o.g.SetStoreParameter("harbour", "port_db", "host", "db2.merrowby.example"))
	s.syncs()
	s.inStep(o.head())
	if !s.keeps(portDB, own) {
		t.Error("the own ciphertext is lost")
	}
}

// withPassword gives the sample's database store a password.
func withPassword(o *origin, cipher string) {
	o.t.Helper()
	content, err := o.g.Read(portDB)
	if err != nil {
		o.t.Fatal(err)
	}
	o.then(o.g.Put(portDB, []byte(strings.Replace(string(content), "${PORT_DB_PASSWORD}", cipher, 1))))
}

// A file that is being written while it is looked at is looked at again, and keeps no other from coming.
func TestG9FileInMotionKeepsNothingWaiting(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	place := s.path(buoys)
	content := strings.Repeat("x", 1<<23)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				_ = os.WriteFile(place, []byte(content[:1<<22+n%7]), 0o644)
			}
		}
	}()
	defer func() { close(stop); <-ended }()
	for n := range 100 {
		head := hand(t, o.store, o.head(), "on", gitstore.Edit{Path: "styles/new.sld", Content: fmt.Appendf(nil, "<x>%d</x>", n)})
		o.points(head)
		s.f.Accept = head
		s.event(buoys)
		if err := s.sync(); err != nil && strings.Contains(err.Error(), "changed while it was read") {
			if s.disk() != head {
				t.Error("one file in motion kept everything else waiting")
			}
			return
		}
	}
	t.Skip("no file was met in motion")
}

// A file that can not be read is named, and keeps nothing else from being healed or coming.
func TestG9UnreadableFileKeepsNothingWaiting(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	next := o.then(o.g.SetTitle("harbour:lights", "Lights and fires"))
	own := s.edit(buoys, "<title>", "<title>Our own ")
	if err := os.Chmod(s.path(depth), 0); err != nil {
		t.Fatal(err)
	}
	s.event(depth)
	for range 2 {
		s.stops(gsgit.Degraded, depth)
	}
	if err := os.Chmod(s.path(depth), 0o644); err != nil {
		t.Fatal(err)
	}
	s.syncs()
	s.inStep(next)
	if !s.keeps(buoys, own) || len(s.kept()) != 1 {
		t.Errorf("kept %v", s.kept())
	}
}

// Held drift is looked at again where it is, not the whole directory each time.
func TestB6HeldDriftCostsALookAtItself(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.flags = func(f *gsgit.Follower) { f.Drift = gsgit.DriftHold }
	s.start(o.gitDir())
	s.syncs()
	s.edit(buoys, "<title>", "<title>Our own ")
	s.f.LookAtAll()
	s.stops(gsgit.Held)
	before := s.f.Dir.Work()
	s.stops(gsgit.Held)
	if after := s.f.Dir.Work(); after.Reads-before.Reads > 1 || after.Walks != before.Walks {
		t.Errorf("from %+v to %+v", before, after)
	}
}

// G9: healed drift is picked up: the GeoServer may serve what it wrote. At any death on the way.
func TestG9HealedDriftIsPickedUp(t *testing.T) {
	o := newOrigin(t)
	s, g := newSite(t, o.gitDir()), &running{}
	s.syncs()
	s.picksUp(g)
	g.calls = nil
	s.syncs()
	s.picksUp(g)
	if len(g.calls) != 0 {
		t.Fatalf("nothing changed, and it got %v", g.calls)
	}
	s.edit(buoys, "<title>", "<title>Our own ")
	s.syncs()
	s.picksUp(g)
	if !slices.Equal(g.calls, []string{"reload"}) {
		t.Errorf("after healing: %v", g.calls)
	}
	if s.at(gsgit.AppliedRef) != o.head() {
		t.Error("applied is not at the head")
	}
	g.calls, g.down = nil, errors.New("connection refused")
	o.then(o.g.SetTitle("harbour:lights", "Lights and fires"))
	s.syncs()
	if s.picks(g) == nil {
		t.Fatal("it is down")
	}
	s.edit("global.xml", "<updateSequence>", "<charset>x</charset><updateSequence>")
	s.syncs()
	g.calls, g.down = nil, nil
	s.picksUp(g)
	if !slices.Equal(g.calls, []string{"settings", "reload"}) {
		t.Errorf("after healing what the GeoServer had not picked up: %v", g.calls)
	}
}

// running is a GeoServer of which only the calls count.
type running struct {
	calls []string
	down  error
}

func (g *running) PutSettings(context.Context, []byte) error { return g.call("settings") }
func (g *running) Reload(context.Context) error              { return g.call("reload") }

func (g *running) call(name string) error {
	if g.down == nil {
		g.calls = append(g.calls, name)
	}
	return g.down
}

func (s *site) picks(g *running) error {
	p := &gsgit.PickUp{Store: s.store, Server: g, Log: slog.New(slog.DiscardHandler)}
	_, err := p.Sync(s.t.Context())
	return err
}

func (s *site) picksUp(g *running) {
	s.t.Helper()
	if err := s.picks(g); err != nil {
		s.t.Fatal(err)
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

// A dry run tells all that a Sync would write, drift that it would heal included, and writes nothing.
func TestDryRun(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	s.edit(depth, "<", "<!-- own --><")
	s.remove("styles/quay.sld")
	o.then(o.g.SetTitle("harbour:buoys", "One"))
	before := tree(t, s.dir)
	plan, err := s.f.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after := tree(t, s.dir); after != before {
		t.Error("a dry run wrote something")
	}
	for _, line := range []string{"~ " + depth, "+ styles/quay.sld", "~ " + buoys} {
		if !strings.Contains(plan.String(), line+"\n") {
			t.Errorf("%q is not in\n%s", line, plan)
		}
	}
	s.syncs()
	if plan, err := s.f.Plan(t.Context()); err != nil || !plan.Empty() {
		t.Errorf("in step, and it would write\n%s%v", plan, err)
	}
}

// tree lists the files of a directory, its repository aside, with sizes and times.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if p == ".git" {
				return fs.SkipDir
			}
			return err
		}
		info, err := e.Info()
		fmt.Fprintf(&all, "%s %d %s\n", p, info.Size(), info.ModTime())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// A thousand files changed by hand are a thousand files healed, in one commit.
func TestG7ThousandFilesChangedByHand(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand files take their time")
	}
	o := newOrigin(t)
	body := blob(t, o.store, o.head(), depth)
	for i := range 1000 {
		if err := o.g.New(fmt.Sprintf("styles/many/%04d.sld", i), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	o.commit()
	s := newSite(t, o.gitDir())
	s.syncs()
	for i := range 1000 {
		s.write(fmt.Sprintf("styles/many/%04d.sld", i), body+"<!-- own -->")
	}
	s.syncs()
	s.inStep(o.head())
	if kept := s.kept(); len(kept) != 1 || !s.keeps("styles/many/0999.sld", body+"<!-- own -->") {
		t.Errorf("kept %v", kept)
	}
}
