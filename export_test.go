package gsgit

import (
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// Differing lists the paths at which a directory differs from a commit by more than noise.
func Differing(s *gitstore.Store, dir *Directory, commit gitstore.Hash) ([]string, error) {
	look := sight{unread: map[string]string{}}
	edits, err := comparison{dir: dir, store: s, commit: commit, same: xmlcatalog.Noise, skip: look.skip}.edits([]string{""})
	var paths []string
	for _, e := range edits {
		paths = append(paths, e.Path)
	}
	return paths, err
}

// SetMany is how many changed files of a commit count as many.
func (f *Follower) SetMany(n int) { f.many = n }
