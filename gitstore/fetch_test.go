package gitstore_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

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

func TestErrorsOfSourcesSayWhatToDo(t *testing.T) {
	fakeSSH(t)
	r := newRemote(t)
	r.catalog(1)
	store := openRemote(t, filepath.Join(r.dir, ".git"))
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	page := func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>welcome")) }
	for _, c := range []struct {
		name, url, token string
		says, hints      string
		permanent        bool
	}{
		{"nobody listens", gone.URL, "", "connection refused", "listens on this address", false},
		{"no token", serveStore(t, store, gitstore.ServeOptions{Token: "s3cret"}), "", "asks for a token", "--token-file", true},
		{"wrong token", serveStore(t, store, gitstore.ServeOptions{Token: "s3cret"}), "guess", "asks for a token", "--token-file", true},
		{"not there", serveHTTP(t, http.NotFoundHandler()), "", "no repository", "/git/", false},
		{"a web page", serveHTTP(t, http.HandlerFunc(page)), "", "not a git server (text/html)", "/git/", false},
		{"unknown scheme", "ftp://host/x", "", "ftp", "http", true},
		{"an option for a host", "ssh://-oProxyCommand=evil/x", "", "is no host", "", true},
		{"ssh complains", "ssh://nowhere/x", "", "ssh: no such host", "", false},
		{"no repository at the other end", "ssh://somewhere/nothing/here", "", "does not appear to be a git repository", "", false},
		{"a password in the address", "http://me:hidden@" + strings.TrimPrefix(gone.URL, "http://"), "", "connection refused", "", false},
		{"a file URL of another machine", "file://data/dir", "", "no path of this machine", "file:///path", true},
		{"nothing", "", "", "no address", "", true},
	} {
		_, err := newStore(t).Advertised(t.Context(), gitstore.Source{URL: c.url, Token: c.token})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(hint(err), c.hints) {
			t.Errorf("%s: %v (hint %q)", c.name, err, hint(err))
			continue
		}
		var p interface{ Permanent() bool }
		if permanent := errors.As(err, &p) && p.Permanent(); permanent != c.permanent {
			t.Errorf("%s: permanent is %v", c.name, permanent)
		}
		if strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error tells a secret: %v", c.name, err)
		}
	}
	_, err := newStore(t).Advertised(t.Context(), gitstore.Source{URL: t.TempDir()})
	if !errors.Is(err, gitstore.ErrNoRepository) {
		t.Errorf("an empty directory: %v", err)
	}
}

func TestFetchEndsWhenItIsCancelledOrNothingComes(t *testing.T) {
	noLeaks(t)
	asked := make(chan struct{}, 1)
	silent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	url := serveHTTP(t, silent)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := newStore(t).FetchBranch(ctx, gitstore.Source{URL: url}, "refs/heads/main", gitstore.Hash{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	_, err := newStore(t).FetchBranch(t.Context(), gitstore.Source{URL: url, Silence: 20 * time.Millisecond}, "refs/heads/main", gitstore.Hash{})
	if err == nil || !strings.Contains(err.Error(), "nothing came for 20ms") {
		t.Errorf("silent: %v", err)
	}
	<-asked
}

func TestTheTokenStaysWithItsHost(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	node := openRemote(t, filepath.Join(r.dir, ".git")).Handler(gitstore.ServeOptions{})
	var seen []string
	elsewhere := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		node.ServeHTTP(w, r)
	}))
	forwarding := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "s3cret" {
			t.Errorf("the first host got %q", r.Header)
		}
		http.Redirect(w, r, elsewhere+r.URL.RequestURI(), http.StatusFound)
	}))
	s := newStore(t)
	head, err := s.FetchBranch(t.Context(), gitstore.Source{URL: forwarding + "/git/", Token: "s3cret"}, "refs/heads/main", gitstore.Hash{})
	if err != nil || head != r.head() {
		t.Fatalf("fetched %s, %v", head, err)
	}
	if len(seen) != 2 || seen[0] != "" || seen[1] != "" {
		t.Errorf("the other host was asked with %q, want two requests without credentials", seen)
	}
}

func TestOnlyTheFirstRequestIsForwarded(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	node := openRemote(t, filepath.Join(r.dir, ".git")).Handler(gitstore.ServeOptions{})
	url := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, "http://127.0.0.1:1/git-upload-pack", http.StatusTemporaryRedirect)
			return
		}
		node.ServeHTTP(w, r)
	}))
	_, err := newStore(t).FetchBranch(t.Context(), gitstore.Source{URL: url}, "refs/heads/main", gitstore.Hash{})
	if err == nil || !strings.Contains(err.Error(), "forwards requests elsewhere") {
		t.Errorf("a forwarded POST: %v", err)
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
			again := openRemote(t, crashed)
			if err := again.Recover(t.Context()); err != nil {
				t.Fatal(err)
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
