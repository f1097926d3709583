package gsgit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/watcher"
)

const sld = `<?xml version="1.0" encoding="UTF-8"?><StyledLayerDescriptor version="1.0.0"><NamedLayer><Name>%s</Name></NamedLayer></StyledLayerDescriptor>`

func body(name string) []byte { return fmt.Appendf(nil, sld, name) }

// The scenarios A1 to A30 of a GeoServer that is worked with: how many commits come out, and what they say.

func TestA01PublishALayer(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().Publish("harbour", "charts", "beacons", "point"))
	p.became("publish layer harbour:beacons (store charts, style point)")
	if ids := p.last().Trailers("Gsgit-Object"); len(ids) != 2 || !strings.HasPrefix(ids[0], "layer:harbour:beacons LayerInfoImpl-") {
		t.Errorf("the objects are %q", ids)
	}
}

func TestA02PublishACoverageWithStoreAndStyle(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	g := p.geoserver()
	p.must(g.CreateStyle("relief", body("relief")))
	p.became("create style relief")
	p.must(g.CreateStore("harbour", "dem"))
	p.became("create store harbour:dem")
	g.Pause = slowly(2, 4*testSettle) // between the resource and its layer
	p.must(g.Publish("harbour", "dem", "relief", "relief"))
	p.became("publish layer harbour:relief (store dem, style relief)")
}

// slowly is a pause that is long once, at the nth time.
func slowly(nth int, long time.Duration) func(time.Duration) {
	return func(d time.Duration) {
		if nth--; nth == 0 {
			d = long
		}
		time.Sleep(d)
	}
}

func TestA03ChangeTheDefaultStyle(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().SetDefaultStyle("harbour:buoys", "point"))
	p.became("modify layer harbour:buoys: defaultStyle buoy -> point")
}

func TestA04G3SaveWithoutChange(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().ResaveLayer("harbour:buoys"))
	p.quiet()
}

func TestA05G3UpdateSequenceOnly(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	reads := p.publisher.Dir.Work().Reads
	for range 50 {
		p.must(p.geoserver().BumpUpdateSequence())
		time.Sleep(5 * time.Millisecond)
	}
	p.quiet()
	if n := p.publisher.Dir.Work().Reads - reads; n > 200 {
		t.Errorf("%d files were read for a counter", n)
	}
}

func TestA06G3MapsInAnotherOrder(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().ReorderMap("workspaces/harbour/port_db/datastore.xml"))
	p.quiet()
}

func TestA07ReorderAGroup(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().ReorderGroup("merrowby"))
	p.became("reorder group merrowby: members")
}

func TestA08G4EditAStyleBody(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	latin := []byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\r\n<StyledLayerDescriptor version=\"1.0.0\"><Name>h\xe4fen</Name></StyledLayerDescriptor>")
	p.must(p.geoserver().EditStyle("seamark", latin))
	p.became("edit style buoy: sld") // which draws with the same body
	e, ok, err := p.store.Lookup(p.head(), "styles/seamarks.sld")
	p.must(err)
	blob, err := p.store.Blob(e.Blob)
	if err != nil || !ok || string(blob) != string(latin) {
		t.Errorf("the blob is %q (%v)", blob, err)
	}
}

func TestA09DeleteAStyleInUse(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().DeleteStyle("seamark"))
	got := p.commits()
	if len(got) != 1 || !strings.HasPrefix(got[0], "delete style seamark, modify 2 layers in harbour") {
		t.Errorf("the commits are %q", got)
	}
	for e, err := range p.store.Files(p.head(), "styles") {
		if err != nil || strings.Contains(e.Path, ".bak") {
			t.Errorf("%s is in history (%v)", e.Path, err)
		}
	}
}

func TestA10RenameAStyle(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().RenameStyle("depth", "depths"))
	p.became("rename style depth -> depths")
}

func TestA11MoveAStyleIntoAWorkspace(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().MoveStyle("depth", "survey"))
	p.became("move style depth -> survey:depth")
}

func TestA12RenameALayerAndEditInside(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().RenameLayer("harbour:buoys", "marks"))
	p.became("rename layer harbour:buoys -> harbour:marks")
	p.write("workspaces/harbour/charts/marks/title.ftl", "${feature} as it is now")
	p.became("modify template harbour:marks/title.ftl")
}

func TestA13RenameAStore(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().RenameStore("harbour", "charts", "maps"))
	p.became("rename store harbour:charts -> harbour:maps (3 layers)")
}

func TestA14AFalseRename(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	g := p.geoserver()
	p.must(g.CreateStore("harbour", "old"))
	p.became("create store harbour:old")
	p.must(g.DeleteStore("harbour", "old"))
	p.must(g.CreateStore("harbour", "new"))
	p.became("delete store harbour:old; create store harbour:new")
}

