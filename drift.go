package gsgit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// heal puts back what was changed on this replica by someone else, where the watcher or the start says to
// look; the other's bytes are kept first.
func (f *Follower) heal(ctx context.Context, disk gitstore.Hash) error {
	f.mu.Lock()
	batch := f.pending
	f.pending = pending{}
	f.mu.Unlock()
	if batch.empty() {
		return nil
	}
	drifted, err := f.drifted(disk, batch)
	if err == nil && len(drifted) > 0 {
		err = f.restore(ctx, disk, drifted)
	}
	if err != nil {
		f.Observe(batch.batch()) // look again: nothing of it was mended
	}
	return err
}

// drifted compares the disk with the commit it was last written as. An extra file is drift only where
// GeoServer would load it. The events of our own writes are not read after; a look at everything reads
// everything, whatever time stamps say.
func (f *Follower) drifted(disk gitstore.Hash, batch pending) ([]xmlcatalog.Edit, error) {
	c := comparison{dir: f.Dir, store: f.Store, commit: disk, same: xmlcatalog.Echo}
	if !batch.all {
		c.holds = f.Files.Holds
	}
	edits, err := c.edits(batch.list())
	if err != nil {
		return nil, fmt.Errorf("look for drift: %w", err)
	}
	if len(edits) == 0 {
		return nil, nil
	}
	catalog, err := f.catalogFor(disk)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(edits, func(e xmlcatalog.Edit) bool { return e.Old == nil && !removable(catalog, e) }), nil
}

func (f *Follower) restore(ctx context.Context, disk gitstore.Hash, drifted []xmlcatalog.Edit) error {
	if err := f.keep(ctx, disk, drifted); err != nil {
		return err
	}
	files := make([]resync.File, len(drifted))
	for i, e := range drifted {
		files[i] = resync.File{Path: e.Path, Mode: regularFile}
		if e.Old != nil {
			files[i].New = resync.HashBlob(e.Old)
		}
		if e.New != nil {
			files[i].Old = resync.HashBlob(e.New)
		}
	}
	plan, err := resync.Compare(disk.String(), files)
	if err != nil {
		return fmt.Errorf("heal drift: %w", err)
	}
	return f.write(ctx, disk, disk, plan)
}

// regularFile is git's mode of an ordinary file.
const regularFile = 0o100644

// keepBefore keeps what a plan would overwrite and no commit holds.
func (f *Follower) keepBefore(ctx context.Context, disk gitstore.Hash, plan resync.Plan) error {
	foreign, err := f.Files.Before(plan)
	if err != nil {
		return fmt.Errorf("look at what is to be overwritten: %w", err)
	}
	var kept []xmlcatalog.Edit
	for _, d := range foreign {
		if e, ok, err := f.ownBytes(disk, d.Path, d.Have); err != nil {
			return err
		} else if ok {
			kept = append(kept, e)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return f.keep(ctx, disk, kept)
}

// Displaced keeps bytes that an apply found in the place of a file at the last moment.
func (f *Follower) Displaced(ctx context.Context, path string, content []byte) error {
	disk, err := f.Store.Ref(DiskRef)
	if err != nil {
		return err
	}
	e, ok, err := f.ownBytes(disk, path, content)
	if err != nil || !ok {
		return err
	}
	return f.keep(ctx, disk, []xmlcatalog.Edit{e})
}

// ownBytes tells whether bytes on disk are the replica's own: neither the commit's nor an echo of them.
func (f *Follower) ownBytes(disk gitstore.Hash, path string, content []byte) (xmlcatalog.Edit, bool, error) {
	e := xmlcatalog.Edit{Path: path, New: nonNil(content)}
	if content == nil {
		return e, false, nil
	}
	entry, had, err := comparison{store: f.Store, commit: disk}.lookup(path)
	if err != nil || !had {
		return e, err == nil, err
	}
	old, err := f.Store.Blob(entry.Blob)
	return e, err == nil && !xmlcatalog.Echo(path, old, content), err
}

// keep writes a drift commit on top of what was last written here, and a ref of its own that holds it.
func (f *Follower) keep(ctx context.Context, disk gitstore.Hash, edits []xmlcatalog.Edit) error {
	before, err := f.catalogFor(disk)
	if err != nil {
		return err
	}
	m := xmlcatalog.Describe(xmlcatalog.Compare(before, before.With(edits), edits), edits)
	m.Subject = "drift: " + m.Subject
	id, err := f.Store.Write(ctx, gitstore.Draft{
		Parent: disk, Edits: drafted(edits), Author: author(m.Author, f.Instance), Committer: committer(f.Instance),
		Message: commitMessage(m, f.Instance, nil),
	})
	if err != nil {
		return fmt.Errorf("keep the replica's own bytes: %w", err)
	}
	ref := driftRefs + time.Now().UTC().Format("20060102T150405.000000000Z")
	if err := f.Store.SetRef(ctx, ref, gitstore.Hash{}, id); err != nil {
		return fmt.Errorf("keep the replica's own bytes: %w", err)
	}
	f.Log.Warn("drift kept", "commit", id.String(), "ref", ref, "subject", m.Subject, "files", len(edits))
	return nil
}
