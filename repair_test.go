package gsgit_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// A power cut can leave a ref file empty. Nothing may take that for a repository without history.
func TestRepairPutsTornRefsBack(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), ".git")
	s, err := gitstore.Create(dir, gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	id, err := s.Write(ctx, gitstore.Draft{Edits: []gitstore.Edit{{Path: "global.xml", Content: []byte("<global/>")}}, Message: "import\n"})
	if err != nil {
		t.Fatal(err)
	}
	fetched := "refs/remotes/gs-b/main"
	for _, ref := range []string{s.BranchRef(), gsgit.DiskRef, gsgit.AnnouncedRef, fetched} {
		if err := s.SetRef(ctx, ref, gitstore.Hash{}, id); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, ref), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Ref(ref); err == nil {
			t.Fatalf("%s is empty, and is read as a commit", ref)
		}
	}
	done, err := gsgit.Repair(ctx, s)
	if err != nil || len(done) != 4 {
		t.Fatalf("repaired %q, %v", done, err)
	}
	for ref, want := range map[string]gitstore.Hash{s.BranchRef(): id, gsgit.DiskRef: id, gsgit.AnnouncedRef: {}, fetched: {}} {
		if got, err := s.Ref(ref); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", ref, got, err, want)
		}
	}
	if again, err := gsgit.Repair(ctx, s); err != nil || len(again) != 0 {
		t.Errorf("a second repair did %q, %v", again, err)
	}
}

// A branch may also vanish whole, with or without its log. Nothing may begin a new history then, and each is put back.
func TestRepairPutsAVanishedBranchBack(t *testing.T) {
	for name, lose := range map[string][]string{
		"the branch":                        {"refs/heads/main"},
		"the branch and its log":            {"refs/heads/main", "logs"},
		"the branch, torn, and its log":     {"logs"},
		"every ref":                         {"refs/heads/main", "refs/gsgit", "logs"},
		"the branch that git packed":        {"packed-refs", "refs/heads/main"},
		"every ref, that git packed, by rm": {"packed-refs", "refs/heads/main", "refs/gsgit", "logs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newBare(t, sampleDir(t))
			p.must(p.quick().SetTitle("harbour:buoys", "All buoys"))
			p.publisher.LookAtAll()
			p.again()
			head, gitDir := p.head(), p.store.GitDir()
			if strings.Contains(name, "packed") {
				p.must(exec.Command("git", "-C", gitDir, "pack-refs", "--all").Run())
			}
			if strings.Contains(name, "torn") {
				p.must(os.Truncate(filepath.Join(gitDir, "refs/heads/main"), 0))
			}
			for _, path := range lose {
				p.must(os.RemoveAll(filepath.Join(gitDir, path)))
			}
			fresh := &gsgit.Publisher{Dir: p.publisher.Dir, Store: p.store, Instance: "test", Hold: p.hold, MaxNew: 10, Log: p.publisher.Log}
			if _, err := fresh.Sync(t.Context()); err == nil || !strings.Contains(gsgit.HintOf(err), "--repair") {
				t.Fatalf("got %v, %q", err, gsgit.HintOf(err))
			}
			if done, err := gsgit.Repair(t.Context(), p.store); err != nil || len(done) == 0 {
				t.Fatalf("repaired %q, %v", done, err)
			}
			if got := p.head(); got != head {
				t.Errorf("the head is %s, and was %s", got, head)
			}
		})
	}
}

// A branch without commits, named by a HEAD that somebody changed, is no reason to begin a new history either.
func TestAHeadThatNamesAnotherBranchBeginsNoHistory(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	p.must(os.WriteFile(filepath.Join(p.store.GitDir(), "HEAD"), []byte("ref: refs/heads/other\n"), 0o644))
	other, err := gitstore.Open(p.store.GitDir(), gitstore.Options{})
	p.must(err)
	defer other.Close()
	fresh := &gsgit.Publisher{Dir: p.publisher.Dir, Store: other, Instance: "test", Hold: p.hold, MaxNew: 10, Log: p.publisher.Log}
	if _, err := fresh.Sync(t.Context()); err == nil || !strings.Contains(gsgit.HintOf(err), "git branch") && !strings.Contains(gsgit.HintOf(err), "--branch") {
		t.Errorf("got %v, %q", err, gsgit.HintOf(err))
	}
	if done, err := gsgit.Repair(t.Context(), other); err != nil || len(done) != 0 {
		t.Errorf("repaired %q, %v", done, err)
	}
}
