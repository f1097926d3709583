package gitstore

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// abandon writes a commit of the files that comes to nothing, and lets an hour pass: no ref and no .keep holds it.
func abandon(t *testing.T, s *Store, parent Hash, pairs ...string) Hash {
	t.Helper()
	id := must(s.Write(context.Background(), Draft{Parent: parent, Edits: edits(pairs...), Author: who(3), Committer: who(3), Message: "abandoned"}))(t)
	letGo(t, s)
	return id
}

func letGo(t *testing.T, s *Store) {
	t.Helper()
	packs := must(filepath.Glob(filepath.Join(s.packs.dir, "*.pack")))(t)
	old := time.Now().Add(-2 * keepLimit)
	for _, path := range packs {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.clearKeeps(keepLimit); err != nil {
		t.Fatal(err)
	}
	if keeps := must(filepath.Glob(filepath.Join(s.packs.dir, "*.keep")))(t); keeps != nil {
		t.Fatalf("still held: %v", keeps)
	}
}

// What a foreign git takes for garbage must not be what a new commit is made of, whether git comes before the commit is
// written or between that and its ref.
func TestNoCommitIsMadeOfGarbage(t *testing.T) {
	ctx := context.Background()
	makers := map[string]func(s *Store, head Hash) (Hash, error){
		"write": func(s *Store, head Hash) (Hash, error) {
			return s.Write(ctx, Draft{Parent: head, Edits: edits("d/f", "again", "d/g", "again"), Author: who(4), Committer: who(4), Message: "m"})
		},
		"import": func(s *Store, head Hash) (Hash, error) {
			draft := Draft{Parent: head, Author: who(4), Committer: who(4), Message: "m"}
			return s.Import(ctx, draft, []string{"d/f", "d/g", "f"}, func(string) ([]byte, error) { return []byte("again"), nil })
		},
	}
	for name, make := range makers {
		for _, when := range []string{"before", "after"} {
			t.Run(name+" "+when, func(t *testing.T) {
				s := newTestStore(t, Options{})
				head := commit(t, s, "f", "1")
				abandon(t, s, head, "d/f", "again", "d/g", "again")
				collect := func(at string) {
					if at == when {
						git(t, s.GitDir(), "gc", "-q", "--prune=now")
					}
				}
				collect("before")
				id := must(make(s, head))(t)
				collect("after")
				if err := s.SetRef(ctx, "refs/heads/main", head, id); err != nil {
					t.Fatal(err)
				}
				git(t, s.GitDir(), "fsck", "--strict", "--full")
			})
		}
	}
}

// A fetch whose commit was never held by a ref is done again, for a part of it may be gone.
func TestAFetchThatCameToNothingIsDoneAgain(t *testing.T) {
	ctx := context.Background()
	source := newTestStore(t, Options{})
	first := commit(t, source, "f", "1", "d/e", "x")
	second := commit(t, source, "f", "2")
	src := Source{URL: source.GitDir()}
	for name, lose := range map[string]func(t *testing.T, s *Store){
		"all": func(t *testing.T, s *Store) { git(t, s.GitDir(), "gc", "-q", "--prune=now") },
		"a part": func(t *testing.T, s *Store) {
			git(t, s.GitDir(), "update-ref", "refs/tags/x", first.String())
			git(t, s.GitDir(), "gc", "-q", "--prune=now")
			git(t, s.GitDir(), "update-ref", "-d", "refs/tags/x")
		},
		"nothing": func(*testing.T, *Store) {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestStore(t, Options{})
			if err := s.Fetch(ctx, src, second, Hash{}); err != nil {
				t.Fatal(err)
			}
			letGo(t, s)
			lose(t, s)
			if err := s.Fetch(ctx, src, second, Hash{}); err != nil {
				t.Fatal(err)
			}
			git(t, s.GitDir(), "gc", "-q", "--prune=now")
			if err := s.SetRef(ctx, "refs/heads/main", Hash{}, second); err != nil {
				t.Fatal(err)
			}
			git(t, s.GitDir(), "fsck", "--strict", "--full")
			if n := git(t, s.GitDir(), "rev-list", "--objects", "--count", "main"); n == "0" {
				t.Error("nothing is there")
			}
		})
	}
}

// What is being written is no garbage either, however soon git takes garbage away.
func TestGitLeavesWhatIsBeingWritten(t *testing.T) {
	ctx := context.Background()
	for _, at := range []string{"gitstore.pack", "gitstore.renamed", "gitstore.objects"} {
		t.Run(at, func(t *testing.T) {
			var s *Store
			armed := false
			s = newTestStore(t, Options{Step: func(name string) {
				if armed && name == at {
					armed = false
					git(t, s.GitDir(), "gc", "-q", "--prune=now")
				}
			}})
			head := commit(t, s, "f", "1")
			armed = true
			id, err := s.Write(ctx, Draft{Parent: head, Edits: edits("f", "2"), Author: who(2), Committer: who(2), Message: "m"})
			if err == nil {
				err = s.SetRef(ctx, "refs/heads/main", head, id)
			}
			if err != nil || armed {
				t.Error(err, armed)
			}
		})
	}
}
