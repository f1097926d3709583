package gsgit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/watcher"
)

func pngs(p *primary, dir string, n int) {
	for i := range n {
		p.write(fmt.Sprintf("%s/EPSG_4326_00/0_0/00_%02d.png", dir, i), "\x89PNG\x00")
	}
}

// A27: a tile cache that is renamed into view stays out, the rest of the batch goes in.
func TestA27ATileCacheRenamedIntoView(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	pngs(p, "gwc/harbour_tiles", 30)
	p.must(os.Rename(filepath.Join(p.dir, "gwc"), filepath.Join(p.dir, "gwc-bak")))
	p.must(p.quick().SetTitle("harbour:lights", "All lights"))
	p.write("styles/icons/new.svg", "<svg/>")
	p.publisher.LookAtAll()
	p.again()
	if got := p.subjects(); len(got) != 1 {
		t.Errorf("the commits are %q", got)
	}
	if m := p.last().Message; !strings.Contains(m, "harbour:lights") || !strings.Contains(m, "new.svg") || strings.Contains(m, "png") {
		t.Errorf("the commit is\n%s", m)
	}
	p.holds("gwc-bak")

	// One more tile does not slip in by itself, nor after a look at everything.
	p.write("gwc-bak/harbour_tiles/EPSG_4326_00/0_0/one_more.png", "\x89PNG\x00")
	p.sync(0, "gwc-bak/harbour_tiles/EPSG_4326_00/0_0/one_more.png")
	p.publisher.LookAtAll()
	p.again()
	p.expect()
	p.holds("gwc-bak")
	if !p.publisher.Idle() {
		t.Error("what is kept out is still pending")
	}

	p.must(os.RemoveAll(filepath.Join(p.dir, "gwc-bak")))
	p.sync(0, "gwc-bak")
	p.expect()
	p.holds()
}

func TestGuardIsForcedOnce(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	pngs(p, "heap", 30)
	p.publisher.LookAtAll()
	p.again()
	p.expect()
	p.holds("heap/EPSG_4326_00/0_0")

	again := *p // the next start, with --force
	again.publisher = &gsgit.Publisher{Dir: p.publisher.Dir, Store: p.store, Instance: "test", Hold: p.hold, MaxNew: 10, Force: true, Log: p.publisher.Log}
	again.publisher.LookAtAll()
	again.again()
	if got := again.subjects(); len(got) != 1 || !strings.HasPrefix(got[0], "add 30 files") {
		t.Errorf("the commits are %q", got)
	}
	again.holds()
	pngs(&again, "more", 30)
	again.publisher.LookAtAll()
	again.again()
	again.expect()
	again.holds("more/EPSG_4326_00/0_0")
}

func TestGuardOfLargeFiles(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	large := strings.Repeat("one line of text\n", 100_000)
	data := "styles/icons/scan.tif"
	p.write("styles/icons/legend.txt", large) // text is kept whatever its size
	p.write(data, "II*\x00"+large)
	p.sync(0, "styles/icons")
	p.expect("add file styles/icons/legend.txt")
	p.holds(data)
	p.write(data, "II*\x00 small")
	p.sync(0, data)
	p.expect("add file " + data)
	p.holds()

	p.write(data, "II*\x00"+large) // a file of history that grew into data
	p.sync(0, data)
	p.expect()
	p.holds(data)
	p.publisher.Force = true
	p.sync(0, data)
	p.expect("modify file " + data)
	p.holds()
	p.write(data, "II*\x00"+large+large) // it was taken in on purpose
	p.sync(0, data)
	p.expect("modify file " + data)
}

func TestGuardOfTheImport(t *testing.T) {
	t.Parallel()
	dir := sampleDir(t)
	pngs(&primary{t: t, dir: dir}, "gwc-old", 30)
	if err := os.WriteFile(filepath.Join(dir, "styles", "scan.tif"), []byte("II*\x00"+strings.Repeat("0", 2<<20)), 0o644); err != nil {
		t.Fatal(err)
	}
	p := newBare(t, dir)
	p.holds("gwc-old/EPSG_4326_00/0_0", "styles/scan.tif")
	for e, err := range p.store.Files(p.head(), "") {
		if err != nil || strings.HasPrefix(e.Path, "gwc-old") || strings.HasSuffix(e.Path, ".tif") {
			t.Fatalf("%s is in the import (%v)", e.Path, err)
		}
	}
	p.publisher.LookAtAll()
	p.again()
	p.expect()
}

// Every workspace, or every style, gone at once is a volume that went away, unless a person says otherwise.
func TestG1APartThatIsUnmountedIsNoDeletion(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"workspaces", "styles"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			p := newBare(t, sampleDir(t))
			here, away := filepath.Join(p.dir, part), filepath.Join(t.TempDir(), part)
			unmounted := func() {
				t.Helper()
				p.publisher.LookAtAll()
				_, err := p.publisher.Sync(t.Context())
				var problem *gsgit.Problem
				if !errors.As(err, &problem) || problem.State != gsgit.Held || !strings.Contains(problem.Why, part) || !strings.Contains(problem.Help, "--keep-disk") {
					t.Fatalf("got %v", err)
				}
				p.expect()
			}
			p.must(os.Rename(here, away))
			unmounted()
			p.must(os.Mkdir(here, 0o755)) // the directory that it was mounted on
			unmounted()
			p.must(os.Remove(here))
			p.must(os.Rename(away, here))
			p.again()
			p.expect()

			p.must(os.Rename(here, away))
			unmounted()
			p.must(p.publisher.KeepDisk(t.Context()))
			if got := p.subjects(); len(got) != 1 {
				t.Errorf("what was meant made %q", got)
			}
			p.must(os.Rename(away, here))
			p.publisher.LookAtAll()
			p.again()
			p.subjects()

			p.must(os.Rename(here, away))
			unmounted()
			p.publisher.Force = true
			past := time.Now().Add(-time.Hour) // the hold for what dangles now is over
			p.publisher.Observe(watcher.Batch{Lost: true, First: past, Last: past})
			p.again()
			if got := p.subjects(); len(got) != 1 {
				t.Errorf("--force made %q", got)
			}
		})
	}
}

// A volume that went away is not the deletion of everything.
func TestG1AnUnmountedVolumeIsNoDeletion(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	away := t.TempDir()
	for _, name := range []string{"global.xml", "workspaces", "styles", "layergroups"} {
		p.must(os.Rename(filepath.Join(p.dir, name), filepath.Join(away, name)))
	}
	p.publisher.LookAtAll()
	_, err := p.publisher.Sync(t.Context())
	var problem *gsgit.Problem
	if !errors.As(err, &problem) || problem.State != gsgit.Held {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{"global.xml", "workspaces", "styles", "layergroups"} {
		p.must(os.Rename(filepath.Join(away, name), filepath.Join(p.dir, name)))
	}
	p.again()
	p.expect()
}

// One workspace after the other, and the last of them too, is deleted by somebody who means it.
func TestTheLastWorkspaceMayBeDeleted(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	spaces, err := filepath.Glob(filepath.Join(p.dir, "workspaces/*/workspace.xml"))
	p.must(err)
	for _, space := range spaces {
		name := filepath.Base(filepath.Dir(space))
		p.must(p.geoserver().DeleteWorkspace(name))
		if got := p.commits(); len(got) != 1 || !strings.HasPrefix(got[0], "delete workspace "+name) {
			t.Fatalf("the commits are %q", got)
		}
	}
}
