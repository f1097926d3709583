package gitstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// durable is what a power cut leaves on a file system that keeps only what was synced: the content of a file as of its
// last sync, the names in a directory as of its last sync.
type durable struct {
	t     *testing.T
	dir   string
	files map[string]string            // synced content by inode-like key: the content itself, by its last path
	names map[string]map[string]string // directory to its names and their content
}

// observe mirrors each sync. Files that were renamed are known by the content they were synced with.
func (d *durable) observe(operation, path, _ string) {
	switch operation {
	case "sync":
		data, err := os.ReadFile(path)
		if err != nil {
			d.t.Error(err)
		}
		d.files[string(data)] = path
	case "syncdir":
		entries, err := os.ReadDir(path)
		if err != nil {
			d.t.Error(err)
		}
		names := map[string]string{}
		for _, e := range entries {
			data, err := os.ReadFile(filepath.Join(path, e.Name()))
			if err != nil {
				continue // a directory, or gone
			}
			if _, synced := d.files[string(data)]; !synced {
				data = nil // a name without content
			}
			names[e.Name()] = string(data)
		}
		d.names[path] = names
	}
}

func (d *durable) restore(to string) {
	for dir, names := range d.names {
		rel, err := filepath.Rel(d.dir, dir)
		if err != nil || strings.HasPrefix(rel, "..") {
			continue
		}
		os.MkdirAll(filepath.Join(to, rel), 0o755)
		for name, data := range names {
			os.WriteFile(filepath.Join(to, rel, name), []byte(data), 0o644)
		}
	}
	for _, sub := range []string{"objects/pack", "refs/heads", stateDir} {
		os.MkdirAll(filepath.Join(to, sub), 0o755)
	}
}

func TestWhatWasAcknowledgedSurvivesAPowerCut(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), ".git")
	s := must(Create(dir, Options{}))(t)
	defer s.Close()
	d := &durable{t: t, dir: dir, files: map[string]string{}, names: map[string]map[string]string{}}
	for _, name := range []string{"HEAD", "config"} { // Create's own syncs are not mirrored here
		d.files[string(must(os.ReadFile(filepath.Join(dir, name)))(t))] = name
	}
	d.observe("syncdir", dir, "")
	s.disk.observe, s.disk.lazy = d.observe, true
	for i := range maxPacks + 10 {
		id := commit(t, s, "f", fmt.Sprint(i))
		if i == maxPacks+5 {
			if err := s.Maintain(ctx); err != nil {
				t.Fatal(err)
			}
			if n := len(s.packs.list()); n > 10 {
				t.Fatalf("%d packs after the roll-up", n)
			}
		}
		if i%10 != 0 && i < maxPacks {
			continue
		}
		after := filepath.Join(t.TempDir(), ".git")
		d.restore(after)
		r := must(Open(after, Options{}))(t)
		if err := r.Recover(ctx); err != nil {
			t.Fatalf("after commit %d: %v", i, err)
		}
		if got := must(r.Ref("refs/heads/main"))(t); got != id {
			t.Errorf("after commit %d the head is %s", i, got)
		}
		git(t, after, "fsck", "--strict", "--full")
		if n := git(t, after, "rev-list", "--count", "main"); n != fmt.Sprint(i+1) {
			t.Errorf("after commit %d: %s commits", i, n)
		}
		r.Close()
	}
}
