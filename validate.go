package gsgit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// validate refuses, before any write, a commit that would take the replica's service down, and one with
// damage that nobody named.
func (f *Follower) validate(ctx context.Context, disk, target gitstore.Hash, differences []gitstore.Difference) (arrival, error) {
	f.taking = nil
	if disk.IsZero() {
		after, err := catalogAt(f.Store, target) // an import is too much to hold as edits
		if err != nil {
			return arrival{}, err
		}
		return arrival{catalog: after}, f.accept(ctx, disk, target, after.Damage())
	}
	if err := f.keepsSettings(ctx, disk, target); err != nil {
		return arrival{}, err
	}
	before, err := f.catalogFor(disk)
	if err != nil {
		return arrival{}, err
	}
	if len(differences) > cmp.Or(f.many, manyFiles) {
		after, err := f.validateMany(ctx, disk, before, target)
		return arrival{catalog: after}, err
	}
	a, edits, err := f.arriving(before, f.regular(differences))
	if err != nil {
		return a, err
	}
	return a, f.accept(ctx, disk, target, xmlcatalog.NewDamage(before, a.view, edits))
}

// manyFiles is how many changed files are held in memory at once. A GeoServer of another version saves every
// file anew: what a replica then needs is the two catalogs, not all bytes of both.
const manyFiles = 10_000

// validateMany reads the catalog of the target as at a first start. New damage is what the one before lacks.
func (f *Follower) validateMany(ctx context.Context, disk gitstore.Hash, before *xmlcatalog.Catalog, target gitstore.Hash) (*xmlcatalog.Catalog, error) {
	after, err := catalogAt(f.Store, target)
	if err != nil {
		return nil, err
	}
	old := map[string]bool{}
	for _, d := range before.Damage() {
		old[d.String()] = true
	}
	fresh := slices.DeleteFunc(after.Damage(), func(d xmlcatalog.Damage) bool { return old[d.String()] })
	return after, f.accept(ctx, disk, target, fresh)
}

// regular leaves out links and the like, which the plan refuses by name, and what is not tracked.
func (f *Follower) regular(differences []gitstore.Difference) []gitstore.Difference {
	var all []gitstore.Difference
	for _, d := range differences {
		if f.Dir.Rules.Tracked(d.Path) && (d.NewMode&^0o777 == 0o100000 || d.New.IsZero()) {
			all = append(all, d)
		}
	}
	return all
}

// named is all damage that the history of a commit names.
func (f *Follower) named(ctx context.Context, target gitstore.Hash) (map[string]bool, error) {
	named := map[string]bool{}
	for c, err := range f.Store.Log(ctx, target) {
		if err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", target, err)
		}
		for _, line := range c.Trailers(trailerDamage) {
			named[line] = true
		}
	}
	return named, nil
}

// few shows the first of many.
func few(lines []string) string {
	const most = 5
	if len(lines) <= most {
		return strings.Join(lines, "; ")
	}
	return fmt.Sprintf("%s; … and %d more", strings.Join(lines[:most], "; "), len(lines)-most)
}

// catalogFor gives the catalog of the commit on disk, read once and then kept up by absorb.
func (f *Follower) catalogFor(disk gitstore.Hash) (*xmlcatalog.Catalog, error) {
	if f.catalog != nil && f.catalogOf == disk {
		return f.catalog, nil
	}
	catalog, err := catalogAt(f.Store, disk)
	if err != nil {
		return nil, err
	}
	f.catalogOf, f.catalog = disk, catalog
	return catalog, nil
}

// absorb makes the catalog that of the target, once that is on disk.
func (f *Follower) absorb(target gitstore.Hash, a arrival) {
	if a.view != nil {
		a.catalog.Settle(a.view)
	}
	f.catalogOf, f.catalog = target, a.catalog
}
