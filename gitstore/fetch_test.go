package gitstore_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gsgit/gsgit/gitstore"
)

// sources are all the ways to reach one and the same repository.
func sources(t *testing.T, r remote) map[string]string {
	fakeSSH(t)
	gitDir := filepath.Join(r.dir, ".git")
	return map[string]string{
		"data directory": r.dir,
		".git directory": gitDir,
		"file URL":       "file://" + r.dir,
		"ssh URL":        "ssh://somewhere" + r.dir,
		"scp":            "me@somewhere:" + r.dir,
		"node":           serveStore(t, openRemote(t, gitDir), gitstore.ServeOptions{}),
		"http-backend":   httpBackend(t, filepath.Dir(r.dir)) + "/" + filepath.Base(r.dir) + "/.git",
	}
}

func TestFetchBranchBringsHistoryAndThenOnlyWhatIsNew(t *testing.T) {
	for _, packed := range []bool{false, true} {
		r := newRemote(t)
		r.catalog(4)
		if packed {
			r.git("gc", "-q", "--aggressive", "--prune=now")
		}
		first := r.head()
		for name, url := range sources(t, r) {
			t.Run(name, func(t *testing.T) {
				r.git("reset", "-q", "--hard", first.String())
				noLeaks(t)
				s := newStore(t)
				src := gitstore.Source{URL: url}
				head, err := s.FetchBranch(t.Context(), src, "refs/heads/main", gitstore.Hash{})
				if err != nil || head != first {
					t.Fatalf("fetched %s, %v; want %s", head, err, first)
				}
				checkWhole(t, s, head)
				before := packedObjects(t, s)

				second := r.commit("workspaces/topp/shapes/layer3/layer.xml", layerXML(3, 99))
				head, err = s.FetchBranch(t.Context(), src, "refs/heads/main", first)
				if err != nil || head != second {
					t.Fatalf("fetched %s, %v; want %s", head, err, second)
				}
				checkWhole(t, s, head)
				// One commit, one file, and the directories above it: root, workspaces, topp, shapes, layer3.
				if more := packedObjects(t, s) - before; more != 7 {
					t.Errorf("one changed file brought %d objects, want 7", more)
				}
				if left := leftovers(t, s); len(left) > 0 {
					t.Errorf("left over: %v", left)
				}
			})
		}
	}
}

func TestFetchOfMergedHistoryIsWhole(t *testing.T) {
	r := newRemote(t)
	r.catalog(2)
	base := r.head()
	r.git("checkout", "-q", "-b", "side")
	r.commit("styles/side.sld", "<sld/>")
	r.commit("workspaces/topp/shapes/layer1/layer.xml", layerXML(1, 50))
	r.git("checkout", "-q", "main")
	r.commit("styles/main.sld", "<sld>main</sld>")
	r.git("merge", "-q", "--no-edit", "side")
	merge := r.head()
	r.git("revert", "--no-edit", "-m", "1", merge.String())
	last := r.head()
	for name, url := range sources(t, r) {
		for haveName, have := range map[string]gitstore.Hash{"nothing": {}, "base": base, "main side": hashOf(t, r.git("rev-parse", merge.String()+"^1")),
			"merged side": hashOf(t, r.git("rev-parse", merge.String()+"^2")), "merge": merge} {
			t.Run(name+" with "+haveName, func(t *testing.T) {
				s := newStore(t)
				src := gitstore.Source{URL: url}
				if !have.IsZero() {
					// The clients' own history is taken from the repository, whatever the server lets one ask for.
					if err := s.Fetch(t.Context(), gitstore.Source{URL: r.dir}, have, gitstore.Hash{}); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.Fetch(t.Context(), src, last, have); err != nil {
					t.Fatal(err)
				}
				checkWhole(t, s, last)
			})
		}
	}
}

func TestFetchBranchOfABranchThatIsNotThere(t *testing.T) {
	r := newRemote(t)
	for _, state := range []string{"empty", "with commits"} {
		for name, url := range sources(t, r) {
			head, err := newStore(t).FetchBranch(t.Context(), gitstore.Source{URL: url}, "refs/heads/other", gitstore.Hash{})
			if err != nil || !head.IsZero() {
				t.Errorf("%s, %s: fetched %s, %v; want nothing", name, state, head, err)
			}
		}
		r.catalog(1)
	}
}

func TestAdvertisedNamesBranchesAndHead(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	r.git("branch", "other")
	for name, url := range sources(t, r) {
		a, err := newStore(t).Advertised(t.Context(), gitstore.Source{URL: url})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a.Refs["refs/heads/main"] != r.head() || a.Head != "refs/heads/main" {
			t.Errorf("%s: advertised %v, HEAD %q", name, a.Refs, a.Head)
		}
		if _, other := a.Refs["refs/heads/other"]; other == (name == "node") {
			t.Errorf("%s: advertised %v; a node serves its own branch, all others everything", name, a.Refs)
		}
	}
}

func TestFetchWithAHaveThatTheSourceLacks(t *testing.T) {
	r := newRemote(t)
	r.catalog(2)
	stranger := newRemote(t)
	own := stranger.commit("a", "b")
	for name, url := range sources(t, r) {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			if err := s.Fetch(t.Context(), gitstore.Source{URL: stranger.dir}, own, gitstore.Hash{}); err != nil {
				t.Fatal(err)
			}
			for _, have := range []gitstore.Hash{own, {1, 2, 3}} {
				if err := s.Fetch(t.Context(), gitstore.Source{URL: url}, r.head(), have); err != nil {
					t.Fatal(err)
				}
			}
			checkWhole(t, s, r.head())
		})
	}
}

