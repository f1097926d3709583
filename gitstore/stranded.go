package gitstore

import (
	"context"
	"fmt"
)

// diskMarker names the commit that the directory was last recorded as, or made equal to.
const diskMarker = "refs/gsgit/disk"

// Stranded is the commit to put the branch back to where it is gone and even its log is: the one that the directory
// stands at, or, where no ref at all is left, the newest in the packs. Zero where the branch stands, or nothing tells of
// a history. held names a branch that reaches the commit: then HEAD, or --branch, rather names the wrong one.
func (s *Store) Stranded(ctx context.Context) (commit Hash, held string, err error) {
	if head, err := s.Ref(s.BranchRef()); err != nil || !head.IsZero() {
		return Hash{}, "", err
	}
	refs, err := s.Refs("refs/")
	if err != nil {
		return Hash{}, "", err
	}
	if len(refs) == 0 {
		commit, err = s.newestPacked(ctx)
		return commit, "", err
	}
	commit = refs[diskMarker]
	if commit.IsZero() {
		return Hash{}, "", nil
	}
	held, err = s.reachedBy(ctx, commit)
	return commit, held, err
}

// reachedBy is a branch whose history has the commit, "" if there is none.
func (s *Store) reachedBy(ctx context.Context, commit Hash) (string, error) {
	branches, err := s.Refs("refs/heads/")
	if err != nil {
		return "", err
	}
	for name, head := range branches {
		if reached, err := s.IsAncestor(ctx, commit, head); err == nil && reached {
			return name, nil
		}
	}
	return "", cancelled(ctx)
}

// newestPacked is the newest commit of the packs that has a parent: an import that was cut off leaves one without.
func (s *Store) newestPacked(ctx context.Context) (newest Hash, err error) {
	var when int64
	for _, p := range s.packs.list() {
		for i := range p.index.count {
			if err := cancelled(ctx); err != nil {
				return Hash{}, err
			}
			id := p.index.id(i)
			kind, _, err := s.object(id)
			if err != nil || kind != kindCommit {
				continue // what is damaged is nothing to go back to
			}
			if l, err := s.links(id); err == nil && len(l.parents) > 0 && l.when >= when && s.Has(l.tree) {
				newest, when = id, l.when
			}
		}
	}
	return newest, nil
}

// checkNotStranded keeps a history from being started anew where the branch of the old one is gone.
func (s *Store) checkNotStranded(ctx context.Context) error {
	commit, held, err := s.Stranded(ctx)
	if err != nil || commit.IsZero() {
		return err
	}
	e := &storeError{text: fmt.Sprintf("the branch %s is gone, and the history of this directory ends at %s", s.branch, commit), permanent: true,
		hint: "put it back with gsgit check --repair"}
	if held != "" {
		e.text = fmt.Sprintf("the branch %s has no commits, and this directory stands at %s of %s", s.branch, commit, held)
		e.hint = fmt.Sprintf("go on there (--branch), or begin %s at that commit: git --git-dir %s branch %s %s", s.branch, s.dir, s.branch, commit)
	}
	return e
}
