package gsgit

import (
	"bytes"
	"fmt"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// InStep tells whether a directory is in step with the head of its branch: a replica's tracked files byte
// for byte, a primary's but for noise. The error names what differs.
func InStep(s *gitstore.Store, dir *Directory, primary bool) error {
	head, err := s.Ref(s.BranchRef())
	if err != nil {
		return err
	}
	same := func(_ string, commit, disk []byte) bool { return bytes.Equal(commit, disk) }
	if primary {
		same = xmlcatalog.Noise
	}
	edits, err := comparison{dir: dir, store: s, commit: head, same: same}.edits([]string{""})
	if err != nil {
		return err
	}
	if len(edits) == 0 {
		return nil
	}
	var paths []string
	for _, e := range edits {
		paths = append(paths, e.Path)
	}
	return fmt.Errorf("%s differs from %s: %s", dir.Root, head, few(paths))
}
