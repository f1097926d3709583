package gsgit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// acceptedRefs hold the commits whose damage a person took: what was accepted once stays so when the node is
// brought back behind it and forward again.
const acceptedRefs = "refs/gsgit/accepted/"

// accept weighs damage that a commit brings: an outage is never written, the rest only if it is named, but
// for what a person has accepted.
func (f *Follower) accept(ctx context.Context, disk, target gitstore.Hash, damage []xmlcatalog.Damage) error {
	open, err := f.unnamed(ctx, target, notable(damage))
	if err == nil && len(open) > 0 {
		open, err = f.notTaken(ctx, disk, target, open)
	}
	if err != nil {
		return err
	}
	var outages, unnamed []string
	for _, d := range open {
		if d.Class == xmlcatalog.Outage {
			outages = append(outages, d.String())
		} else {
			unnamed = append(unnamed, d.String())
		}
	}
	switch {
	case len(outages) > 0:
		return f.refuse(target, fmt.Errorf("it would take the service down: %s", few(outages)))
	case len(unnamed) > 0:
		return f.refuse(target, fmt.Errorf("it has damage that nobody named: %s", few(unnamed)))
	}
	return nil
}

// unnamed leaves out the damage that the history names, an outage never.
func (f *Follower) unnamed(ctx context.Context, target gitstore.Hash, damage []xmlcatalog.Damage) ([]xmlcatalog.Damage, error) {
	if len(damage) == 0 {
		return nil, nil
	}
	named, err := f.named(ctx, target)
	return slices.DeleteFunc(damage, func(d xmlcatalog.Damage) bool {
		known := d.Class != xmlcatalog.Outage && named[oneLine(d.String())]
		if known {
			f.warnOnce(d, func() { f.Log.Warn("applying named damage", "commit", target.String(), "damage", d.String()) })
		}
		return known
	}), err
}

// notTaken leaves out the damage that a person has accepted in a commit on the way to the target.
func (f *Follower) notTaken(ctx context.Context, disk, target gitstore.Hash, damage []xmlcatalog.Damage) ([]xmlcatalog.Damage, error) {
	accepted, err := f.accepted(ctx, disk, target)
	if err != nil {
		return nil, err
	}
	for _, commit := range accepted {
		brings, err := f.damageOf(commit)
		if err != nil {
			return nil, err
		}
		left := slices.DeleteFunc(slices.Clone(damage), func(d xmlcatalog.Damage) bool {
			taken := commit == target || brings[d.String()]
			if taken {
				f.warnOnce(d, func() { f.Log.Warn("applying accepted damage", "commit", target.String(), "damage", d.String()) })
			}
			return taken
		})
		if len(left) < len(damage) {
			f.taking = append(f.taking, commit)
		}
		damage = left
	}
	return damage, nil
}

// accepted lists the commits between disk and target that a person took as they are: now, earlier, or by
// pinning the node to one. What was mended since, and came again, is damage as any other.
func (f *Follower) accepted(ctx context.Context, disk, target gitstore.Hash) ([]gitstore.Hash, error) {
	refs, err := f.Store.Refs(acceptedRefs)
	if err != nil {
		return nil, err
	}
	pinned, err := f.Store.Ref(PinnedRef)
	if err != nil {
		return nil, err
	}
	var all []gitstore.Hash
	for _, commit := range append(slices.Collect(maps.Values(refs)), f.Accept, pinned) {
		ahead, err := f.liesAhead(ctx, disk, commit, target)
		if err != nil {
			return nil, err
		}
		if ahead && !slices.Contains(all, commit) {
			all = append(all, commit)
		}
	}
	return all, nil
}

// liesAhead tells that a commit is on the way to the target and not behind the node already.
func (f *Follower) liesAhead(ctx context.Context, disk, commit, target gitstore.Hash) (bool, error) {
	if commit.IsZero() {
		return false, nil
	}
	ahead, err := f.Store.IsAncestor(ctx, commit, target)
	if err != nil || !ahead || disk.IsZero() {
		return ahead, err
	}
	passed, err := f.Store.IsAncestor(ctx, commit, disk)
	return !passed, err
}

// damageOf is all damage in the tree of a commit.
func (f *Follower) damageOf(commit gitstore.Hash) (map[string]bool, error) {
	catalog, err := catalogAt(f.Store, commit)
	if err != nil {
		return nil, err
	}
	lines := map[string]bool{}
	for _, d := range catalog.Damage() {
		lines[d.String()] = true
	}
	return lines, nil
}

// remember keeps, before anything is written, what was accepted just now.
func (f *Follower) remember(ctx context.Context) error {
	for _, commit := range f.taking {
		ref := acceptedRefs + commit.String()
		was, err := f.Store.Ref(ref)
		if err == nil && was.IsZero() {
			err = f.Store.SetRef(ctx, ref, gitstore.Hash{}, commit)
		}
		if err != nil {
			return fmt.Errorf("remember what was accepted: %w", err)
		}
	}
	return nil
}

// keepsSettings refuses a history that was emptied, by `git rm -r` in a hub or a volume that went away under
// somebody: no GeoServer ever removes its global.xml.
func (f *Follower) keepsSettings(ctx context.Context, disk, target gitstore.Hash) error {
	_, had, err := f.Store.Lookup(disk, "global.xml")
	if err != nil || !had {
		return err
	}
	_, has, err := f.Store.Lookup(target, "global.xml")
	if err != nil || has {
		return err
	}
	accepted, err := f.accepted(ctx, disk, target)
	if err != nil {
		return err
	}
	for _, commit := range accepted {
		if _, has, err := f.Store.Lookup(commit, "global.xml"); err == nil && !has {
			f.taking = append(f.taking, commit)
			return nil
		}
	}
	return f.refuse(target, errors.New("it would take the service down: it has no global.xml any more"))
}

// warnOnce tells of damage that is written all the same.
func (f *Follower) warnOnce(damage xmlcatalog.Damage, warn func()) {
	if f.warned == nil {
		f.warned = map[string]bool{}
	}
	if f.warned[damage.String()] {
		return
	}
	f.warned[damage.String()] = true
	warn()
}

func (f *Follower) refuse(target gitstore.Hash, cause error) error {
	return &Problem{State: Refused, Why: fmt.Sprintf("commit %s is not applied", target), Cause: cause,
		Help: fmt.Sprintf("mend it on the primary: a later commit is applied as a whole; or take it as it is with `gsgit resync --accept %s`", target)}
}

// reject is a refusal that no person can overrule: the tree itself must not be written.
func (f *Follower) reject(target gitstore.Hash, cause error) error {
	return &Problem{State: Refused, Why: fmt.Sprintf("commit %s is not applied", target), Cause: cause,
		Help: "take those paths out of the history on the primary: a later commit without them is applied as a whole"}
}
