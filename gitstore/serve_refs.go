package gitstore

import (
	"io"
	"net/http"
	"slices"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

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
