package watcher_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/watcher"
)

func TestWhatABatchNames(t *testing.T) {
	const layer = "workspaces/topp/shp/roads"
	put := func(w fixtures.Writer, p string) error { return w.Put(p, []byte("<new/>")) }
	tests := []struct {
		name string
		do   func(w fixtures.Writer) error
		want []string
	}{
		{"replace a file", func(w fixtures.Writer) error { return put(w, "global.xml") }, []string{"global.xml"}},
		{"write in place", func(w fixtures.Writer) error { return w.InPlace("global.xml", []byte("<global/>")) }, []string{"global.xml"}},
		{"remove a file", func(w fixtures.Writer) error { return w.Remove(layer + "/layer.xml") }, []string{layer + "/layer.xml"}},
		{"rename a file", func(w fixtures.Writer) error { return w.Move("styles/a.sld", "styles/b.sld") }, []string{"styles/a.sld", "styles/b.sld"}},
		{"a new directory", func(w fixtures.Writer) error { return w.New("workspaces/topp/shp/rail/layer.xml", []byte("<l/>")) },
			[]string{"workspaces/topp/shp/rail"}},
		{"rename a layer", func(w fixtures.Writer) error { return w.Move(layer, "workspaces/topp/shp/ways") },
			[]string{layer, "workspaces/topp/shp/ways"}},
		{"rename a workspace", func(w fixtures.Writer) error { return w.Move("workspaces/topp", "workspaces/usa") },
			[]string{"workspaces/topp", "workspaces/usa"}},
		{"move a directory out", func(w fixtures.Writer) error { return w.Move("workspaces/topp", "data/topp") }, []string{"workspaces/topp"}},
		{"move a directory in", func(w fixtures.Writer) error { return w.Move("data/ws", "workspaces/ws") }, []string{"workspaces/ws"}},
		{"temporary files", func(w fixtures.Writer) error { return w.NewVia("gwc-layers/x.tmp", []byte("x")) }, nil},
		{"a directory without a watch", func(w fixtures.Writer) error { return w.New("data/more/x.xml", []byte("x")) }, nil},
		{"a link", func(w fixtures.Writer) error { return os.Symlink("global.xml", w.File("link.xml")) }, nil},
		{"a link to a directory", func(w fixtures.Writer) error { return os.Symlink("data", w.File("styles/data")) }, nil},
		{"a file becomes a link", func(w fixtures.Writer) error {
			if err := os.Symlink("global.xml", w.File("link.tmp")); err != nil {
				return err
			}
			return w.Move("link.tmp", "styles/a.sld")
		}, []string{"styles/a.sld"}},
		{"an empty directory", func(w fixtures.Writer) error { return os.MkdirAll(w.File("workspaces/empty/styles"), 0o755) }, nil},
		{"a changed mode", func(w fixtures.Writer) error { return os.Chmod(w.File("global.xml"), 0o600) }, []string{"global.xml"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			places(t, func(t *testing.T, dir string) {
				plant(t, dir, "global.xml", layer+"/layer.xml", layer+"/featuretype.xml", "workspaces/topp/workspace.xml",
					"styles/a.sld", "data/ws/workspace.xml", "gwc-layers/y.xml")
				m := watch(t, dir, watcher.Options{})
				if err := tt.do(fixtures.Writer{Dir: dir}); err != nil {
					t.Fatal(err)
				}
				plant(t, dir, "zz-end.xml")
				var got []string
				for !slices.Contains(got, "zz-end.xml") {
					got = append(got, m.batch().Paths...)
				}
				got = slices.DeleteFunc(got, func(p string) bool { return p == "zz-end.xml" })
				for i, p := range got { // a file made at once may be seen with its directory or by itself
					got[i] = strings.TrimSuffix(p, "/rail/layer.xml")
					if got[i] != p {
						got[i] += "/rail"
					}
				}
				slices.Sort(got)
				if got = slices.Compact(got); !slices.Equal(got, tt.want) {
					t.Errorf("told were %q, want %q", got, tt.want)
				}
				m.compare()
			})
		})
	}
}

func TestAMovedDirectoryIsWatchedUnderItsNewName(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "workspaces/a/s/l/layer.xml", "workspaces/b/workspace.xml")
	m := watch(t, dir, watcher.Options{})
	w := fixtures.Writer{Dir: dir}
	for _, move := range [][2]string{
		{"workspaces/a", "workspaces/c"},         // at the top
		{"workspaces/c/s/l", "workspaces/c/s/m"}, // below
		{"workspaces/c/s", "workspaces/b/s"},     // into another
		{"workspaces/b/s", "data/s"},             // out of sight
		{"data/s", "workspaces/s"},               // and back
		{"workspaces/b", "workspaces/s/m/deep"},  // into what moved
		{"workspaces/s", "workspaces/a"},         // to a name that was there before
	} {
		if err := w.Move(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
		m.settle()
	}
	for _, p := range []string{"workspaces/a/m/layer.xml", "workspaces/a/m/deep/workspace.xml", "workspaces/a/m/deep/namespace.xml"} {
		plant(t, dir, p)
		if b := m.batch(); !slices.Equal(b.Paths, []string{p}) {
			t.Errorf("an edit of %s is told as %q", p, b.Paths)
		}
	}
	m.compare()
}

func TestManyDirectoriesMadeAtOnce(t *testing.T) {
	places(t, func(t *testing.T, dir string) {
		m := watch(t, dir, watcher.Options{})
		if err := fixtures.Synthetic(dir, 600, 50); err != nil {
			t.Fatal(err)
		}
		m.compare()
		if m.lost > 0 {
			t.Log("events were lost on the way")
		}
	})
}

func TestDirectoriesOfNoInterestGetNoWatch(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "styles/a.sld", "data/a/b/c.xml", "logs/x/y.xml")
	m := watch(t, dir, watcher.Options{})
	if got := m.w.Stats(); got.Watches != 2 || got.Mode != watcher.Events {
		t.Errorf("%+v, want watches on the root and styles", got)
	}
	plant(t, dir, "styles/icons/a.xml", "data/d/e.xml")
	m.compare()
	if got := m.w.Stats().Watches; got != 3 {
		t.Errorf("%d watches after one more directory, want 3", got)
	}
	if err := os.RemoveAll(filepath.Join(dir, "styles")); err != nil {
		t.Fatal(err)
	}
	m.compare()
	if got := m.w.Stats().Watches; got != 1 {
		t.Errorf("%d watches after both went, want 1", got)
	}
}

func TestReplayedRecordings(t *testing.T) {
	root := os.Getenv("GSGIT_TEST_DATA")
	if root == "" {
		root = "../../shared/data"
	}
	recordings, _ := filepath.Glob(filepath.Join(root, "recordings", "*.jsonl"))
	if len(recordings) == 0 {
		t.Skip("no test data: set GSGIT_TEST_DATA")
	}
	dir := t.TempDir()
	if err := fixtures.CopyDir(dir, filepath.Join(root, "recordings", "base", "data_dir")); err != nil {
		t.Fatal(err)
	}
	m := watch(t, dir, watcher.Options{})
	for _, r := range recordings {
		if err := fixtures.Replay(dir, r, 0); err != nil {
			t.Fatal(err)
		}
		m.compare()
	}
}

func TestBatchesCarryTheirTimes(t *testing.T) {
	dir := t.TempDir()
	m := watch(t, dir, watcher.Options{})
	before := time.Now()
	plant(t, dir, "global.xml")
	b := m.batch()
	if b.First.Before(before) || b.Last.Before(b.First) || b.Last.After(time.Now()) {
		t.Errorf("first %v, last %v", b.First, b.Last)
	}
}
