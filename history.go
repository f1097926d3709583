package gsgit

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// UnnamedDamage goes through the history of the branch, oldest first, and gives each commit that brought
// damage which neither it nor one before it names. An error ends it, and stands in failed.
func UnnamedDamage(ctx context.Context, s *gitstore.Store, failed *error) iter.Seq2[gitstore.Hash, []xmlcatalog.Damage] {
	return func(yield func(gitstore.Hash, []xmlcatalog.Damage) bool) {
		commits, err := oldestFirst(ctx, s)
		if err != nil {
			*failed = err
			return
		}
		w := historyWalk{store: s, catalog: xmlcatalog.Empty(), named: map[string]bool{}}
		for _, c := range commits {
			damage, err := w.next(ctx, c)
			if err != nil {
				*failed = fmt.Errorf("check %s: %w", c.ID, err)
				return
			}
			if len(damage) > 0 && !yield(c.ID, damage) {
				return
			}
		}
	}
}

func oldestFirst(ctx context.Context, s *gitstore.Store) ([]gitstore.Commit, error) {
	head, err := s.Ref(s.BranchRef())
	if err != nil || head.IsZero() {
		return nil, err
	}
	var commits []gitstore.Commit
	for c, err := range s.Log(ctx, head) {
		if err != nil {
			return nil, err
		}
		commits = append(commits, c)
	}
	slices.Reverse(commits)
	return commits, nil
}

// historyWalk carries one catalog through the commits, so that each costs what it changed.
type historyWalk struct {
	store   *gitstore.Store
	catalog *xmlcatalog.Catalog
	at      gitstore.Hash
	named   map[string]bool
}

func (w *historyWalk) next(ctx context.Context, c gitstore.Commit) ([]xmlcatalog.Damage, error) {
	for _, line := range c.Trailers(trailerDamage) {
		w.named[line] = true
	}
	edits, err := EditsBetween(ctx, w.store, w.at, c.ID)
	if err != nil {
		return nil, err
	}
	damage := notable(xmlcatalog.NewDamage(w.catalog, w.catalog.With(edits), edits))
	w.catalog.Absorb(edits)
	w.at = c.ID
	return slices.DeleteFunc(damage, func(d xmlcatalog.Damage) bool { return w.named[oneLine(d.String())] }), nil
}
