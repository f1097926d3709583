package gsgit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// EditsBetween gives the files that differ between two commits with both their bytes; zero is the empty tree.
func EditsBetween(ctx context.Context, s *gitstore.Store, a, b gitstore.Hash) ([]xmlcatalog.Edit, error) {
	differences, err := s.Diff(ctx, a, b)
	if err != nil {
		return nil, fmt.Errorf("compare %s with %s: %w", a, b, err)
	}
	return editsOf(s, differences)
}

// trackedBetween leaves out what may stand in a repository that was begun without gsgit: logs and caches, which
// mean nothing and are most of its bytes.
func trackedBetween(ctx context.Context, s *gitstore.Store, a, b gitstore.Hash) ([]xmlcatalog.Edit, error) {
	differences, err := s.Diff(ctx, a, b)
	if err != nil {
		return nil, fmt.Errorf("compare %s with %s: %w", a, b, err)
	}
	return editsOf(s, slices.DeleteFunc(differences, func(d gitstore.Difference) bool {
		return !xmlcatalog.Rules{All: true}.Tracked(d.Path)
	}))
}

// editsOf reads files that differ between two commits, on all processors where they are many.
func editsOf(s *gitstore.Store, differences []gitstore.Difference) ([]xmlcatalog.Edit, error) {
	const run = 16
	edits := make([]xmlcatalog.Edit, len(differences))
	var readers errgroup.Group
	readers.SetLimit(runtime.GOMAXPROCS(0))
	for at := 0; at < len(differences); at += run {
		readers.Go(func() error {
			for i := at; i < min(at+run, len(differences)); i++ {
				if err := readEdit(s, differences[i], &edits[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return edits, readers.Wait()
}

func readEdit(s *gitstore.Store, d gitstore.Difference, e *xmlcatalog.Edit) error {
	e.Path = d.Path
	for _, side := range []struct {
		blob    gitstore.Hash
		content *[]byte
	}{{d.Old, &e.Old}, {d.New, &e.New}} {
		if side.blob.IsZero() {
			continue
		}
		content, err := s.Blob(side.blob)
		if err != nil {
			return fmt.Errorf("read %s: %w", d.Path, err)
		}
		*side.content = nonNil(content)
	}
	return nil
}

// ChangesBetween says what the difference of two commits means, object by object.
func ChangesBetween(ctx context.Context, s *gitstore.Store, a, b gitstore.Hash) ([]xmlcatalog.Change, []xmlcatalog.Edit, error) {
	edits, err := trackedBetween(ctx, s, a, b)
	if err != nil {
		return nil, nil, err
	}
	after, err := catalogAt(s, b)
	if err != nil {
		return nil, nil, err
	}
	return xmlcatalog.Compare(after.With(reversed(edits)), after, edits), edits, nil
}

// catalogAt reads the catalog of a commit; zero is the empty one.
func catalogAt(s *gitstore.Store, commit gitstore.Hash) (*xmlcatalog.Catalog, error) {
	if commit.IsZero() {
		return xmlcatalog.Empty(), nil
	}
	catalog, err := xmlcatalog.Load(s.FS(commit))
	if errors.Is(err, gitstore.ErrNotFound) && s.Has(commit) {
		return nil, &Problem{State: Error, Why: fmt.Sprintf("the repository has lost a part of commit %s", commit), Cause: err,
			Help: "stop the node: gsgit check --repair brings back what can be had"}
	}
	if err != nil {
		return nil, fmt.Errorf("read the catalog of %s: %w", commit, err)
	}
	return catalog, nil
}

// ChangesOnDisk says what the directory holds otherwise than a commit, noise aside.
func ChangesOnDisk(s *gitstore.Store, dir *Directory, commit gitstore.Hash) ([]xmlcatalog.Change, error) {
	edits, err := comparison{dir: dir, store: s, commit: commit, same: xmlcatalog.Noise}.edits([]string{""})
	if err != nil {
		return nil, err
	}
	before, err := catalogAt(s, commit)
	if err != nil {
		return nil, err
	}
	return xmlcatalog.Compare(before, before.With(edits), edits), nil
}

// DriftOnDisk says what somebody made of a replica's directory since it was written as a commit: what its own
// GeoServer makes of it and the files that no GeoServer loads are left out. An error beside changes tells what
// could not be looked at.
func DriftOnDisk(ctx context.Context, s *gitstore.Store, dir *Directory, commit gitstore.Hash) ([]xmlcatalog.Change, error) {
	f := &Follower{Dir: dir, Store: s}
	edits, unseen, err := f.drifted(ctx, commit, pending{all: true})
	if err != nil {
		return nil, err
	}
	before, err := f.catalogFor(commit)
	if err != nil {
		return nil, err
	}
	return xmlcatalog.Compare(before, before.With(edits), edits), unseen.err()
}
