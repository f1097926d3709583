package gsgit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gsgit/gsgit/gitstore"
)

const lostRefs = "refs/gsgit/lost/"

// To brings a directory to a commit that a person chose, forward, backward or to another history, and pins
// it there unless that is the newest head. Commits that nothing else holds then are kept under
// refs/gsgit/lost/, and foreign bytes on disk as a drift commit.
func (f *Follower) To(ctx context.Context, target gitstore.Hash) error {
	release, err := f.lock()
	if err != nil {
		return err
	}
	defer f.sweep()
	defer release()
	if err := f.finish(ctx); err != nil {
		return err
	}
	disk, err := f.Store.Ref(DiskRef)
	if err != nil {
		return err
	}
	if err := f.keepLost(ctx, target); err != nil {
		return err
	}
	// The wish comes first: killed or stopped on the way, the node goes on towards it, not back.
	if err := f.pin(ctx, target); err != nil {
		return err
	}
	f.Accept = target
	f.LookAtAll()
	return f.reach(ctx, disk, target)
}

// keepLost holds the branch's commits that the target does not contain.
func (f *Follower) keepLost(ctx context.Context, target gitstore.Hash) error {
	head, err := f.Store.Ref(f.Store.BranchRef())
	if err != nil || head.IsZero() {
		return err
	}
	current, remembered, err := f.Sources.Heads(f.Store)
	if err != nil {
		return err
	}
	for _, other := range append(append(current, remembered...), target) {
		contained, err := f.Store.IsAncestor(ctx, head, other)
		if err != nil || contained {
			return err
		}
	}
	kept, err := f.Store.Refs(lostRefs)
	if err != nil || slices.Contains(slices.Collect(maps.Values(kept)), head) {
		return err
	}
	ref, err := freshRef(f.Store, lostRefs)
	if err != nil {
		return err
	}
	f.Log.Info("kept", "commit", head.String(), "ref", ref)
	return f.Store.SetRef(ctx, ref, gitstore.Hash{}, head)
}

// pin holds the node at a commit that is not the newest one.
func (f *Follower) pin(ctx context.Context, target gitstore.Hash) error {
	newest, err := f.newestHead(ctx, target)
	var diverged *Problem
	if err != nil && !errors.As(err, &diverged) {
		return err
	}
	pinned, refErr := f.Store.Ref(PinnedRef)
	if refErr != nil {
		return refErr
	}
	want := target
	if err == nil && newest == target {
		want = gitstore.Hash{}
	}
	if pinned == want {
		return nil
	}
	return f.Store.SetRef(ctx, PinnedRef, pinned, want)
}

// Hear fetches what is new without applying it.
func (f *Follower) Hear(ctx context.Context) error {
	_, err := f.Sources.Listen(ctx, f.Store, f.onDisk)
	return err
}

// Unpin lets the node follow the newest head again.
func (f *Follower) Unpin(ctx context.Context) error {
	pinned, err := f.Store.Ref(PinnedRef)
	if err != nil || pinned.IsZero() {
		return err
	}
	return f.Store.SetRef(ctx, PinnedRef, pinned, gitstore.Hash{})
}

// Pinned says whether a person holds the node at a commit.
func (f *Follower) Pinned() Condition {
	pinned, err := f.Store.Ref(PinnedRef)
	if err != nil || pinned.IsZero() {
		return Condition{}
	}
	return Condition{State: Pinned, Why: fmt.Sprintf("held at %s", pinned), Hint: "`gsgit resync --unpin` follows the newest head again"}
}

// KeepDisk goes on from what is on disk: a head that is not in the directory is accepted as history, and the
// directory recorded on top of it, whatever that takes back.
func (p *Publisher) KeepDisk(ctx context.Context) error {
	release, err := p.lock()
	if err != nil {
		return err
	}
	defer release()
	head, err := p.Store.Ref(p.Store.BranchRef())
	if err != nil {
		return err
	}
	if head.IsZero() {
		return p.importAll(ctx)
	}
	if p.Files != nil {
		if err := p.Files.Done(); err != nil {
			return err
		}
	}
	p.meant = true
	_, err = p.join(ctx, head)
	p.meant = false
	return err
}

// freshRef is a name for a ref that sorts by time, and that nothing has: two may come within one tick of the
// clock, and it may have gone back.
func freshRef(s *gitstore.Store, prefix string) (string, error) {
	for at := time.Now().UTC(); ; at = at.Add(time.Nanosecond) {
		ref := prefix + at.Format("20060102T150405.000000000Z")
		taken, err := s.Ref(ref)
		if err != nil || taken.IsZero() {
			return ref, err
		}
	}
}
