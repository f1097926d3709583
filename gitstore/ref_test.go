package gitstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSetRefComparesWithPackedRefs(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	a := commit(t, s, "f", "1")
	git(t, s.GitDir(), "pack-refs", "--all")
	if exists(s.refPath("refs/heads/main")) {
		t.Fatal("git did not pack the ref")
	}
	b := must(s.Write(ctx, Draft{Parent: a, Edits: edits("f", "2"), Author: who(5), Committer: who(5), Message: "b"}))(t)
	for _, wrong := range []Hash{{}, b} {
		if err := s.SetRef(ctx, "refs/heads/main", wrong, b); !errors.Is(err, ErrRefMoved) {
			t.Errorf("from %s: %v", wrong, err)
		}
	}
	if got := git(t, s.GitDir(), "rev-parse", "main"); got != a.String() {
		t.Fatalf("a refused move left main at %s", got)
	}
	if err := s.SetRef(ctx, "refs/heads/main", a, b); err != nil {
		t.Fatal(err)
	}
	if got := git(t, s.GitDir(), "rev-parse", "main"); got != b.String() {
		t.Errorf("main is %s", got)
	}
	if refs := must(s.Refs("refs/heads/"))(t); len(refs) != 1 || refs["refs/heads/main"] != b {
		t.Errorf("refs %v", refs)
	}
}

func TestDeletedRefStaysDeletedWhenItWasPacked(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	a := commit(t, s, "f", "1")
	git(t, s.GitDir(), "tag", "-a", "-m", "t", "v1")
	for _, name := range []string{"refs/gsgit/disk", "refs/gsgit/diskette"} {
		if err := s.SetRef(ctx, name, Hash{}, a); err != nil {
			t.Fatal(err)
		}
	}
	git(t, s.GitDir(), "pack-refs", "--all")
	if err := s.SetRef(ctx, "refs/gsgit/disk", a, Hash{}); err != nil {
		t.Fatal(err)
	}
	if got := must(s.Ref("refs/gsgit/disk"))(t); !got.IsZero() {
		t.Errorf("it is back at %s", got)
	}
	if got := git(t, s.GitDir(), "for-each-ref", "--format=%(refname)"); got != "refs/gsgit/diskette\nrefs/heads/main\nrefs/tags/v1" {
		t.Errorf("git sees %q", got)
	}
	if got := must(s.Resolve("v1"))(t); got != a {
		t.Errorf("the tag leads to %s", got)
	}
}

func TestRefTakesTheNameOfAnEmptyDirectory(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	a := commit(t, s, "f", "1")
	if err := s.SetRef(ctx, "refs/gsgit/drift/a/b", Hash{}, a); err != nil {
		t.Fatal(err)
	}
	if err := s.SetRef(ctx, "refs/gsgit/drift", Hash{}, a); err == nil {
		t.Fatal("a ref replaced a directory with refs in it")
	}
	if err := s.SetRef(ctx, "refs/gsgit/drift/a/b", a, Hash{}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetRef(ctx, "refs/gsgit/drift", Hash{}, a); err != nil {
		t.Error(err)
	}
}

func TestTornAndVanishedBranchIsAnErrorThatNamesTheLastGoodCommit(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"empty":    func(path string) error { return os.Truncate(path, 0) },
		"torn":     func(path string) error { return os.Truncate(path, 17) },
		"zeroes":   func(path string) error { return os.WriteFile(path, make([]byte, 41), 0o644) },
		"vanished": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			s, ctx := newTestStore(t, Options{}), context.Background()
			commit(t, s, "f", "1")
			good := commit(t, s, "f", "2")
			if err := harm(s.refPath("refs/heads/main")); err != nil {
				t.Fatal(err)
			}
			_, err := s.Ref("refs/heads/main")
			var permanent interface{ Permanent() bool }
			if err == nil || !strings.Contains(err.Error(), good.String()) || !errors.As(err, &permanent) || !permanent.Permanent() || hint(err) == "" {
				t.Errorf("%v", err)
			}
			if _, err := s.Write(ctx, Draft{Edits: edits("f", "3"), Message: "root"}); err == nil {
				t.Error("a new root commit was written")
			}
			if err := s.SetRef(ctx, "refs/heads/main", Hash{}, good); err == nil {
				t.Error("the branch was begun anew")
			}
			if err := s.Recover(ctx); err == nil {
				t.Error("Recover passes over it")
			}
			if got := must(s.RepairRef("refs/heads/main"))(t); got != good {
				t.Errorf("repaired to %s", got)
			}
			if got := must(s.Ref("refs/heads/main"))(t); got != good {
				t.Errorf("main is %s", got)
			}
		})
	}
}

