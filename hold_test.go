package gsgit_test

import (
	"context"
	"fmt"
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
	"github.com/gsgit/gsgit/watcher"
)

// newBare is a primary without a watcher: the test tells what is pending and when it began, and syncs itself.
func newBare(t *testing.T, dir string, adjust ...func(*gsgit.Publisher)) *primary {
	t.Helper()
	store, err := gitstore.Create(filepath.Join(dir, ".git"), gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &primary{t: t, dir: dir, hold: 30 * time.Second, store: store, log: &lines{Handler: slog.DiscardHandler, ch: make(chan string, 10000)}}
	p.publisher = &gsgit.Publisher{
		Dir: &gsgit.Directory{Root: dir}, Store: store, Instance: "test", Hold: p.hold, MaxNew: 10, Log: slog.New(loud{p.log}),
	}
	for _, a := range adjust {
		a(p.publisher)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			p.untorn()
		}
		_ = store.Close()
	})
	if _, err := p.publisher.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.told = p.head()
	return p
}

// quick edits without the pauses of a GeoServer.
func (p *primary) quick() *fixtures.GeoServer {
	return &fixtures.GeoServer{Writer: fixtures.Writer{Dir: p.dir, Pause: func(time.Duration) {}}}
}

// sync tells of paths that changed some time ago, and looks once.
func (p *primary) sync(ago time.Duration, paths ...string) time.Duration {
	p.t.Helper()
	at := time.Now().Add(-ago)
	p.publisher.Observe(watcher.Batch{Paths: paths, First: at, Last: at})
	return p.again()
}

