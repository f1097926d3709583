package gsgit_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gsgit/gsgit"
)

// hostile are names that Linux takes, and that no commit or no plan does.
var hostile = []string{"a\nb", "a\\b", "a\x1b[2Jb", "git~1"}

const ownStyle = "<style><id>StyleInfoImpl--own</id><name>own</name><filename>own.sld</filename></style>"

// G9: what a primary could commit and every replica must refuse is held on the primary, and stops nothing else.
func TestG9NameThatReplicasRefuseIsHeldOnThePrimary(t *testing.T) {
	dir := sampleDir(t)
	for _, name := range hostile {
		if err := os.WriteFile(filepath.Join(dir, "styles/icons", name), []byte("<svg/>"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := originAt(t, dir)
	s := newSite(t, o.gitDir())
	s.syncs()
	s.inStep(o.head())
	if notes, err := gsgit.StayHere(o.p.Dir); err != nil || len(notes) != len(hostile) {
		t.Errorf("what stays here: %v, %v", notes, err)
	}
	if n := len(o.p.Held()); n != len(hostile) {
		t.Errorf("held after the import: %v", o.p.Held())
	}
	if err := os.WriteFile(filepath.Join(dir, "styles/icons/c\\d.svg"), []byte("<svg/>"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.then(o.g.SetTitle("harbour:buoys", "One"))
	s.syncs()
	s.inStep(o.head())
	if n := len(o.p.Held()); n != len(hostile)+1 {
		t.Errorf("held: %v", o.p.Held())
	}
	if err := os.Rename(filepath.Join(dir, "styles/icons/c\\d.svg"), filepath.Join(dir, "styles/icons/cd.svg")); err != nil {
		t.Fatal(err)
	}
	o.commit()
	s.syncs()
	if n := len(o.p.Held()); n != len(hostile) || !s.has("styles/icons/cd.svg") {
		t.Errorf("held after the renaming: %v", o.p.Held())
	}
}

// G7, G9: an object too many whose name no commit can carry is named, stays, and keeps nothing else waiting.
func TestG9ExtraObjectThatNoCommitCarriesStays(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	for _, name := range hostile[:3] {
		s.write("styles/"+name+".xml", ownStyle)
	}
	own := s.edit(buoys, "<title>", "<title>Our own ")
	next := o.then(o.g.SetTitle("harbour:lights", "Lights and fires"))
	for range 2 {
		p := s.stops(gsgit.Held, `a\nb.xml`)
		if !strings.Contains(p.Help, "another name") {
			t.Errorf("hint %q", p.Help)
		}
	}
	if s.disk() != next || !s.keeps(buoys, own) || strings.Contains(s.read(buoys), "Our own") {
		t.Error("it kept the rest waiting")
	}
	for _, name := range hostile[:3] {
		s.remove("styles/" + name + ".xml")
	}
	s.syncs()
	s.inStep(next)
}

// G7, B5: an adoption reads and keeps what it is to take away, and leaves all else alone: a seeded directory may hold
// rasters, and names that no commit carries.
func TestG7AdoptionLeavesWhatIsNobodys(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.write("www/map.tif", strings.Repeat("II*\x00", 1000))
	s.write("palettes/a\\b.pal", "0xFFFFFF")
	s.write("styles/a\\b.xml", ownStyle)
	s.write("styles/own.xml", ownStyle)
	s.write("styles/depth.sld", "<mine/>")
	s.f.Adopt = true
	before := s.f.Dir.Work()
	_ = s.sync()
	if reads := s.f.Dir.Work().Reads - before.Reads; reads > 2*2 {
		t.Errorf("%d files were read", reads)
	}
	kept := s.kept()
	if len(kept) != 1 || s.disk() != o.head() {
		t.Fatalf("kept %v, disk %s", kept, s.disk())
	}
	var files []string
	for e, err := range s.store.Files(kept[0], "") {
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, e.Path)
	}
	if !slices.Equal(files, []string{"styles/depth.sld", "styles/own.xml"}) {
		t.Errorf("kept %v", files)
	}
	for _, file := range []string{"www/map.tif", "palettes/a\\b.pal", "styles/a\\b.xml"} {
		if !s.has(file) {
			t.Errorf("%s is gone", file)
		}
	}
}