func TestTwoFetchesAtOnce(t *testing.T) {
	noLeaks(t)
	r := newRemote(t)
	r.catalog(5)
	url := serveStore(t, openRemote(t, filepath.Join(r.dir, ".git")), gitstore.ServeOptions{})
	s := newStore(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := s.FetchBranch(t.Context(), gitstore.Source{URL: url}, "refs/heads/main", gitstore.Hash{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	checkWhole(t, s, r.head())
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestTheEmptyTreeNeedsNoStoring(t *testing.T) {
	r := newRemote(t)
	empty := hashOf(t, r.git("commit-tree", "-m", "nothing yet", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"))
	r.git("update-ref", "refs/heads/main", empty.String())
	r.commit("global.xml", "<global/>")
	r.git("rm", "-q", "global.xml")
	last := r.commit("x", "y")
	r.git("rm", "-q", "x")
	r.git("commit", "-q", "--allow-empty", "-m", "nothing again")
	if out, err := tryGit(t.Context(), r.dir, "rev-list", "--objects", last.String()); err != nil {
		t.Fatal(out)
	}
	for name, url := range sources(t, r) {
		s := newStore(t)
		head, err := s.FetchBranch(t.Context(), gitstore.Source{URL: url}, "refs/heads/main", gitstore.Hash{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkWhole(t, s, head)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	gitIn(t, r.dir, "clone", "-q", sources(t, r)["node"], clone)
	gitIn(t, clone, "fsck", "--strict")
}

// A crash while a fetch is under way leaves a repository that the next start
// clears, and from which the next fetch gets to the end.
func TestFetchAfterACrash(t *testing.T) {
	r := newRemote(t)
	r.catalog(2)
	for _, point := range []string{"gitstore.received", "gitstore.pack", "gitstore.renamed", "gitstore.objects"} {
		t.Run(point, func(t *testing.T) {
			crashed := filepath.Join(t.TempDir(), "crashed")
			gitDir := filepath.Join(t.TempDir(), ".git")
			s, err := gitstore.Create(gitDir, gitstore.Options{Step: func(name string) {
				if name == point {
					if err := os.CopyFS(crashed, os.DirFS(gitDir)); err != nil {
						t.Error(err)
					}
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Fetch(t.Context(), gitstore.Source{URL: r.dir}, r.head(), gitstore.Hash{}); err != nil {
				t.Fatal(err)
			}
			again := openRemote(t, crashed) // fails where the point was not reached
			if err := again.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			gitIn(t, crashed, "fsck", "--strict", "--full")
			if left := leftovers(t, again); len(left) > 0 {
				t.Errorf("left over by the start: %v", left)
			}
			if err := again.Fetch(t.Context(), gitstore.Source{URL: r.dir}, r.head(), gitstore.Hash{}); err != nil {
				t.Fatal(err)
			}
			checkWhole(t, again, r.head())
			if left := leftovers(t, again); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
}

// Where histories went apart the source does not know our head, but it knows
// what we fetched from it before: only what is new comes.
func TestFetchOfADivergedHistoryBringsOnlyWhatIsNew(t *testing.T) {
	r := newRemote(t)
	r.catalog(3)
	for name, url := range sources(t, r) {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			src := gitstore.Source{URL: url}
			fetched, err := s.FetchBranch(t.Context(), src, "refs/heads/main", gitstore.Hash{})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.SetRef(t.Context(), "refs/remotes/gs-a/main", gitstore.Hash{}, fetched); err != nil {
				t.Fatal(err)
			}
			own, err := s.Write(t.Context(), gitstore.Draft{Parent: fetched, Message: "mine\n",
				Edits: []gitstore.Edit{{Path: "own.xml", Content: []byte(name)}}})
			if err != nil {
				t.Fatal(err)
			}
			before := packedObjects(t, s)
			r.commit("global.xml", "theirs "+name)
			head, err := s.FetchBranch(t.Context(), src, "refs/heads/main", own)
			if err != nil {
				t.Fatal(err)
			}
			checkWhole(t, s, head)
			if more := packedObjects(t, s) - before; more != 3 {
				t.Errorf("one changed file brought %d objects, want commit, tree and file", more)
			}
		})
	}
}

func TestRefetchBringsBackWhatWasLost(t *testing.T) {
	r := newRemote(t)
	r.catalog(2)
	s := newStore(t)
	if err := s.Fetch(t.Context(), gitstore.Source{URL: r.dir}, r.head(), gitstore.Hash{}); err != nil {
		t.Fatal(err)
	}
	// The head is here, loose, and everything below it is gone.
	loose := filepath.Join("objects", r.head().String()[:2], r.head().String()[2:])
	if err := os.MkdirAll(filepath.Dir(filepath.Join(s.GitDir(), loose)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(r.dir, ".git", loose), filepath.Join(s.GitDir(), loose)); err != nil {
		t.Fatal(err)
	}
	packs, _ := filepath.Glob(filepath.Join(s.GitDir(), "objects", "pack", "*"))
	for _, file := range packs {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	lost := openRemote(t, s.GitDir())
	if err := lost.Refetch(t.Context(), gitstore.Source{URL: r.dir}, r.head()); err != nil {
		t.Fatal(err)
	}
	checkWhole(t, lost, r.head())
}