func TestA15ReplaceALayer(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	g := p.geoserver()
	p.must(g.DeleteLayer("city:parks"))
	time.Sleep(500 * time.Millisecond)
	p.must(g.Publish("city", "cadastre", "parks", "polygon"))
	got := p.commits()
	if len(got) != 1 || !strings.Contains(got[0], "replace layer city:parks") {
		t.Errorf("the commits are %q", got)
	}
}

func TestA16RenameAWorkspace(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().RenameWorkspace("harbour", "port"))
	p.became("rename workspace harbour -> port (2 stores, 6 layers)")
}

func TestA17DeleteAWorkspace(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t), func(p *primary) { p.hold = 20 * time.Second })
	g := p.geoserver()
	g.Pause = func(time.Duration) { time.Sleep(testSettle + 20*time.Millisecond) } // file by file, quiet after each
	p.must(g.DeleteWorkspace("harbour"))
	got := p.commits()
	if len(got) != 1 || !strings.HasPrefix(got[0], "delete workspace harbour") {
		t.Errorf("the commits are %q", got)
	}
}

func TestA18SaveAStoreOfManyLayers(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().SetStoreParameter("harbour", "port_db", "host", "db.example.org"))
	got := p.commits()
	if len(got) != 1 || !strings.HasPrefix(got[0], "modify store harbour:port_db: host ") {
		t.Errorf("the commits are %q", got)
	}
	if edits, err := gsgit.EditsBetween(t.Context(), p.store, p.last().Parents[0], p.head()); err != nil || len(edits) != 1 {
		t.Errorf("the commit has %d files (%v)", len(edits), err)
	}
}

func TestA19ARotatedPassword(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().ChangeStorePassword("harbour", "port_db"))
	p.became("modify store harbour:port_db: password rewritten")
	if strings.Contains(p.last().Message, "crypt1") {
		t.Errorf("the message has the password:\n%s", p.last().Message)
	}
}

func TestA20ARuleOfSecurity(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.must(p.geoserver().AddRule("city.*.w", "ADMIN"))
	p.became("modify security rules: city.*.w = ADMIN")
	rules := p.read("security/layers.properties")
	_, rest, _ := strings.Cut(rules, "\n")
	p.write("security/layers.properties", "#Tue Nov 24 10:00:00 UTC 2026\n"+rest)
	p.quiet()
}

func TestA21ANewUser(t *testing.T) {
	t.Parallel()
	users := "security/usergroup/default/users.xml"
	add := func(p *primary) {
		p.write(users, strings.Replace(p.read(users), "<users>", `<users><user enabled="true" name="bob" password="digest1:geheim"/>`, 1))
	}
	t.Run("rules", func(t *testing.T) {
		p := newPrimary(t, sampleDir(t))
		add(p)
		p.quiet()
	})
	t.Run("all", func(t *testing.T) {
		p := newPrimary(t, sampleDir(t), func(p *primary) { p.rules.All = true })
		add(p)
		p.became("modify file " + users)
		if strings.Contains(p.last().Message, "geheim") {
			t.Errorf("the message has a digest:\n%s", p.last().Message)
		}
	})
}

func TestA22ABulkImport(t *testing.T) {
	t.Parallel()
	layers := 120
	p := newPrimary(t, sampleDir(t))
	g := p.geoserver()
	for i := range layers {
		p.must(g.Publish("harbour", "charts", fmt.Sprintf("bulk%03d", i), "point"))
		if i%7 == 0 {
			time.Sleep(2 * testSettle)
		}
	}
	got := p.commits()
	if len(got) == 0 || len(got) > layers {
		t.Errorf("%d commits for %d layers", len(got), layers)
	}
	for _, s := range got {
		if !strings.HasPrefix(s, "publish ") {
			t.Errorf("a commit is %q", s)
		}
	}
	for c, err := range p.store.Log(t.Context(), p.head()) {
		if err != nil || len(c.Trailers("Gsgit-Damage")) > 0 {
			t.Errorf("%q names damage: %q (%v)", c.Subject(), c.Trailers("Gsgit-Damage"), err)
		}
	}
}

// A23: a reload raises the counter; what it makes that was missing is one commit.
func TestA23AReload(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	g := p.geoserver()
	for range 8 {
		p.must(g.BumpUpdateSequence())
	}
	p.must(g.InPlace("wps.xml", []byte("<wps>\n  <id>WPSInfoImpl--1</id>\n  <enabled>true</enabled>\n  <name>WPS</name>\n</wps>\n")))
	p.became("create service wps")
}

