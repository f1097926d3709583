package gsgit

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// found is what a directory holds that was never written by us, held against a commit.
type found struct {
	own   []xmlcatalog.Edit // what differs
	equal map[string]bool   // paths that hold the commit's bytes already
}

// begin looks at a directory that was never written by us: an empty one is filled, another only adopted. What
// it holds otherwise than the target is to be kept before the first write; what is equal the target holds, and
// a seeded directory may be large.
func (f *Follower) begin(target gitstore.Hash) (found, error) {
	there, err := f.Dir.Files("")
	if err != nil || len(there) == 0 {
		return found{}, err
	}
	if !f.Adopt {
		return found{}, &Problem{State: Error, Why: fmt.Sprintf("%s holds %d files that gsgit did not write", f.Dir.Root, len(there)),
			Help: "start with --adopt to take it over: its content is kept as a commit under refs/gsgit/drift/"}
	}
	same := func(_ string, commit, disk []byte) bool { return bytes.Equal(commit, disk) }
	all := found{equal: map[string]bool{}}
	for _, path := range there {
		edit, differs, err := comparison{dir: f.Dir, store: f.Store, commit: target, same: same}.compare(path)
		switch {
		case err != nil:
			return found{}, err
		case !differs:
			all.equal[path] = true
		case edit.New != nil:
			all.own = append(all.own, xmlcatalog.Edit{Path: path, New: edit.New})
		}
	}
	return all, nil
}

// without drops from a difference what the directory holds already.
func (t found) without(differences []gitstore.Difference) []gitstore.Difference {
	if len(t.equal) == 0 {
		return differences
	}
	return slices.DeleteFunc(differences, func(d gitstore.Difference) bool { return t.equal[d.Path] })
}