func TestDeletedBranchIsNoVanishedOne(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	a := commit(t, s, "f", "1")
	if err := s.SetRef(ctx, "refs/heads/main", a, Hash{}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Ref("refs/heads/main"); err != nil || !got.IsZero() {
		t.Errorf("%s, %v", got, err)
	}
}

func TestForeignLockIsWaitedForAndNamed(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	a := commit(t, s, "f", "1")
	lock := s.refPath("refs/gsgit/disk") + ".lock"
	os.MkdirAll(filepath.Dir(lock), 0o755)
	if err := os.WriteFile(lock, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := s.SetRef(short, "refs/gsgit/disk", Hash{}, a); !errors.Is(err, ErrLocked) || hint(err) == "" {
		t.Errorf("%v", err)
	}
	if err := s.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	if !exists(lock) {
		t.Error("Recover took the lock of another git away")
	}
	go os.Remove(lock)
	if err := s.SetRef(ctx, "refs/gsgit/disk", Hash{}, a); err != nil {
		t.Error(err)
	}
}

func TestRefNames(t *testing.T) {
	for name, good := range map[string]bool{
		"refs/heads/main": true, "refs/gsgit/drift/2026-01-01T00_gs-a": true, "refs/remotes/gs-a/main": true,
		"main": false, "refs/../HEAD": false, "refs/heads/a.lock": false, "refs//a": false, "refs/heads/.a": false, "refs/heads/": false,
		"refs/heads/a b": false, "refs/heads/a\n": false, "refs/heads/a~1": false, "/refs/heads/a": false, "refs/heads/a.": false, "refs/heads/@{1}": false,
	} {
		if err := checkRefName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestResolve(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	a, b, c := commit(t, s, "f", "1"), commit(t, s, "f", "2"), commit(t, s, "f", "3")
	if err := s.SetRef(ctx, "refs/gsgit/disk", Hash{}, b); err != nil {
		t.Fatal(err)
	}
	for rev, want := range map[string]Hash{
		"main": c, "HEAD": c, "@": c, "refs/heads/main": c, "gsgit/disk": b, "main~1": b, "main~2": a, "main^^": a, "HEAD~": b, "main~0": c,
		a.String(): a, a.String()[:8]: a, strings.ToUpper(b.String()[:7]): b, b.String()[:9] + "~1": a,
	} {
		if got, err := s.Resolve(rev); err != nil || got != want {
			t.Errorf("%s: %s, %v", rev, got, err)
		}
	}
	for _, rev := range []string{"", "nonsense", "main~3", "main~x", "main^2", "abc", "../HEAD", strings.Repeat("f", 40), "feedfeed", "~1"} {
		if got, err := s.Resolve(rev); err == nil {
			t.Errorf("%q is %s", rev, got)
		}
	}
}

func TestLockFileKeepsOthersOutUntilReleased(t *testing.T) {
	path := filepath.Join(t.TempDir(), "write.lock")
	first := must(LockFile(path, 0))(t)
	if _, err := LockFile(path, 0); !errors.Is(err, ErrLocked) || !strings.Contains(hint(err), "process") {
		t.Errorf("%v, %s", err, hint(err))
	}
	got := make(chan error)
	go func() {
		second, err := LockFile(path, time.Minute)
		if err == nil {
			err = second.Release()
		}
		got <- err
	}()
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestDetachedHeadNeedsABranchNameToWriteOnly(t *testing.T) {
	s := newTestStore(t, Options{})
	id := commit(t, s, "f", "1")
	git(t, s.GitDir(), "update-ref", "--no-deref", "HEAD", id.String())
	if _, err := Open(s.GitDir(), Options{}); err == nil || !strings.Contains(hint(err), "--branch") {
		t.Errorf("%v", err)
	}
	for _, o := range []Options{{Branch: "main"}, {ReadOnly: true}} {
		r := must(Open(s.GitDir(), o))(t)
		if got := must(r.Resolve("HEAD"))(t); got != id || r.BranchRef() != "refs/heads/main" {
			t.Errorf("%+v: HEAD is %s, branch %s", o, got, r.Branch())
		}
		r.Close()
	}
}
