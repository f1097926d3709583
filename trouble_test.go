package gsgit_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// What stands in the way of an apply: the state says so, nothing is lost, and when the cause goes the replica
// goes on by itself.

// standsInTheWay tries a replica with something in a tracked path's place, beside a new head, and without it.
func standsInTheWay(t *testing.T, path string, put func(s *site) error, own map[string]string) {
	t.Helper()
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	next := o.then(errors.Join(o.g.SetTitle("harbour:buoys", "Buoys and beacons"), o.g.EditStyle("depth", body("deeper"))))
	if err := put(s); err != nil {
		t.Fatal(err)
	}
	s.event(path)
	for range 3 {
		s.stops(gsgit.Error, path)
	}
	for file, content := range own {
		if got := s.read(file); got != content {
			t.Errorf("%s holds %q", file, got)
		}
	}
	s.start(o.gitDir()) // nor does another life overwrite it
	s.stops(gsgit.Error, path)
	away := s.dir + "-away"
	if err := os.Rename(s.path(path), away); err != nil {
		t.Fatal(err)
	}
	s.event(path)
	s.syncs()
	s.inStep(next)
	for file, content := range own {
		if moved, err := os.ReadFile(away + strings.TrimPrefix(file, path)); err != nil && s.read(file) != content || err == nil && string(moved) != content {
			t.Errorf("%s is lost: %q, %v", file, moved, err)
		}
	}
}

// A person made a directory of a file: it is not emptied for the file's sake.
func TestG7AFileBecameADirectoryByHand(t *testing.T) {
	standsInTheWay(t, depth, func(s *site) error {
		return errors.Join(os.Remove(s.path(depth)), os.Mkdir(s.path(depth), 0o755), os.WriteFile(s.path(depth+"/own.txt"), []byte("own"), 0o644))
	}, map[string]string{depth + "/own.txt": "own"})
}

// A person made a file of a directory.
func TestG7ADirectoryBecameAFileByHand(t *testing.T) {
	dir := "workspaces/harbour/charts/buoys"
	standsInTheWay(t, dir, func(s *site) error {
		return errors.Join(os.RemoveAll(s.path(dir)), os.WriteFile(s.path(dir), []byte("own"), 0o644))
	}, map[string]string{dir: "own"})
}

// A file of the head becomes a directory, and a file again: a replica follows both ways, with drift in it too.
func TestG7AFileOfTheHeadBecomesADirectoryAndBack(t *testing.T) {
	o := newOrigin(t)
	set := "styles/icons/set"
	file := hand(t, o.store, o.head(), "a file", gitstore.Edit{Path: set, Content: []byte("file")})
	folder := hand(t, o.store, file, "a directory", gitstore.Edit{Path: set},
		gitstore.Edit{Path: set + "/a.svg", Content: []byte("<svg/>")}, gitstore.Edit{Path: set + "/deep/b.svg", Content: []byte("<svg/>")})
	back := hand(t, o.store, folder, "a file again", gitstore.Edit{Path: set, Content: []byte("file again")},
		gitstore.Edit{Path: set + "/a.svg"}, gitstore.Edit{Path: set + "/deep/b.svg"})
	s := newSite(t, o.gitDir())
	for _, head := range []gitstore.Hash{file, folder, back} {
		o.points(head)
		s.syncs()
		s.inStep(head)
	}
	o.points(folder)
	if err := s.f.To(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	s.inStep(file)
	own := s.edit(set, "file", "own file")
	if err := s.f.Unpin(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.syncs()
	if !s.keeps(set, own) {
		t.Error("what was changed in the file is lost")
	}
}
