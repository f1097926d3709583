package gsgit

import (
	"context"
	"fmt"

	"github.com/gsgit/gsgit/resync"
)

// Plan says what a Sync would write now, drift that it would heal included, and writes nothing in the data
// directory.
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
	var there found
	switch {
	case disk.IsZero():
		there, err = f.begin(target)
	case f.Drift != DriftIgnore:
		there.own, _, err = f.drifted(ctx, disk, pending{all: true})
	}
	if err == nil && len(there.own) > 0 && f.Drift == DriftHold && !disk.IsZero() {
		err = f.treat(ctx, disk, pending{all: true}, there.own)
	}
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
	return resync.Compare(target.String(), f.files(there.without(differences), there.own, came.catalog))
}
