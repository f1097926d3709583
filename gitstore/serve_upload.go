package gitstore

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

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
	defer func() { _ = control.SetReadDeadline(time.Time{}) }()
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
	late := slices.DeleteFunc(slices.Clone(wants), func(want Hash) bool {
		return slices.ContainsFunc(tips, func(t tip) bool { return t.id == want })
	})
	if len(late) > maxLate {
		return fmt.Errorf("upload-pack: more than %d wants that no branch is at", maxLate)
	}
	for _, want := range late {
		if !h.reached(ctx, tips, want) {
			return fmt.Errorf("upload-pack: not our ref %s", want)
		}
	}
	return nil
}

// maxLate bounds the walks through history that one request may cost.
const maxLate = 8

func (h *gitServer) reached(ctx context.Context, tips []tip, want Hash) bool {
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
	ofs := q.capabilities["ofs-delta"]
	if !q.capabilities["side-band-64k"] {
		return h.store.sendPack(ctx, ids, ofs, w)
	}
	bands := newBandWriter(w)
	if err := h.store.sendPack(ctx, ids, ofs, bands); err != nil {
		bands.fail("the repository can not be read\n")
		return err
	}
	return bands.finish()
}

// commitsAmong keeps the ids that are commits here, and ignores all others. Of
// those a client may name thousands, so none is worth a look for new packs.
func (s *Store) commitsAmong(ids []Hash) []Hash {
	var commits []Hash
	for _, id := range ids {
		if !s.hasNow(id) {
			continue
		}
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
