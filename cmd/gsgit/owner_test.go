package main_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gsgit/gsgit/fixtures"
)

// looks are what a file's people gave it, and gsgit has to leave.
type looks struct {
	uid, gid uint32
	mode     fs.FileMode // of permissions
}

func (l looks) String() string { return fmt.Sprintf("%d:%d %o", l.uid, l.gid, l.mode) }

func (l looks) give(t *testing.T, path string) {
	t.Helper()
	must(t, os.Chown(path, int(l.uid), int(l.gid)), os.Chmod(path, l.mode))
}

func looksOf(info fs.FileInfo) looks {
	system := info.Sys().(*syscall.Stat_t)
	return looks{system.Uid, system.Gid, info.Mode().Perm()}
}

// The replica of these tests: a GeoServer's, with its styles on a volume of another group.
var (
	catalogLooks = looks{4711, 4712, 0o750}
	stylesLooks  = looks{4711, 4713, 0o770}
	someonesOwn  = map[string]looks{
		"styles/depth.sld": {815, 816, 0o604},
		"workspaces/harbour/charts/buoys/featuretype.xml": {817, 818, 0o666},
	}
)

// TestRootBesideAnotherUserOnTwoFileSystems runs a primary and a replica, as root beside a GeoServer of another
// user whose styles/ is mounted: the replica follows a day's work, and all that is written stays GeoServer's.
func TestRootBesideAnotherUserOnTwoFileSystems(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: files of other users and a mount")
	}
	t.Parallel()
	g, replica := sampled(t), twoVolumes(t)
	flags, _, _ := topics(t)
	p := &pair{primaryDir: g.Dir, replicaDir: replica}
	p.primary = launch(t, nil, watching(g.Dir, flags...)...)
	p.primary.await("msg=watching")
	p.replica = launch(t, nil, following(replica, flags...)...)
	p.level(t)
	p.replica.await("git config --global --add safe.directory " + filepath.Join(replica, ".git"))
	keepsLooks(t, replica, nil)
	for path, l := range someonesOwn {
		l.give(t, filepath.Join(replica, path))
	}
	for _, edit := range daysWork(t, g) {
		before := ref(t, g.Dir, mainRef)
		must(t, edit())
		eventually(t, "a commit", func() error {
			if ref(t, g.Dir, mainRef) == before {
				return fmt.Errorf("the head is still %s", before)
			}
			return nil
		})
		p.level(t)
		keepsLooks(t, replica, someonesOwn)
	}
	p.primary.terminate()
	p.replica.terminate()
	inStep(t, replica, false)
}

// twoVolumes is an empty directory of GeoServer's user, in which styles is another file system.
func twoVolumes(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	styles := filepath.Join(dir, "styles")
	must(t, os.MkdirAll(styles, 0o755))
	mounted(t, styles, 8)
	catalogLooks.give(t, dir)
	stylesLooks.give(t, styles)
	return dir
}

// daysWork makes, replaces, moves and removes files on both volumes.
func daysWork(t *testing.T, g *fixtures.GeoServer) []func() error {
	t.Helper()
	body, err := g.Read("styles/depth.sld")
	must(t, err)
	return []func() error{
		func() error { return g.Publish("harbour", "charts", "beacons", "point") },
		func() error { return g.CreateStyle("dusk", body) },
		func() error { return g.EditStyle("depth", append(body, "<!-- paler -->"...)) },
		func() error { return g.SetTitle("harbour:buoys", "Buoys of the harbour") },
		func() error { return g.RenameLayer("harbour:quays", "wharves") },
		func() error { return g.DeleteLayer("harbour:cranes") },
		func() error { return g.DeleteStyle("dusk") },
	}
}

// keepsLooks fails where a file or directory of a replica does not look like the volume that it is on, or as
// its own people want it; where one is there that history does not know, and where one of history is not.
func keepsLooks(t *testing.T, dir string, own map[string]looks) {
	t.Helper()
	known := historys(t, dir)
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Name() == ".git" {
			return fs.SkipDir
		}
		path, _ := filepath.Rel(dir, file)
		info, err := e.Info()
		must(t, err)
		if got, want := looksOf(info), wanted(path, e.IsDir(), own); got != want {
			t.Errorf("%s is %s and not %s", path, got, want)
		}
		if !known[path] {
			t.Errorf("left over: %s", path)
		}
		delete(known, path)
		return nil
	})
	must(t, err)
	if len(known) > 0 {
		t.Errorf("not there: %q", slices.Sorted(maps.Keys(known)))
	}
}

// historys are the files of a directory's head, with the directories that they need and the mounted one.
func historys(t *testing.T, dir string) map[string]bool {
	t.Helper()
	known := map[string]bool{".": true, "styles": true}
	for path := range strings.SplitSeq(git(t, dir, "ls-tree", "-r", "-t", "--name-only", mainRef), "\n") {
		known[path] = true
	}
	return known
}

// wanted is how a file or directory has to look: as the volume's root, files without the right to be run.
func wanted(path string, isDir bool, own map[string]looks) looks {
	if l, ok := own[path]; ok {
		return l
	}
	l := catalogLooks
	if path == "styles" || strings.HasPrefix(path, "styles/") {
		l = stylesLooks
	}
	if !isDir {
		l.mode &= 0o666
	}
	return l
}
