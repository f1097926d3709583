package gsgit

import (
	"context"
	"fmt"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
)

// Plan says what a Sync would write now, drift that it would heal included, and writes nothing in the data
// directory. A plan may come with an error that tells what could not be looked at.
func (f *Follower) Plan(ctx context.Context) (resync.Plan, error) {
	if _, err := f.Sources.Listen(ctx, f.Store, f.onDisk); err != nil {
		return resync.Plan{}, err
	}
	disk, err := f.Store.Ref(DiskRef)
	if err != nil {
		return resync.Plan{}, err
	}
	target, err := f.newest(ctx, disk)
	if err != nil || target.IsZero() {
		return resync.Plan{}, err
	}
	there, left, err := f.ownNow(ctx, disk, target)
	if err != nil {
		return resync.Plan{}, err
	}
	differences, err := f.Store.Diff(ctx, disk, target)
	if err != nil {
		return resync.Plan{}, fmt.Errorf("compare %s with %s: %w", disk, target, err)
	}
	if differences, err = f.withoutLeftOut(ctx, disk, target, differences); err != nil {
		return resync.Plan{}, err
	}
	came, err := f.validate(ctx, disk, target, differences)
	if err != nil {
		return resync.Plan{}, err
	}
	plan, err := resync.Compare(target.String(), f.files(there.without(differences), there.own, came.catalog))
	if err != nil {
		return resync.Plan{}, err
	}
	return plan, left.err()
}

// ownNow is what lies on disk and no commit that was written here has; left is what could not be looked at.
func (f *Follower) ownNow(ctx context.Context, disk, target gitstore.Hash) (there found, left unseen, err error) {
	if disk.IsZero() {
		there, err = f.begin(target)
		return there, nil, err
	}
	if f.Drift == DriftIgnore {
		return there, nil, nil
	}
	there.own, left, err = f.drifted(ctx, disk, pending{all: true})
	if err == nil && len(there.own) > 0 && f.Drift == DriftHold {
		err = f.treat(ctx, disk, pending{all: true}, there.own)
	}
	return there, left, err
}
