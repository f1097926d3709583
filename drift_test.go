package gsgit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
)

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
		s.start(o.gitDir())
		s.f.Adopt = true
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
		s.start(o.gitDir()) // and each life anew
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
	for n, start := 0, time.Now(); time.Since(start) < patience; n++ {
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
	t.Error("no file was met in motion")
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