func TestA24AnUpgradeSavesEverythingAnew(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	found, err := filepath.Glob(filepath.Join(p.dir, "workspaces/*/*/*/featuretype.xml"))
	p.must(err)
	for _, file := range found {
		path, _ := filepath.Rel(p.dir, file)
		was := p.read(path)
		p.must(p.geoserver().Put(path, []byte(strings.Replace(was, "</featureType>", "  <simpleConversionEnabled>false</simpleConversionEnabled>\n</featureType>", 1))))
	}
	p.became(fmt.Sprintf("re-serialise %d objects (GeoServer upgrade): + simpleConversionEnabled", len(found)))
}

func TestA25G2ABrokenFile(t *testing.T) {
	t.Parallel()
	path := "workspaces/harbour/charts/buoys/layer.xml"
	p := newPrimary(t, sampleDir(t), func(p *primary) { p.hold = time.Second })
	whole := p.read(path)
	for _, broken := range []string{whole[:len(whole)/2], "", strings.Replace(whole, "<layer>", "<layer>\n<<<<<<< HEAD\n", 1)} {
		p.write(path, broken)
		p.eventually("it is held", func() error {
			if h := p.publisher.Held(); len(h) != 1 || h[0].Object != "layer:harbour:buoys" {
				return fmt.Errorf("held is %v", h)
			}
			return nil
		})
	}
	// What is held delays nothing and keeps nothing out.
	p.must(p.geoserver().SetTitle("harbour:lights", "All lights"))
	p.eventually("another edit is committed", func() error {
		if p.head() == p.told {
			return fmt.Errorf("no commit")
		}
		return nil
	})
	p.write(path, strings.Replace(whole, "</layer>", "  <path>/sea</path>\n</layer>", 1))
	p.eventually("the mended file is let in", func() error {
		if h := p.publisher.Held(); len(h) > 0 {
			return fmt.Errorf("held is %v", h)
		}
		return nil
	})
	got := p.commits()
	if len(got) != 2 || !strings.HasPrefix(got[0], "modify layer harbour:lights: title ") {
		t.Errorf("the commits are %q", got)
	}
}

func TestA26FilesOfPluginsAndTemplates(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	for path, want := range map[string]string{
		"workspaces/harbour/charts/lights/title.ftl": "add template harbour:lights/title.ftl",
		"styles/icons/light.svg":                     "add file styles/icons/light.svg",
		"user_projections/epsg_overrides.properties": "add file user_projections/epsg_overrides.properties",
		"filters.xml": "add file filters.xml",
	} {
		p.write(path, "<unknown to=\"GeoServer\"/>\n")
		p.became(want)
	}
}

func TestA28EditsWhileDownAreOneCommit(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	p.end()
	g := p.geoserver()
	p.must(g.Publish("harbour", "charts", "beacons", "point"))
	p.must(g.SetTitle("harbour:lights", "All lights"))
	p.must(g.RenameStyle("depth", "depths"))
	// A restore with cp -p: the same size and time, other bytes.
	path := "styles/icons/buoy.svg"
	file := filepath.Join(p.dir, path)
	info, err := os.Stat(file)
	p.must(err)
	p.write(path, strings.Replace(p.read(path), "<svg", "<SVG", 1))
	p.must(os.Chtimes(file, info.ModTime(), info.ModTime()))
	p.start()
	got := p.commits()
	if len(got) != 1 {
		t.Fatalf("the commits are %q", got)
	}
	for _, want := range []string{"publish layer harbour:beacons", "modify layer harbour:lights: title", "rename style depth -> depths", "styles/icons/buoy.svg"} {
		if !strings.Contains(p.last().Message, want) {
			t.Errorf("the commit does not tell of %q:\n%s", want, p.last().Message)
		}
	}
}

func TestA29TheAuthorIsWhoSaved(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t))
	g := p.geoserver()
	g.User = "jane"
	p.must(g.SetDefaultStyle("harbour:buoys", "point"))
	p.became("modify layer harbour:buoys: defaultStyle buoy -> point")
	if c := p.last(); c.Author.Name != "jane" || c.Committer.Name != "gsgit" {
		t.Errorf("author %s, committer %s", c.Author.Name, c.Committer.Name)
	}
}

func TestA30WithoutEvents(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, sampleDir(t), func(p *primary) { p.mode = watcher.Poll })
	p.must(p.geoserver().SetDefaultStyle("harbour:buoys", "point"))
	p.became("modify layer harbour:buoys: defaultStyle buoy -> point")
	p.must(p.geoserver().Publish("harbour", "charts", "beacons", "point"))
	p.became("publish layer harbour:beacons (store charts, style point)")
}
