package gitstore_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/gitstore"
)

// hub is a bare repository that takes pushes, and every way to reach it.
func hub(t *testing.T) (remote, map[string]string) {
	fakeSSH(t)
	root := t.TempDir()
	r := remote{t, filepath.Join(root, "hub.git")}
	gitIn(t, root, "init", "-q", "--bare", "-b", "main", r.dir)
	r.git("config", "http.receivepack", "true")
	return r, map[string]string{
		"path":         r.dir,
		"file URL":     "file://" + r.dir,
		"ssh":          "somewhere:" + r.dir,
		"http-backend": httpBackend(t, root) + "/hub.git",
	}
}

func TestPushMovesTheHubForwardAndNeverBack(t *testing.T) {
	r := newRemote(t)
	r.catalog(2)
	first := r.head()
	r.commit("global.xml", "2")
	lost := r.commit("global.xml", "3")
	last := r.commit("global.xml", "4")
	r.git("checkout", "-q", "-b", "side", first.String())
	side := r.commit("global.xml", "other")
	s := openRemote(t, filepath.Join(r.dir, ".git"))
	_, urls := hub(t)
	for name := range urls {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			h, urls := hub(t)
			src := gitstore.Source{URL: urls[name]}
			push := func(old, new gitstore.Hash) error {
				return s.Push(t.Context(), src, "refs/heads/main", old, new)
			}
			for _, step := range []struct {
				what     string
				old, new gitstore.Hash
			}{{"into an empty hub", gitstore.Hash{}, first}, {"again", gitstore.Hash{}, first}, {"forward", first, lost},
				{"after an answer that was lost", first, last}, {"what is there", lost, last}} {
				if err := push(step.old, step.new); err != nil {
					t.Fatalf("%s: %v", step.what, err)
				}
				if got := h.git("rev-parse", "main"); got != step.new.String() {
					t.Fatalf("%s: the hub stands at %s", step.what, got)
				}
			}
			for what, new := range map[string]gitstore.Hash{"sideways": side, "back": first} {
				if err := push(last, new); !errors.Is(err, gitstore.ErrRejected) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if err := s.Push(t.Context(), src, "refs/heads/side", gitstore.Hash{}, side); err != nil {
				t.Errorf("another branch: %v", err)
			}
			h.git("fsck", "--strict", "--full")
			if got := h.git("rev-parse", "main"); got != last.String() {
				t.Errorf("the hub ends at %s", got)
			}
		})
	}
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestPushOverCommitsThatAreNotOurs(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	h, urls := hub(t)
	h.git("fetch", "-q", r.dir, "main:main")
	other := newRemote(t)
	other.git("pull", "-q", h.dir, "main")
	theirs := other.commit("global.xml", "theirs")
	other.git("push", "-q", h.dir, "HEAD:main")
	mine := r.commit("global.xml", "mine")
	s := openRemote(t, filepath.Join(r.dir, ".git"))
	for name, url := range urls {
		err := s.Push(t.Context(), gitstore.Source{URL: url}, "refs/heads/main", hashOf(t, r.git("rev-parse", "HEAD~1")), mine)
		if !errors.Is(err, gitstore.ErrRejected) || !strings.Contains(err.Error(), theirs.String()) || hint(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPushThatTheHubsRulesRefuse(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	s := openRemote(t, filepath.Join(r.dir, ".git"))
	h, urls := hub(t)
	hook := "#!/bin/sh\necho not on a Friday >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(h.dir, "hooks", "pre-receive"), []byte(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, url := range urls {
		err := s.Push(t.Context(), gitstore.Source{URL: url}, "refs/heads/main", gitstore.Hash{}, r.head())
		if !errors.Is(err, gitstore.ErrRejected) || !strings.Contains(err.Error(), "hook declined") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPushIntoSomethingThatIsNoHub(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	s := openRemote(t, filepath.Join(r.dir, ".git"))
	for url, says := range map[string]string{
		serveStore(t, s, gitstore.ServeOptions{}):     "read-only",
		serveHTTP(t, http.NotFoundHandler()) + "/hub": "no repository",
		t.TempDir(): "does not appear to be a git repository",
	} {
		err := s.Push(t.Context(), gitstore.Source{URL: url}, "refs/heads/main", gitstore.Hash{}, r.head())
		if err == nil || !strings.Contains(err.Error(), says) || errors.Is(err, gitstore.ErrRejected) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
