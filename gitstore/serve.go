package gitstore

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
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

// serveRefs advertises the branches in protocol v0, which clients of v1 and v2 take too.
func (h *gitServer) serveRefs(w http.ResponseWriter, r *http.Request) {
	switch what := r.URL.Query().Get("service"); {
	case what == string(receivePack):
		http.Error(w, readOnlyWord, http.StatusForbidden)
		return
	case what != string(uploadPack), r.Method != http.MethodGet:
		http.Error(w, "only git's smart protocol is spoken here", http.StatusBadRequest)
		return
	}
	tips, err := h.tips()
	if err != nil {
		h.options.Logger.Warn("branches can not be served", "err", err)
		http.Error(w, "the repository can not be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
	_ = h.writeRefs(w, tips) // the client is gone; there is nobody to tell
}

type tip struct {
	ref string
	id  Hash
}

func (h *gitServer) tips() ([]tip, error) {
	var tips []tip
	for _, branch := range slices.Sorted(slices.Values(h.options.Branches())) {
		id, err := h.store.Ref("refs/heads/" + branch)
		if err != nil {
			return nil, err
		}
		if !id.IsZero() {
			tips = append(tips, tip{"refs/heads/" + branch, id})
		}
	}
	return tips, nil
}

func (h *gitServer) writeRefs(w io.Writer, tips []tip) error {
	capabilities := "multi_ack_detailed no-done side-band-64k ofs-delta no-progress " + agent
	line := pktline.NewEncoder(w)
	_ = line.EncodeString("# service=git-upload-pack\n")
	_ = line.Flush()
	if len(tips) == 0 {
		_ = line.Encodef("%s capabilities^{}\x00%s\n", Hash{}, capabilities)
		return line.Flush()
	}
	own := slices.IndexFunc(tips, func(t tip) bool { return t.ref == h.store.BranchRef() })
	if own >= 0 {
		_ = line.Encodef("%s HEAD\x00%s symref=HEAD:%s\n", tips[own].id, capabilities, tips[own].ref)
		capabilities = ""
	}
	for _, t := range tips {
		if capabilities != "" {
			_ = line.Encodef("%s %s\x00%s\n", t.id, t.ref, capabilities)
			capabilities = ""
			continue
		}
		_ = line.Encodef("%s %s\n", t.id, t.ref)
	}
	return line.Flush() // a writer that failed once fails here too
}

func (h *gitServer) serveUpload(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "POST", http.StatusMethodNotAllowed)
		return
	}
	request, err := h.read(w, r)
	if err != nil {
		h.refuse(w, http.StatusBadRequest, err)
		return
	}
	select {
	case h.sends <- struct{}{}:
		defer func() { <-h.sends }()
	case <-r.Context().Done():
		return
	}
	if err := h.checkWants(r.Context(), request.wants); err != nil {
		h.refuse(w, http.StatusOK, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
	out := newSlowWriter(w)
	defer out.finish()
	if err := h.upload(r.Context(), request, out); err != nil {
		h.options.Logger.Debug("sending a pack broke off", "peer", r.RemoteAddr, "err", err)
	}
}

func (h *gitServer) read(w http.ResponseWriter, r *http.Request) (*uploadRequest, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(clientSilence)) // not every server can
	// Left standing, it would end the answer: the server goes on reading to see whether the client hangs up.
	defer control.SetReadDeadline(time.Time{})
	var body io.Reader = http.MaxBytesReader(w, r.Body, h.options.MaxBody)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("the request is not zipped as it says: %w", err)
		}
		body = &boundedReader{unzipped, h.options.MaxBody}
	}
	return readUploadRequest(body)
}

// refuse says why in the words of the protocol, which git prints as they are.
func (h *gitServer) refuse(w http.ResponseWriter, status int, err error) {
	if status != http.StatusOK {
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
	_ = pktline.NewEncoder(w).Encodef("ERR %s\n", err)
}

// checkWants lets only commits through that a served branch reaches. A client
// may be a few commits late, so the tips alone would be too few.
func (h *gitServer) checkWants(ctx context.Context, wants []Hash) error {
	tips, err := h.tips()
	if err != nil {
		return errors.New("the repository can not be read")
	}
	if len(wants) == 0 {
		return errors.New("nothing is wanted")
	}
	for _, want := range wants {
		if !h.reached(ctx, tips, want) {
			return fmt.Errorf("upload-pack: not our ref %s", want)
		}
	}
	return nil
}

func (h *gitServer) reached(ctx context.Context, tips []tip, want Hash) bool {
	if slices.ContainsFunc(tips, func(t tip) bool { return t.id == want }) {
		return true
	}
	if !h.store.Has(want) {
		return false
	}
	return slices.ContainsFunc(tips, func(t tip) bool {
		ancestor, err := h.store.IsAncestor(ctx, want, t.id)
		return err == nil && ancestor
	})
}

func (h *gitServer) upload(ctx context.Context, q *uploadRequest, w io.Writer) error {
	start := time.Now()
	common := h.store.commitsAmong(q.haves)
	pack, err := q.answer(common, pktline.NewEncoder(w))
	if err != nil || !pack {
		return err
	}
	ids, err := h.store.newObjects(ctx, q.wants, common)
	if err == nil {
		err = h.send(ctx, q, ids, w)
	} else if q.capabilities["side-band-64k"] {
		newBandWriter(w).fail("the repository can not be read\n")
	}
	if err == nil {
		h.options.Logger.Debug("sent a pack", "commit", q.wants[0], "objects", len(ids), "took", time.Since(start))
	}
	return err
}

func (h *gitServer) send(ctx context.Context, q *uploadRequest, ids []Hash, w io.Writer) error {
	if !q.capabilities["side-band-64k"] {
		return h.store.sendPack(ctx, ids, w)
	}
	bands := newBandWriter(w)
	if err := h.store.sendPack(ctx, ids, bands); err != nil {
		bands.fail("the repository can not be read\n")
		return err
	}
	return bands.finish()
}

// commitsAmong keeps the ids that are commits here, and ignores all others.
func (s *Store) commitsAmong(ids []Hash) []Hash {
	var commits []Hash
	for _, id := range ids {
		if kind, _, err := s.object(id); err == nil && kind == kindCommit {
			commits = append(commits, id)
		}
	}
	return commits
}

// slowWriter gives each write some time, in place of a limit for the whole
// answer, which a big clone over a thin line would pass.
type slowWriter struct {
	to      io.Writer
	control *http.ResponseController
}

func newSlowWriter(w http.ResponseWriter) *slowWriter {
	return &slowWriter{w, http.NewResponseController(w)}
}

func (w *slowWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(clientSilence)) // not every server can
	return w.to.Write(p)
}

// finish sends what is buffered while the limit still holds, then takes it off
// the connection, which the next request may come by.
func (w *slowWriter) finish() {
	_ = w.control.Flush()
	_ = w.control.SetWriteDeadline(time.Time{})
}
