package gsgit_test

import (
	"context"
	"os"
	"path/filepath"
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
