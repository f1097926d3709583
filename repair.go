package gsgit

import (
	"context"
	"fmt"
	"slices"

	"github.com/gsgit/gsgit/gitstore"
)

// Repair puts torn refs back and says what it did, one line each. The branch comes from its log or from what
// the directory stands at, and the marker of the disk from the branch, which moves with it. Every other ref
// that is torn goes: an announcement, a pick-up or a fetch is then done again. The caller holds the node and
// the write lock.
func Repair(ctx context.Context, s *gitstore.Store) ([]string, error) {
	torn, err := s.TornRefs()
	if err != nil {
		return nil, fmt.Errorf("look for torn refs: %w", err)
	}
	done := []string{}
	// The branch first: the marker needs it.
	slices.SortStableFunc(torn, func(a, b string) int {
		switch s.BranchRef() {
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	for _, name := range torn {
		line, err := repairRef(s, name)
		if err != nil {
			return done, fmt.Errorf("repair %s: %w", name, err)
		}
		done = append(done, line)
	}
	line, err := putBranchBack(ctx, s)
	if line != "" {
		done = append(done, line)
	}
	if err != nil {
		return done, fmt.Errorf("repair %s: %w", s.BranchRef(), err)
	}
	return done, s.Recover(ctx)
}

// putBranchBack is for a branch that is gone with its log.
func putBranchBack(ctx context.Context, s *gitstore.Store) (string, error) {
	commit, held, err := s.Stranded(ctx)
	if err != nil || commit.IsZero() || held != "" {
		return "", err
	}
	return fmt.Sprintf("%s put back to %s", s.BranchRef(), commit), s.SetRef(ctx, s.BranchRef(), gitstore.Hash{}, commit)
}

func repairRef(s *gitstore.Store, name string) (string, error) {
	switch name {
	case s.BranchRef():
		good, err := s.RepairRef(name)
		return fmt.Sprintf("%s put back to %s", name, good), err
	case DiskRef:
		head, err := s.Ref(s.BranchRef())
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s put back to %s", name, head), s.ReplaceRef(name, head)
	}
	return name + " removed", s.ReplaceRef(name, gitstore.Hash{})
}
