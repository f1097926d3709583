package gsgit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// A damaged pack is a hole in the history: the node says so as long as it is there, not only when it is met.
func TestMaintenanceTellsOfDamageAsLongAsItLasts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), ".git")
	s, err := gitstore.Create(dir, gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	head := gitstore.Hash{}
	for i := range 52 {
		draft := gitstore.Draft{Parent: head, Edits: []gitstore.Edit{{Path: "f", Content: fmt.Append(nil, i)}}, Message: "m"}
		id, err := s.Write(t.Context(), draft)
		if err == nil {
			err = s.SetRef(t.Context(), s.BranchRef(), head, id)
		}
		if err != nil {
			t.Fatal(err)
		}
		head = id
	}
	packs, err := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
	if err != nil || len(packs) == 0 {
		t.Fatal(packs, err)
	}
	data, err := os.ReadFile(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 0xff
	if err := os.Remove(packs[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(packs[0], data, 0o444); err != nil {
		t.Fatal(err)
	}
	s2, err := gitstore.Open(dir, gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	m := &gsgit.Maintenance{Store: s2}
	health := gsgit.NewHealth(nil)
	for range 2 {
		_, err := m.Sync(t.Context())
		health.SetError("maintain", err)
		if got := health.Worst(); got.State != gsgit.Error || got.Hint == "" {
			t.Errorf("the node is %+v", got)
		}
	}
}
