package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// copyTree keeps hard links, which tell our locks from others', and times, by which packs are ordered.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	var done []struct {
		info fs.FileInfo
		path string
	}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		for _, other := range done {
			if os.SameFile(other.info, info) {
				return os.Link(other.path, target)
			}
		}
		done = append(done, struct {
			info fs.FileInfo
			path string
		}{info, target})
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, data, info.Mode().Perm()); err != nil {
			return err
		}
		return os.Chtimes(target, info.ModTime(), info.ModTime())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wholeMultiIndex tells whether git finds every pack that its multi-pack-index names.
func wholeMultiIndex(dir string) bool {
	return gitOK(dir, "multi-pack-index", "verify", "--no-progress") == nil
}

// leftovers names what no healthy repository of ours has.
func leftovers(t *testing.T, dir string) (out []string) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		base := strings.TrimSuffix(path, filepath.Ext(path))
		switch {
		case strings.HasPrefix(d.Name(), temporaryPrefix), strings.HasSuffix(rel, ".lock") && !strings.HasPrefix(rel, stateDir),
			rel == filepath.Join(stateDir, "rollup"),
			strings.HasPrefix(rel, "objects/pack/pack-") && (!exists(base+".idx") || !exists(base+".pack")),
			strings.HasSuffix(rel, ".keep"), rel == "objects/pack/multi-pack-index" && !wholeMultiIndex(dir):
			out = append(out, rel)
		}
		return nil
	})
	return out
}

func TestRecoverTakesEmptyObjectsAwayAndNamesABrokenHead(t *testing.T) {
	ctx := context.Background()
	s := newTestStore(t, Options{})
	commit(t, s, "f", "1")
	torn := gitInput(t, s.GitDir(), "lost", "hash-object", "-w", "--stdin")
	path := s.loosePath(must(ParseHash(torn))(t))
	os.Chmod(path, 0o644)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	if exists(path) {
		t.Error("the empty object is still there")
	}
	broken := must(Create(filepath.Join(t.TempDir(), ".git"), Options{}))(t)
	defer broken.Close()
	commit(t, broken, "f", "1")
	packs, _ := filepath.Glob(filepath.Join(broken.packs.dir, "*.pack"))
	os.Chmod(packs[0], 0o644)
	data := must(os.ReadFile(packs[0]))(t)
	for i := packHead; i < len(data)-packTail; i++ {
		data[i] ^= 0x55
	}
	os.WriteFile(packs[0], data, 0o644)
	broken.Close()
	broken = must(Open(broken.GitDir(), Options{}))(t) // a start reads what is on disk, and nothing that was read before
	if err := broken.Recover(ctx); err == nil || hint(err) == "" || !broken.Wounded() {
		t.Errorf("a broken head: %v", err)
	}
}

func TestAPackCutOffBetweenItsRenamesIsCompleted(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	commit(t, s, "f", "1")
	indexes, _ := filepath.Glob(filepath.Join(s.packs.dir, "*.idx"))
	s.Close()
	if err := os.Rename(indexes[0], filepath.Join(s.packs.dir, temporaryPrefix+"x"+tmpIndexEnd)); err != nil {
		t.Fatal(err)
	}
	r := must(Open(s.GitDir(), Options{}))(t)
	defer r.Close()
	if err := r.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	if got := content(t, r, must(r.Resolve("main"))(t), "f"); got != "1" {
		t.Errorf("f is %q", got)
	}
}

func TestATornOrMissingIndexIsMadeAnew(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"torn":    func(path string) error { return errors.Join(os.Chmod(path, 0o644), os.Truncate(path, 0)) },
		"missing": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			s, ctx := newTestStore(t, Options{}), context.Background()
			id := commit(t, s, "f", "1")
			indexes, _ := filepath.Glob(filepath.Join(s.packs.dir, "*.idx"))
			s.Close()
			if err := harm(indexes[0]); err != nil {
				t.Fatal(err)
			}
			r := must(Open(s.GitDir(), Options{}))(t)
			defer r.Close()
			if _, err := r.Commit(id); name == "torn" && (!errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "torn")) {
				t.Errorf("the index is not missed: %v", err)
			}
			if err := r.Recover(ctx); err != nil {
				t.Fatal(err)
			}
			if got := content(t, r, id, "f"); got != "1" {
				t.Errorf("f is %q", got)
			}
			git(t, r.GitDir(), "rev-list", "--objects", "main")
		})
	}
}

// A git gc may take the index of a pack for garbage beside a running node.
func TestAMissingIndexIsMadeAnewWhereItIsMissed(t *testing.T) {
	for name, look := range map[string]func(s *Store, id Hash) error{
		"read":     func(s *Store, id Hash) error { _, err := s.Commit(id); return err },
		"maintain": func(s *Store, _ Hash) error { return s.Maintain(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestStore(t, Options{})
			id := commit(t, s, "f", "1")
			if err := os.Remove(s.packs.list()[0].base + ".idx"); err != nil {
				t.Fatal(err)
			}
			r := must(Open(s.GitDir(), Options{ReadOnly: true}))(t)
			defer r.Close()
			if _, err := r.Commit(id); !errors.Is(err, ErrNotFound) {
				t.Errorf("a store that must not write read the commit: %v", err)
			}
			w := must(Open(s.GitDir(), Options{}))(t)
			defer w.Close()
			if err := look(w, id); err != nil {
				t.Fatal(err)
			}
			git(t, w.GitDir(), "rev-list", "--objects", "main")
		})
	}
}

func TestCancelledWriteLeavesNothing(t *testing.T) {
	s := newTestStore(t, Options{})
	head := commit(t, s, "f", "1")
	ctx, cancel := context.WithCancel(context.Background())
	read := func(p string) ([]byte, error) {
		if p == "d/50" {
			cancel()
		}
		return bytes.Repeat([]byte(p), 5000), nil
	}
	var paths []string
	for i := range 100 {
		paths = append(paths, fmt.Sprintf("d/%02d", i))
	}
	if _, err := s.Import(ctx, Draft{Parent: head, Message: "m"}, paths, read); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if left := leftovers(t, s.GitDir()); left != nil {
		t.Errorf("left over %v", left)
	}
	if got := must(s.Ref("refs/heads/main"))(t); got != head || len(slices.Collect(keys(s))) != 1 {
		t.Errorf("head %s", got)
	}
}

func keys(s *Store) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, p := range s.packs.list() {
			if !yield(p.name()) {
				return
			}
		}
	}
}
