package gsgit

import (
	"context"
	"fmt"
	"slices"

	"github.com/gsgit/gsgit/gitstore"
)

const trailerUntrack = "Gsgit-Untrack"

// leftOut is the paths that left the tracked set in the history of a commit, and not the disks: a primary
// keeps them to itself since, and each replica has its own.
type leftOut struct {
	commit gitstore.Hash
	paths  map[string]bool
}

// withoutLeftOut drops from a difference the removals that only say that a path is no longer tracked.
func (f *Follower) withoutLeftOut(ctx context.Context, disk, target gitstore.Hash, differences []gitstore.Difference) ([]gitstore.Difference, error) {
	removal := func(d gitstore.Difference) bool { return d.New.IsZero() }
	if !slices.ContainsFunc(differences, removal) {
		return differences, nil
	}
	left, _, err := f.untracked(ctx, target, disk)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(differences, func(d gitstore.Difference) bool { return removal(d) && left[d.Path] }), nil
}

// isLeftOut tells whether a path that the commit lacks was left out on its way here. The whole history is
// read once, where a file too many is found, and then what is new of it.
func (f *Follower) isLeftOut(ctx context.Context, commit gitstore.Hash, path string) (bool, error) {
	if f.left.commit != commit {
		paths, met, err := f.untracked(ctx, commit, f.left.commit)
		if err != nil {
			return false, err
		}
		if met {
			for p := range f.left.paths {
				paths[p] = true
			}
		}
		f.left = leftOut{commit: commit, paths: paths}
	}
	return f.left.paths[path], nil
}

// untracked gathers the paths that commits name as left out, from one back to another or to the first; met
// tells that the other was reached. Beyond a merge commits come by their dates, and the other may come before
// some that it does not contain: then it is the whole history.
func (f *Follower) untracked(ctx context.Context, from, until gitstore.Hash) (paths map[string]bool, met bool, err error) {
	paths = map[string]bool{}
	line := true
	for c, err := range f.Store.Log(ctx, from) {
		if err != nil {
			return nil, false, fmt.Errorf("read the history of %s: %w", from, err)
		}
		line = line && len(c.Parents) < 2
		if c.ID == until && line {
			return paths, true, nil
		}
		for _, path := range c.Trailers(trailerUntrack) {
			paths[path] = true
		}
	}
	return paths, false, nil
}
