package gsgit_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit"
)

const (
	theirs = "crypt1:AAAAAAAAAAAAAAAAAAAAAA=="
	ours   = "crypt1:BBBBBBBBBBBBBBBBBBBBBB=="
)

// B11: with preserve-local this replica's own ciphertext of a store stays, through an edit of the primary,
// through healing, and through a death at any file operation; a new store comes as it is.
func TestB11PasswordsPreserved(t *testing.T) {
	o := newOrigin(t)
	withPassword(o, theirs)
	first := o.head()
	second := o.then(o.g.SetStoreParameter("harbour", "port_db", "host", "db2.merrowby.example"))
	want := strings.Replace(blob(t, o.store, second, portDB), theirs, ours, 1)
	for n := 1; ; n += 5 {
		o.points(first)
		s := newSite(t, o.gitDir())
		s.flags = func(f *gsgit.Follower) { f.Passwords = gsgit.PasswordsLocal }
		s.start(o.gitDir())
		s.syncs()
		if !strings.Contains(s.read(portDB), theirs) {
			t.Fatal("a new store has no ciphertext of this node to keep")
		}
		s.edit(portDB, theirs, ours)
		o.points(second)
		died := s.kills(o.gitDir(), n)
		s.syncs()
		if s.read(portDB) != want || s.disk() != second || len(s.kept()) != 0 || len(s.f.Drifting()) != 0 {
			t.Fatalf("killed at %d: kept %v, drift %v, the store is\n%s", n, s.kept(), s.f.Drifting(), s.read(portDB))
		}
		if died {
			continue
		}
		own := s.edit(portDB, "<description>", "<description>Ours: ")
		s.syncs()
		if s.read(portDB) != want || !s.keeps(portDB, own) {
			t.Errorf("healed, the store is\n%s", s.read(portDB))
		}
		return
	}
}

// B11: a store that was renamed, or whose workspace was, is the same store: it keeps this replica's own ciphertext.
func TestB11RenamedStoreKeepsItsPassword(t *testing.T) {
	o := newOrigin(t)
	withPassword(o, theirs)
	s := newSite(t, o.gitDir())
	s.flags = func(f *gsgit.Follower) { f.Passwords = gsgit.PasswordsLocal }
	s.start(o.gitDir())
	s.syncs()
	s.edit(portDB, theirs, ours)
	for _, renamed := range []struct {
		do   func() error
		path string
	}{
		{func() error { return o.g.RenameStore("harbour", "port_db", "quay_db") }, "workspaces/harbour/quay_db/datastore.xml"},
		{func() error { return o.g.RenameWorkspace("harbour", "port") }, "workspaces/port/quay_db/datastore.xml"},
	} {
		head := o.then(renamed.do())
		s.syncs()
		want := strings.Replace(blob(t, o.store, head, renamed.path), theirs, ours, 1)
		if s.read(renamed.path) != want || !strings.Contains(want, ours) || s.disk() != head || len(s.kept()) != 0 || len(s.f.Drifting()) != 0 {
			t.Errorf("kept %v, drift %v, the store is\n%s", s.kept(), s.f.Drifting(), s.read(renamed.path))
		}
	}
}

// Another store in the same place, or a password that the head does not encrypt, is the head's.
func TestB11OnlyTheSameStoreAndOnlyCiphertext(t *testing.T) {
	o := newOrigin(t)
	withPassword(o, theirs)
	s := newSite(t, o.gitDir())
	s.f.Passwords = gsgit.PasswordsLocal
	s.syncs()
	s.edit(portDB, theirs, ours)
	content, err := o.g.Read(portDB)
	if err != nil {
		t.Fatal(err)
	}
	o.then(o.g.Put(portDB, []byte(strings.Replace(string(content), theirs, "${PORT_DB_PASSWORD}", 1))))
	s.syncs()
	s.inStep(o.head())
	s.edit(portDB, "${PORT_DB_PASSWORD}", ours)
	s.edit(portDB, "7ff9</id>", "7fff9</id>")
	o.then(o.g.Put(portDB, content))
	s.syncs()
	s.inStep(o.head())
}

// A store's file that is not on this node is named, an absolute path on any, and a password without its key store.
func TestNotesOfStores(t *testing.T) {
	o := newOrigin(t)
	withPassword(o, theirs)
	s := newSite(t, o.gitDir())
	s.syncs()
	here, there := gsgit.Notes{Store: s.store, Dir: s.f.Dir, Replica: true}, gsgit.Notes{Store: o.store, Dir: o.p.Dir}
	says := func(n *gsgit.Notes, object, what string) bool {
		for _, note := range n.List() {
			if note.Object == object && strings.Contains(note.What, what) {
				return true
			}
		}
		return false
	}
	if !says(&here, "store:survey:bathymetry", "data/survey/bathymetry.tif is not on this node") {
		t.Errorf("missing data is not named: %v", here.List())
	}
	raster := s.path("data/survey/bathymetry.tif")
	if err := errors.Join(os.MkdirAll(filepath.Dir(raster), 0o755), os.WriteFile(raster, []byte("II*"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if says(&here, "store:survey:bathymetry", "") {
		t.Errorf("it is there now: %v", here.List())
	}
	if !says(&here, "store:harbour:port_db", "bring security/geoserver.jceks here") || says(&there, "store:harbour:port_db", "") {
		t.Errorf("the password is named wrongly: %v, %v", here.List(), there.List())
	}
	s.write("security/geoserver.jceks", "keys")
	if !says(&here, "store:harbour:port_db", "only if security/geoserver.jceks is the primary's") {
		t.Errorf("with some key store: %v", here.List())
	}
	elsewhere := filepath.Join(t.TempDir(), "depths.tif")
	if err := os.WriteFile(elsewhere, []byte("II*"), 0o644); err != nil {
		t.Fatal(err)
	}
	store, err := o.g.Read("workspaces/survey/bathymetry/coveragestore.xml")
	if err != nil {
		t.Fatal(err)
	}
	o.then(o.g.Put("workspaces/survey/bathymetry/coveragestore.xml", []byte(strings.Replace(string(store), "data/survey/bathymetry.tif", elsewhere, 1))))
	if !says(&there, "store:survey:bathymetry", elsewhere+" is an absolute path") {
		t.Errorf("an absolute path is not named: %v", there.List())
	}
	o.then(o.g.DeleteStore("harbour", "port_db"))
	s.syncs()
	if says(&here, "store:harbour:port_db", "") {
		t.Error("a store that is gone is named")
	}
}
