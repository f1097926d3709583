package watcher_test

import (
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gsgit/gsgit/watcher"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tracked and descend are rules of the kind that gsgit has.
func tracked(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".xml" || ext == ".sld" || ext == ".ftl" || ext == ".properties"
}

func descend(dir string) bool { return dir != "data" && dir != "logs" && dir != ".git" }

// mirror is what someone knows of a tree who read it once and from then on
// only looks where batches say.
type mirror struct {
	t     *testing.T
	dir   string
	w     *watcher.Watcher
	files map[string]string
	lost  int
	ends  int
}

// watch starts a watcher with a mirror.
func watch(t *testing.T, dir string, o watcher.Options) *mirror {
	t.Helper()
	o.Root, o.Tracked, o.Descend = dir, tracked, descend
	if o.Settle == 0 {
		o.Settle = 20 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	w, err := watcher.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	m := &mirror{t: t, dir: dir, w: w, files: map[string]string{}}
	m.read("")
	return m
}

// batch is the next batch, which the mirror has looked at.
func (m *mirror) batch() watcher.Batch {
	m.t.Helper()
	select {
	case b := <-m.w.Batches():
		for _, p := range b.Paths {
			m.read(p)
		}
		if b.Lost {
			m.lost++
			m.read("")
		}
		return b
	case <-time.After(20 * time.Second):
		m.t.Fatalf("no batch within 20 s; %+v", m.w.Stats())
		return watcher.Batch{}
	}
}

// read takes over what the disk has at and below a path.
func (m *mirror) read(path string) {
	maps.DeleteFunc(m.files, func(p, _ string) bool {
		return path == "" || p == path || strings.HasPrefix(p, path+"/")
	})
	maps.Copy(m.files, disk(m.dir, path))
}

// disk is every tracked file at and below a path.
func disk(dir, path string) map[string]string {
	files := map[string]string{}
	root := filepath.Join(dir, filepath.FromSlash(path))
	filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error { // what is gone is gone
		if err != nil {
			return nil
		}
		rel, _ := filepath.Rel(dir, file)
		rel = filepath.ToSlash(rel)
		if d.IsDir() && rel != "." && !descend(rel) {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() && tracked(rel) {
			if body, err := os.ReadFile(file); err == nil {
				files[rel] = string(body)
			}
		}
		return nil
	})
	return files
}

// settle waits until an edit made now has been told, and so all before it. Its
// name is a new one each time: a batch of before can not name it.
func (m *mirror) settle() {
	m.t.Helper()
	os.Remove(filepath.Join(m.dir, m.end()))
	m.ends++
	if err := os.WriteFile(filepath.Join(m.dir, m.end()), nil, 0o644); err != nil {
		m.t.Fatal(err)
	}
	for {
		if _, ok := m.files[m.end()]; ok {
			return
		}
		m.batch()
	}
}

func (m *mirror) end() string { return fmt.Sprintf("zz-%d.xml", m.ends) }

// compare waits for the end and fails where the mirror is not the disk.
func (m *mirror) compare() {
	m.t.Helper()
	m.settle()
	now := disk(m.dir, "")
	for p, body := range now {
		if known, ok := m.files[p]; !ok {
			m.t.Errorf("%s was never told", p)
		} else if known != body {
			m.t.Errorf("%s changed untold", p)
		}
	}
	for p := range m.files {
		if _, ok := now[p]; !ok {
			m.t.Errorf("that %s went was not told", p)
		}
	}
}

// places are the kinds of file system to test on.
func places(t *testing.T, test func(t *testing.T, dir string)) {
	t.Run("disk", func(t *testing.T) { test(t, t.TempDir()) })
	t.Run("tmpfs", func(t *testing.T) {
		dir, err := os.MkdirTemp("/dev/shm", "gsgit-watcher-")
		if err != nil {
			t.Skip("no tmpfs at /dev/shm")
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		test(t, dir)
	})
}

// plant writes files with their directories.
func plant(t *testing.T, dir string, paths ...string) {
	t.Helper()
	for _, p := range paths {
		file := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(p), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