func (p *primary) again() time.Duration {
	p.t.Helper()
	wait, err := p.publisher.Sync(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return wait
}

// subjects is what was committed since the last call.
func (p *primary) subjects() []string {
	p.t.Helper()
	var all []string
	for c, err := range p.store.Log(p.t.Context(), p.head()) {
		if err != nil {
			p.t.Fatal(err)
		}
		if c.ID == p.told {
			break
		}
		all = append(all, c.Subject())
	}
	slices.Reverse(all)
	p.told = p.head()
	return all
}

func (p *primary) expect(want ...string) {
	p.t.Helper()
	if got := p.subjects(); !slices.Equal(got, want) {
		p.t.Errorf("the commits are\n\t%s\nnot\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (p *primary) holds(want ...string) {
	p.t.Helper()
	var got []string
	for _, h := range p.publisher.Held() {
		got = append(got, h.Path)
		if h.Hint == "" {
			p.t.Errorf("%s is held without a hint", h.Path)
		}
	}
	if !slices.Equal(got, want) {
		p.t.Errorf("held is %q, not %q", got, want)
	}
}

// A stream of edits without a pause, longer than the hold: commits come, and none holds half of a layer.
func TestG2AStreamWithoutPauseTearsNothing(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t), func(p *primary) { p.hold = 700 * time.Millisecond })
	g := p.geoserver()
	end := time.Now().Add(5 * p.hold)
	for i := 0; time.Now().Before(end); i++ {
		p.must(g.Publish("harbour", "charts", fmt.Sprintf("stream%04d", i), "point"))
	}
	if got := p.commits(); len(got) < 2 {
		t.Errorf("a stream five holds long made %d commits", len(got))
	}
	for c, err := range p.store.Log(t.Context(), p.head()) {
		if err != nil || len(c.Trailers("Gsgit-Damage")) > 0 {
			t.Errorf("%q names damage: %q (%v)", c.Subject(), c.Trailers("Gsgit-Damage"), err)
		}
	}
}

// halves publishes a layer in two steps: first its feature type, later the rest.
func halves(t *testing.T, p *primary, name string) (resource string, rest func()) {
	t.Helper()
	dir := "workspaces/harbour/charts/" + name
	p.must(p.quick().Publish("harbour", "charts", name, "point"))
	layer := p.read(dir + "/layer.xml")
	p.must(os.Remove(filepath.Join(p.dir, dir, "layer.xml")))
	_, id, _ := strings.Cut(layer, "<id>")
	id, _, _ = strings.Cut(id, "</id>")
	p.must(os.Remove(filepath.Join(p.dir, "gwc-layers", strings.ReplaceAll(id, ":", "_")+".xml")))
	return dir + "/featuretype.xml", func() { p.write(dir+"/layer.xml", layer) }
}

// Something that will never be whole is committed when its hold is over, by its name; a publish that has
// only just begun is not dragged along.
func TestG2TheHoldOfOneForcesNoOther(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	orphan, _ := halves(t, p, "orphan")
	p.sync(p.hold-200*time.Millisecond, orphan)
	p.expect()
	half, rest := halves(t, p, "half")
	for wait := p.sync(0, half); !t.Failed() && p.head() == p.told; wait = p.again() {
		time.Sleep(wait)
	}
	p.expect("publish layer harbour:orphan")
	if p.publisher.Idle() {
		t.Fatal("the half publish was forgotten")
	}
	if _, ok, err := p.store.Lookup(p.head(), half); ok || err != nil {
		t.Fatalf("half a publish is in history (%v)", err)
	}
	rest()
	p.sync(0, "workspaces/harbour/charts/half/layer.xml")
	for c, err := range p.store.Log(t.Context(), p.head()) {
		if err != nil || strings.Contains(strings.Join(c.Trailers("Gsgit-Damage"), ""), "half") {
			t.Errorf("%q names damage of the half: %q (%v)", c.Subject(), c.Trailers("Gsgit-Damage"), err)
		}
	}
}

func TestG2AtTheEndOfTheHoldDamageIsNamed(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	orphan, _ := halves(t, p, "orphan")
	p.sync(31*time.Second, orphan)
	p.expect("publish layer harbour:orphan")
	want := "dropped layer:harbour:orphan " + orphan + ": layer.xml is not there; the layer is left out"
	if got := p.last().Trailers("Gsgit-Damage"); !slices.Equal(got, []string{want}) {
		t.Errorf("the damage is %q", got)
	}
}

// What is held has been told of: it delays no later batch, a look at everything included.
func TestG1WhatIsHeldDelaysNothing(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	broken := "workspaces/harbour/charts/buoys/layer.xml"
	whole := p.read(broken)
	p.write(broken, whole[:len(whole)/2])
	p.sync(31*time.Second, broken)
	p.expect()
	p.holds(broken)
	p.must(p.quick().SetTitle("harbour:lights", "All lights"))
	p.publisher.LookAtAll()
	p.again()
	p.expect(`modify layer harbour:lights: title Lights -> "All lights"`)
	p.holds(broken)
	p.write(broken, whole[:len(whole)/3]) // another try at it, as broken
	p.must(p.quick().SetTitle("harbour:lights", "The lights"))
	p.sync(0, broken, "workspaces/harbour/charts/lights/featuretype.xml")
	p.expect(`modify layer harbour:lights: title "All lights" -> "The lights"`)
	p.holds(broken)
	p.write(broken, whole)
	p.sync(0, broken)
	p.expect()
	p.holds()
}

// A file that was broken in the import does not open the door to another broken one.
func TestG2OnceBrokenIsNoLeave(t *testing.T) {
	t.Parallel()
	dir := sampleDir(t)
	broken := "workspaces/harbour/charts/buoys/layer.xml"
	if err := os.WriteFile(filepath.Join(dir, broken), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	p := newBare(t, dir)
	p.write(broken, "<layer><na")
	p.sync(31*time.Second, broken)
	p.expect()
	p.holds(broken)
}

// Only the file that can not be read is held: the edits beside it go on, and it is no deletion.
func TestG1AFileThatCanNotBeReadStopsNoOther(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	p := newBare(t, sampleDir(t))
	closed := "styles/depth.sld"
	p.must(os.Chmod(filepath.Join(p.dir, closed), 0))
	p.must(p.quick().SetTitle("harbour:lights", "All lights"))
	p.sync(31*time.Second, closed, "workspaces/harbour/charts/lights/featuretype.xml")
	p.expect(`modify layer harbour:lights: title Lights -> "All lights"`)
	p.holds(closed)
}

// A file that is written all the time never becomes whole to a reader; the rest does.
func TestG1AFileThatIsWrittenWithoutEndStopsNoOther(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	path := "styles/notes.txt"
	p.write(path, strings.Repeat("x", 100))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f, err := os.OpenFile(filepath.Join(p.dir, path), os.O_WRONLY|os.O_APPEND, 0)
		for err == nil && ctx.Err() == nil {
			_, err = f.WriteString("x")
		}
		f.Close()
	}()
	p.must(p.quick().SetTitle("harbour:lights", "All lights"))
	p.sync(31*time.Second, path, "workspaces/harbour/charts/lights/featuretype.xml")
	if got := p.subjects(); len(got) != 1 || !strings.Contains(got[0], "harbour:lights") {
		t.Errorf("the commits are %q", got)
	}
	stop()
	<-done
}

// A part that was moved elsewhere and linked to is no deletion of what it holds.
func TestG1ALinkIsNoDeletion(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	elsewhere := filepath.Join(t.TempDir(), "styles")
	p.must(os.Rename(filepath.Join(p.dir, "styles"), elsewhere))
	p.must(os.Symlink(elsewhere, filepath.Join(p.dir, "styles")))
	file := filepath.Join(p.dir, "workspaces/harbour/styles/fairway.sld")
	p.must(os.Rename(file, filepath.Join(t.TempDir(), "fairway.sld")))
	p.must(os.Symlink(filepath.Join(elsewhere, "quay.sld"), file))
	p.sync(31*time.Second, "")
	p.expect()
	p.holds("styles", "workspaces/harbour/styles/fairway.sld")
	p.must(p.quick().SetTitle("harbour:lights", "All lights"))
	p.sync(0, "workspaces/harbour/charts/lights")
	p.expect(`modify layer harbour:lights: title Lights -> "All lights"`)
}

func TestG1ANameThatGitRefusesStopsNoOther(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	p.write("styles/git~1", "x")
	p.must(p.quick().SetTitle("harbour:lights", "All lights"))
	p.publisher.LookAtAll()
	p.again()
	p.expect(`modify layer harbour:lights: title Lights -> "All lights"`)
	p.holds("styles/git~1")
	p.must(os.Remove(filepath.Join(p.dir, "styles/git~1")))
	p.sync(0, "styles/git~1")
	p.holds()
}

// The branch has moved and the marker could not: what follows is still described from the right tree.
func TestG1TheMarkerFailsOnce(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	lock := filepath.Join(p.dir, ".git", "refs/gsgit/disk.lock")
	var told []string
	p.publisher.Step = func(name string) {
		if name == "publisher.disk" && len(told) == 0 {
			told = append(told, name)
			p.must(os.Mkdir(lock, 0o755)) // as if the disk had just become full
		}
	}
	p.must(p.quick().RenameLayer("harbour:buoys", "marks"))
	p.publisher.LookAtAll()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := p.publisher.Sync(ctx); err == nil {
		t.Fatal("the marker moved all the same")
	}
	p.must(os.Remove(lock))
	p.must(p.quick().SetTitle("harbour:marks", "Marks"))
	p.publisher.LookAtAll()
	p.again()
	got := p.subjects()
	if len(got) != 2 || got[0] != "rename layer harbour:buoys -> harbour:marks" || !strings.HasPrefix(got[1], "modify layer harbour:marks: title ") {
		t.Errorf("the commits are %q", got)
	}
	if disk, err := p.store.Ref(gsgit.DiskRef); err != nil || disk != p.head() {
		t.Errorf("the marker is at %s (%v)", disk, err)
	}
}

// A commit that failed, on a full disk say, is made by the next try: the events of its files do not come again.
func TestG1ACommitThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	lock := filepath.Join(p.dir, ".git", "refs/heads/main.lock")
	p.must(os.Mkdir(lock, 0o755))
	p.must(p.quick().SetTitle("harbour:buoys", "All buoys"))
	p.publisher.LookAtAll()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := p.publisher.Sync(ctx); err == nil {
		t.Fatalf("the branch moved all the same: %q %q", p.subjects(), p.log.all())
	}
	p.must(os.Remove(lock))
	p.again()
	if got := p.subjects(); len(got) != 1 || !strings.HasPrefix(got[0], "modify layer harbour:buoys: title ") {
		t.Errorf("the commits are %q", got)
	}
}

// An import beside a busy GeoServer is described by what it took in.
func TestG2AnImportBesideAWorkingGeoServer(t *testing.T) {
	t.Parallel()
	for i := range 5 {
		dir := sampleDir(t)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			g := &fixtures.GeoServer{Writer: fixtures.Writer{Dir: dir, Pause: func(time.Duration) {}}}
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("busy%d-%d", i, n)
				_ = g.Publish("harbour", "charts", name, "point")
				_ = g.DeleteLayer("harbour:" + name)
			}
		}()
		p := newBare(t, dir)
		stop()
		<-done
		p.untorn()
	}
}

// While something waits, only what differs is looked at again, though everything was pending.
func TestWorkOfABatchThatWaits(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	halves(t, p, "orphan")
	p.publisher.LookAtAll()
	p.again()
	before := p.publisher.Dir.Work().Reads
	p.again()
	if n := p.publisher.Dir.Work().Reads - before; n > 4 {
		t.Errorf("%d files were read again", n)
	}
}
