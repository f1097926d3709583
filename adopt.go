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
// the first write would take away is to be kept before it. What is equal the target holds, and what is nobody's
// stays where it is: a seeded directory may be large, and hold rasters.
func (f *Follower) begin(target gitstore.Hash) (found, error) {
	there, err := f.Dir.Files("")
	if err != nil || len(there) == 0 {
		return found{}, err
	}
	if !f.Adopt {
		return found{}, &Problem{State: Error, Why: fmt.Sprintf("%s holds %d files that gsgit did not write", f.Dir.Root, len(there)),
			Help: "start with --adopt to take it over: what is replaced or removed is kept as a commit under refs/gsgit/drift/"}
	}
	same := func(_ string, commit, disk []byte) bool { return bytes.Equal(commit, disk) }
	c := comparison{dir: f.Dir, store: f.Store, commit: target, same: same}
	all := found{equal: map[string]bool{}}
	for _, path := range there {
		if stays, err := c.stays(path); err != nil || stays {
			if err != nil {
				return found{}, err
			}
			continue
		}
		edit, differs, err := c.compare(path)
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

// stays tells, without a read, that an adoption leaves a file where it is: the target has none there, and either
// no GeoServer loads it, or no commit could carry it.
func (c comparison) stays(path string) (bool, error) {
	if _, had, err := c.lookup(path); err != nil || had {
		return false, err
	}
	return !xmlcatalog.IsCatalog(path) || xmlcatalog.LeftAlone(path) || carriable(path) != nil, nil
}

// without drops from a difference what the directory holds already.
func (t found) without(differences []gitstore.Difference) []gitstore.Difference {
	if len(t.equal) == 0 {
		return differences
	}
	return slices.DeleteFunc(differences, func(d gitstore.Difference) bool { return t.equal[d.Path] })
}
