package gitstore_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit/gitstore"
)

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

func TestASilentProgramIsEnded(t *testing.T) {
	noLeaks(t)
	t.Setenv("GIT_SSH_COMMAND", "sleep 600; :")
	_, err := newStore(t).Advertised(t.Context(), gitstore.Source{URL: "host:path", Silence: 20 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "nothing came for 20ms") {
		t.Errorf("silent: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newStore(t).Advertised(ctx, gitstore.Source{URL: "host:path"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A source that begins its pack, keeps the connection and says no more.
func TestASourceThatHangsInTheMiddleIsLeft(t *testing.T) {
	noLeaks(t)
	head := gitstore.Hash{1}
	for name, begin := range map[string]string{"before a word": "", "after its acknowledgement": "0008NAK\n", "in the pack": "0008NAK\n0009\x01PACK", "in a length": "0008NAK\n00"} {
		gone := make(chan struct{})
		url := lyingServer(t, head, func(w http.ResponseWriter) {
			io.WriteString(w, begin)
			http.NewResponseController(w).Flush()
			<-gone
		})
		s := newStore(t)
		err := s.Fetch(t.Context(), gitstore.Source{URL: url, Silence: 20 * time.Millisecond}, head, gitstore.Hash{})
		close(gone)
		if err == nil || !strings.Contains(err.Error(), "nothing came for 20ms") {
			t.Errorf("%s: %v", name, err)
		}
		if left := leftovers(t, s); len(left) > 0 {
			t.Errorf("%s: left over %v", name, left)
		}
	}
}
