package gitstore

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// ServeOptions shape a Handler; the zero value serves the store's own branch to everyone.
type ServeOptions struct {
	// Logger gets one line for each pack that was sent or broke off; nil is silent.
	Logger *slog.Logger
	// Token is asked for as a bearer token or as the password of basic
	// authentication; empty asks for nothing.
	Token string
	// MaxBody bounds a request, unzipped; zero is 4 MiB, far more than any
	// list of commits that a client has.
	MaxBody int64
	// Branches gives the short names of what is served; nil is the store's own branch.
	Branches func() []string
}

const (
	defaultMaxBody = 4 << 20
	// maxSends at a time bounds the memory that clones take; more wait.
	maxSends = 8
	// clientSilence ends a connection whose client takes nothing.
	clientSilence = time.Minute
)

// Handler serves the history read-only to ordinary git and to Fetch, at
// /git/ or wherever http.StripPrefix puts it. Nothing leaves that the served
// branches do not reach.
func (s *Store) Handler(o ServeOptions) http.Handler {
	h := &gitServer{store: s, options: o, sends: make(chan struct{}, maxSends)}
	if h.options.Logger == nil {
		h.options.Logger = slog.New(slog.DiscardHandler)
	}
	if h.options.MaxBody <= 0 {
		h.options.MaxBody = defaultMaxBody
	}
	if h.options.Branches == nil {
		h.options.Branches = func() []string { return []string{s.Branch()} }
	}
	return h
}

type gitServer struct {
	store   *Store
	options ServeOptions
	sends   chan struct{}
}

func (h *gitServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.allowed(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="gsgit"`)
		http.Error(w, "a token is needed", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Cache-Control", "no-cache, no-store")
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/"), "git/")
	switch path {
	case "info/refs":
		h.serveRefs(w, r)
	case "git-upload-pack":
		h.serveUpload(w, r)
	case "git-receive-pack":
		http.Error(w, readOnlyWord, http.StatusForbidden)
	default:
		http.Error(w, "this is a git repository: git clone reads it", http.StatusNotFound)
	}
}

const readOnlyWord = "this history is read-only: a node records its own directory; push to a hub"

// allowed compares hashes, so that neither the length nor the first wrong
// character of a guess shows in the time it takes.
func (h *gitServer) allowed(r *http.Request) bool {
	if h.options.Token == "" {
		return true
	}
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		_, given, _ = r.BasicAuth()
	}
	want, got := sha256.Sum256([]byte(h.options.Token)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
