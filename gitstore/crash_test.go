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

// killed is what a Step panics with in these tests: the process ends there, but for what the disk has.
type killed struct{ at string }

// dying gives options whose nth step kills; the steps passed are recorded.
func dying(n int, passed *[]string) Options {
	return Options{Step: func(name string) {
		*passed = append(*passed, name)
		if len(*passed) == n {
			panic(killed{name})
		}
	}}
}

// run calls do and tells whether it was killed. Deferred clean-up of the code under test runs in a panic, which a real
// kill would not grant: so the directory is copied at the moment of the kill, and the copy is what is looked at.
func run(t *testing.T, dir string, n int, do func(s *Store) error) (copied string, passed []string) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(killed); !ok {
				panic(r)
			}
		}
	}()
	o := dying(n, &passed)
	step := o.Step
	o.Step = func(name string) {
		if len(passed)+1 == n {
			copied = filepath.Join(t.TempDir(), ".git")
			copyTree(t, dir, copied)
		}
		step(name)
	}
	s := must(Open(dir, o))(t)
	defer s.Close()
	if err := do(s); err != nil {
		t.Fatal(err)
	}
	return copied, passed
}

// copyTree keeps hard links: they tell our locks from others'.
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
		return os.WriteFile(target, data, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
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
			strings.HasSuffix(rel, ".pack") && !exists(base+".idx"), strings.HasSuffix(rel, ".idx") && !exists(base+".pack"):
			out = append(out, rel)
		}
		return nil
	})
	return out
}

func TestKillAtEveryStepLosesNothingAndLeavesNothing(t *testing.T) {
	ctx := context.Background()
	jobs := map[string]func(s *Store) error{
		"commit": func(s *Store) error {
			head, err := s.Ref("refs/heads/main")
			if err != nil {
				return err
			}
			id, err := s.Write(ctx, Draft{Parent: head, Edits: edits("f", "new"), Author: who(99), Committer: who(99), Message: "new"})
			if err != nil {
				return err
			}
			return s.SetRef(ctx, "refs/heads/main", head, id)
		},
		"roll-up": func(s *Store) error { return s.Maintain(ctx) },
		"import": func(s *Store) error {
			head, err := s.Ref("refs/heads/main")
			if err != nil {
				return err
			}
			draft := Draft{Parent: head, Author: who(99), Committer: who(99), Message: "imported"}
			id, err := s.Import(ctx, draft, []string{"f", "new/a", "new/b/c"}, func(string) ([]byte, error) { return []byte("new"), nil })
			if err != nil {
				return err
			}
			return s.SetRef(ctx, "refs/heads/main", head, id)
		},
		"delete ref": func(s *Store) error { return s.SetRef(ctx, "refs/gsgit/disk", mustRef(s, "refs/gsgit/disk"), Hash{}) },
	}
	written := []string{"gitstore.pack", "gitstore.renamed", "gitstore.objects", "gitstore.locked:refs/heads/main", "gitstore.ref:refs/heads/main"}
	points := map[string][]string{ // at each of these a run has to have been killed
		"commit": written, "import": written, "delete ref": {"gitstore.locked:refs/gsgit/disk", "gitstore.ref:refs/gsgit/disk"},
		"roll-up": {"gitstore.rollup", "gitstore.pack", "gitstore.renamed", "gitstore.objects", "gitstore.rolled", "gitstore.removed.pack"},
	}
	template := filepath.Join(t.TempDir(), ".git")
	s := must(Create(template, Options{}))(t)
	s.disk.lazy = true
	var head Hash
	for i := range maxPacks + 1 {
		head = commit(t, s, "f", fmt.Sprint(i), fmt.Sprintf("d/%d", i), "x")
	}
	if err := s.SetRef(ctx, "refs/gsgit/disk", Hash{}, head); err != nil {
		t.Fatal(err)
	}
	git(t, template, "pack-refs", "--all")
	s.Close()
	for name, job := range jobs {
		t.Run(name, func(t *testing.T) {
			killedAt := map[string]bool{}
			for n := 1; ; n += 1 + n/8 { // a roll-up removes many packs: not every one of them
				dir := filepath.Join(t.TempDir(), ".git")
				copyTree(t, template, dir)
				copied, passed := run(t, dir, n, job)
				if copied == "" {
					for _, point := range points[name] {
						if !killedAt[point] {
							t.Errorf("never killed at %s; the steps are %v", point, passed)
						}
					}
					return
				}
				at := passed[n-1]
				killedAt[at] = true
				s := must(Open(copied, Options{}))(t)
				if err := s.Recover(ctx); err != nil {
					t.Fatalf("killed at %s: %v", at, err)
				}
				if left := leftovers(t, copied); left != nil {
					t.Errorf("killed at %s: left over %v", at, left)
				}
				got := must(s.Ref("refs/heads/main"))(t)
				if text := content(t, s, got, "f"); got != head && text != "new" {
					t.Errorf("killed at %s: the head is %s with %q", at, got, text)
				}
				git(t, copied, "fsck", "--strict", "--full")
				if n := git(t, copied, "rev-list", "--count", "main"); n != fmt.Sprint(maxPacks+1) && got == head {
					t.Errorf("killed at %s: %s commits", at, n)
				}
				if err := job(s); err != nil && !strings.Contains(name, "delete") {
					t.Errorf("killed at %s, again: %v", at, err)
				}
				s.Close()
			}
		})
	}
}

func mustRef(s *Store, name string) Hash {
	id, err := s.Ref(name)
	if err != nil {
		panic(err)
	}
	return id
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
	if err := broken.Recover(ctx); err == nil || hint(err) == "" {
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

func TestATornIndexIsMadeAnew(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	id := commit(t, s, "f", "1")
	indexes, _ := filepath.Glob(filepath.Join(s.packs.dir, "*.idx"))
	s.Close()
	os.Chmod(indexes[0], 0o644)
	if err := os.Truncate(indexes[0], 0); err != nil {
		t.Fatal(err)
	}
	r := must(Open(s.GitDir(), Options{}))(t)
	defer r.Close()
	if _, err := r.Commit(id); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "torn") {
		t.Errorf("the torn index is not named: %v", err)
	}
	if err := r.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	if got := content(t, r, id, "f"); got != "1" {
		t.Errorf("f is %q", got)
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
