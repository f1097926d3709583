package gsgit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/watcher"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// heal puts back what was changed on this replica by someone else, where the watcher or the start says to
// look; the other's bytes are kept first. unseen is what could not be looked at for now: it is looked at again,
// and keeps nothing else waiting.
func (f *Follower) heal(ctx context.Context, disk gitstore.Hash) (unseen error, err error) {
	f.mu.Lock()
	batch := f.pending
	f.pending = pending{}
	f.mu.Unlock()
	if batch.empty() {
		return nil, nil
	}
	drifted, left, err := f.drifted(ctx, disk, batch)
	if err != nil {
		f.Observe(batch.batch())
		return nil, err
	}
	f.lookAgain(batch, slices.Collect(maps.Keys(left)))
	if err := f.treat(ctx, disk, batch, drifted); err != nil {
		f.lookAgain(batch, pathsOf(drifted)) // and nowhere else: all the rest is as it should be
		return nil, err
	}
	return left.err(), nil
}

// lookAgain asks for another look at some paths of a batch.
func (f *Follower) lookAgain(batch pending, paths []string) {
	if len(paths) > 0 {
		f.Observe(watcher.Batch{Paths: paths, First: batch.first, Last: batch.last})
	}
}

func pathsOf(edits []xmlcatalog.Edit) []string {
	paths := make([]string, len(edits))
	for i, e := range edits {
		paths[i] = e.Path
	}
	return paths
}

// The policies of --drift.
const (
	DriftHeal   = "heal"   // put the head's bytes back, the others kept as a commit
	DriftHold   = "hold"   // apply nothing until the drift is gone
	DriftIgnore = "ignore" // leave it until the head changes the same path
)

// treat deals with drift by the policy.
func (f *Follower) treat(ctx context.Context, disk gitstore.Hash, batch pending, drifted []xmlcatalog.Edit) error {
	if err := f.noteDrift(disk, batch, drifted); err != nil || len(drifted) == 0 {
		return err
	}
	switch f.Drift {
	case DriftIgnore:
		return nil
	case DriftHold:
		return &Problem{State: Held, Why: "changed on this replica: " + few(f.Drifting()),
			Help: "undo the change, or put the head's bytes back with `gsgit resync`; the others are kept as a commit"}
	}
	now, later := f.healing.sort(drifted, time.Now())
	if err := f.restore(ctx, disk, now); err != nil {
		return err
	}
	f.healing.note(now, time.Now())
	if len(now) > 0 {
		f.Log.Info("healed", "objects", few(f.Drifting()), "files", len(now))
	}
	f.lookAgain(batch, pathsOf(later))
	return f.noteDrift(disk, batch, later)
}

// noteDrift remembers which objects differ, where a look was taken.
func (f *Follower) noteDrift(disk gitstore.Hash, batch pending, drifted []xmlcatalog.Edit) error {
	objects, err := f.objectsOf(disk, drifted)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.drift, func(path, _ string) bool { return batch.covers(path) })
	if f.drift == nil {
		f.drift = map[string]string{}
	}
	maps.Copy(f.drift, objects)
	return nil
}

// objectsOf names the objects of drifted files, by path: as the head knows them, or as the disk does.
func (f *Follower) objectsOf(disk gitstore.Hash, drifted []xmlcatalog.Edit) (map[string]string, error) {
	objects := map[string]string{}
	if len(drifted) == 0 {
		return objects, nil
	}
	head, err := f.catalogFor(disk)
	if err != nil {
		return nil, err
	}
	onDisk := head.With(drifted)
	for _, e := range drifted {
		objects[e.Path] = "file:" + e.Path
		if o, ok := head.Object(e.Path); ok {
			objects[e.Path] = o.String()
		} else if o, ok := onDisk.Object(e.Path); ok {
			objects[e.Path] = o.String()
		}
	}
	return objects, nil
}

// covers tells whether a path, or a directory that it lies in, is among what is to be looked at.
func (p *pending) covers(path string) bool {
	for at := path; !p.all && !p.paths[at]; {
		cut := strings.LastIndexByte(at, '/')
		if cut < 0 {
			return p.paths[""]
		}
		at = at[:cut]
	}
	return true
}

// within tells whether a path is a place or lies below it; "" is the root.
func within(path, at string) bool {
	return at == "" || path == at || strings.HasPrefix(path, at+"/")
}

// settled forgets the drift of paths that a plan has written.
func (f *Follower) settled(plan resync.Plan) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, file := range plan.Files() {
		delete(f.drift, file.Path)
	}
}

// Drifting lists the objects that differ from what was written here and were left so.
func (f *Follower) Drifting() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	objects := slices.Sorted(maps.Values(f.drift))
	return slices.Compact(objects)
}

// drifted compares the disk with the commit it was last written as. An extra file is drift only where
// GeoServer would load it. The events of our own writes are not read after; a look at everything reads
// everything, whatever time stamps say.
func (f *Follower) drifted(ctx context.Context, disk gitstore.Hash, batch pending) ([]xmlcatalog.Edit, unseen, error) {
	u := unseen{}
	c := comparison{dir: f.Dir, store: f.Store, commit: disk, same: xmlcatalog.Echo, skip: u.skip}
	if !batch.all {
		c.holds = f.Files.Holds
	}
	edits, err := c.edits(batch.list())
	if err != nil {
		return nil, nil, fmt.Errorf("look for drift: %w", err)
	}
	if len(edits) == 0 {
		return nil, u, nil
	}
	drifted, err := f.foreign(ctx, disk, edits)
	return u.withoutUnnamable(drifted), u, err
}

// foreign leaves out of what differs the extra files that GeoServer does not load or that are left to each node.
func (f *Follower) foreign(ctx context.Context, disk gitstore.Hash, edits []xmlcatalog.Edit) ([]xmlcatalog.Edit, error) {
	catalog, err := f.catalogFor(disk)
	if err != nil {
		return nil, err
	}
	var drifted []xmlcatalog.Edit
	for _, e := range edits {
		if e.Old == nil {
			if !removable(catalog, e) {
				continue
			}
			if left, err := f.isLeftOut(ctx, disk, e.Path); err != nil || left {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		drifted = append(drifted, e)
	}
	return drifted, nil
}

// restore puts the commit's bytes back.
func (f *Follower) restore(ctx context.Context, disk gitstore.Hash, drifted []xmlcatalog.Edit) error {
	if len(drifted) == 0 {
		return nil
	}
	files := make([]resync.File, len(drifted))
	for i, e := range drifted {
		files[i] = resync.File{Path: e.Path, Old: blobOf(e.New), New: blobOf(e.Old), Mode: regularFile}
		if entry, had, err := f.Store.Lookup(disk, e.Path); err != nil {
			return err
		} else if had {
			files[i].Mode = entry.Mode
		}
	}
	files, err := f.preserve(ctx, disk, files)
	if err != nil {
		return err
	}
	plan, err := resync.Compare(disk.String(), files)
	if err != nil {
		return fmt.Errorf("heal drift: %w", err)
	}
	return f.write(ctx, disk, disk, plan, drifted, f.source(arrival{}))
}

// regularFile is git's mode of an ordinary file.
const regularFile = 0o100644
