package gsgit

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// UnnamedDamage goes through what the branch has been, oldest first, and gives each commit that brought damage
// which neither it nor one before it names. A commit that came with a merge counts with that merge, as no node
// was ever made equal to it. An error ends the walk, and stands in failed.
func UnnamedDamage(ctx context.Context, s *gitstore.Store, failed *error) iter.Seq2[gitstore.Hash, []xmlcatalog.Damage] {
	return func(yield func(gitstore.Hash, []xmlcatalog.Damage) bool) {
		commits, err := oldestFirst(ctx, s)
		if err != nil {
			*failed = err
			return
		}
		w := historyWalk{store: s, catalog: xmlcatalog.Empty(), named: map[string]bool{}}
		line := mainLine(commits)
		for _, c := range commits {
			w.names(c)
			if !line[c.ID] {
				continue
			}
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

// mainLine follows first parents from the newest of some commits, which stands last.
func mainLine(commits []gitstore.Commit) map[gitstore.Hash]bool {
	line := make(map[gitstore.Hash]bool)
	if len(commits) == 0 {
		return line
	}
	line[commits[len(commits)-1].ID] = true
	for _, c := range slices.Backward(commits) {
		if line[c.ID] && len(c.Parents) > 0 {
			line[c.Parents[0]] = true
		}
	}
	return line
}

// historyWalk carries one catalog through the commits, so that each costs what it changed.
type historyWalk struct {
	store   *gitstore.Store
	catalog *xmlcatalog.Catalog
	at      gitstore.Hash
	named   map[string]bool
}

func (w *historyWalk) names(c gitstore.Commit) {
	for _, line := range c.Trailers(trailerDamage) {
		w.named[line] = true
	}
}

func (w *historyWalk) next(ctx context.Context, c gitstore.Commit) ([]xmlcatalog.Damage, error) {
	edits, err := trackedBetween(ctx, w.store, w.at, c.ID)
	if err != nil {
		return nil, err
	}
	damage := notable(xmlcatalog.NewDamage(w.catalog, w.catalog.With(edits), edits))
	w.catalog.Absorb(edits)
	w.at = c.ID
	return slices.DeleteFunc(damage, func(d xmlcatalog.Damage) bool { return w.named[oneLine(d.String())] }), nil
}
