package gsgit_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
)

// unchanged are the recordings in which a GeoServer wrote and nobody had changed anything.
var unchanged = []string{
	"001", "002", "023", "024", "027", "028", "029", "030", "031", "032", "057", "058", "081", "083", "084", "086", "087", "088",
}

// B7: what a real GeoServer wrote at its first start, at a reload and where somebody saved without a change is no
// drift of a replica, and none of it is removed.
func TestB7RecordedEcho(t *testing.T) {
	_, files := recorded(t, "base/data_dir")
	dir, seeded := filepath.Join(fastDir(t), "primary"), filepath.Join(fastDir(t), "replica")
	if err := fixtures.CopyDir(dir, filepath.Join(recordings(t), "base/data_dir")); err != nil {
		t.Fatal(err)
	}
	o := originAt(t, dir)
	if err := fixtures.CopyDir(seeded, filepath.Join(recordings(t), "base/data_dir")); err != nil {
		t.Fatal(err)
	}
	s := siteAt(t, seeded, o.gitDir())
	s.f.Adopt = true
	s.syncs()
	for _, file := range files {
		if slices.Contains(unchanged, filepath.Base(file)[:3]) {
			s.echoes(file)
		}
		o.then(fixtures.Replay(dir, file, 0))
		s.syncs()
	}
}

func (s *site) echoes(file string) {
	s.t.Helper()
	if err := fixtures.Replay(s.dir, file, 0); err != nil {
		s.t.Fatal(err)
	}
	s.f.LookAtAll()
	s.syncs()
	if len(s.kept()) != 0 || len(s.f.Drifting()) != 0 {
		s.t.Errorf("%s: drift %v, kept %d: %s", filepath.Base(file), s.f.Drifting(), len(s.kept()), s.log)
	}
	s.log.Reset()
}

// B5: a directory that a GeoServer has started on by itself, as in a container image, is adopted: its objects go,
// kept, what it makes for itself stays, and --adopt left in the command line does nothing afterwards.
func TestB5AdoptAfterARecordedFirstStart(t *testing.T) {
	dir, files := recorded(t, "")
	o := newOrigin(t)
	s := siteAt(t, dir, o.gitDir())
	s.flags = func(f *gsgit.Follower) { f.Adopt = true }
	s.start(o.gitDir())
	for _, file := range files { // two starts more, and a workspace that somebody made there
		if err := fixtures.Replay(dir, file, 0); err != nil {
			t.Fatal(err)
		}
	}
	made, err := filepath.Glob(filepath.Join(dir, "workspaces/*/workspace.xml"))
	if err != nil || len(made) != 1 {
		t.Fatalf("the recordings made %q: %v", made, err)
	}
	jceks := s.read("security/geoserver.jceks")
	s.syncs()
	kept := len(s.kept())
	if s.disk() != o.head() || kept != 1 || s.has("workspaces/"+filepath.Base(filepath.Dir(made[0]))) || s.read("security/geoserver.jceks") != jceks {
		t.Fatalf("disk %s, kept %d: %s", s.disk(), kept, s.log)
	}
	for range 2 {
		s.start(o.gitDir())
		s.syncs()
		if len(s.kept()) != kept || len(s.f.Drifting()) != 0 {
			t.Errorf("drift %v, kept %d: %s", s.f.Drifting(), len(s.kept()), s.log)
		}
	}
}
