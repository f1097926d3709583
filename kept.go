package gsgit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

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
	_, err = f.keep(ctx, disk, kept)
	return err
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
	_, err = f.keep(ctx, disk, []xmlcatalog.Edit{e})
	return err
}

// ownBytes tells whether bytes on disk are the replica's own: neither the commit's nor noise beside them.
// A password that this GeoServer encrypted with its own key is no drift, and nobody else's either: it is kept.
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
	return e, err == nil && !xmlcatalog.Noise(path, old, content), err
}

// keepOwn keeps what a plan is about to overwrite knowingly. Where that is drift, the GeoServer may serve it:
// applied then moves to the drift commit, before any file does, so that it is picked up that it went.
func (f *Follower) keepOwn(ctx context.Context, disk, target gitstore.Hash, own []xmlcatalog.Edit) error {
	if len(own) == 0 {
		return nil
	}
	drift, err := f.keep(ctx, disk, own)
	if err != nil || disk != target {
		return err
	}
	applied, err := f.Store.Ref(AppliedRef)
	if err != nil || applied.IsZero() {
		return err
	}
	if applied != disk {
		drift = gitstore.Hash{} // something else is to be picked up still: then everything
	}
	return f.Store.SetRef(ctx, AppliedRef, applied, drift)
}

// parentOf is what a drift commit stands on: what was last written here, or the head of a repository that was
// here before us.
func (f *Follower) parentOf(disk gitstore.Hash) (gitstore.Hash, error) {
	if !disk.IsZero() {
		return disk, nil
	}
	return f.Store.Ref(f.Store.BranchRef())
}

// keep writes a drift commit on top of what was last written here, and a ref of its own that holds it.
func (f *Follower) keep(ctx context.Context, disk gitstore.Hash, edits []xmlcatalog.Edit) (gitstore.Hash, error) {
	parent, err := f.parentOf(disk)
	if err != nil {
		return gitstore.Hash{}, err
	}
	if id, err := f.keptAlready(ctx, parent, edits); err != nil || !id.IsZero() {
		return id, err
	}
	before, err := f.catalogFor(parent)
	if err != nil {
		return gitstore.Hash{}, err
	}
	m := xmlcatalog.Describe(xmlcatalog.Compare(before, before.With(edits), edits), edits)
	m.Subject = "drift: " + m.Subject
	id, err := f.Store.Write(ctx, gitstore.Draft{
		Parent: parent, Edits: drafted(edits), Author: author(m.Author, f.Instance), Committer: committer(f.Instance),
		Message: commitMessage(m, f.Instance, nil),
	})
	if err != nil {
		return id, fmt.Errorf("keep the replica's own bytes: %w", err)
	}
	ref, err := freshRef(f.Store, driftRefs)
	if err != nil {
		return id, err
	}
	if err := f.Store.SetRef(ctx, ref, gitstore.Hash{}, id); err != nil {
		return id, fmt.Errorf("keep the replica's own bytes: %w", err)
	}
	f.Log.Warn("drift kept", "commit", id.String(), "ref", ref, "subject", m.Subject, "files", len(edits))
	return id, nil
}

// rememberedKept is how many of the newest drift commits are looked at for bytes that come again.
const rememberedKept = 8

// keptAlready finds a drift commit that holds the very edits: an apply that fails again and again, in this life or the
// next, keeps them once, and so does what somebody writes anew each time that it was healed.
func (f *Follower) keptAlready(ctx context.Context, parent gitstore.Hash, edits []xmlcatalog.Edit) (gitstore.Hash, error) {
	refs, err := f.Store.Refs(driftRefs)
	if err != nil {
		return gitstore.Hash{}, err
	}
	names := slices.Sorted(maps.Keys(refs)) // they are times
	for _, name := range slices.Backward(names[max(0, len(names)-rememberedKept):]) {
		same, err := f.holds(ctx, refs[name], parent, edits)
		if err != nil || same {
			return refs[name], err
		}
	}
	return gitstore.Hash{}, nil
}

// holds tells whether a commit is its parent with some edits.
func (f *Follower) holds(ctx context.Context, commit, parent gitstore.Hash, edits []xmlcatalog.Edit) (bool, error) {
	c, err := f.Store.Commit(commit)
	if err != nil {
		return false, fmt.Errorf("read a drift commit: %w", err)
	}
	var stands gitstore.Hash
	if len(c.Parents) > 0 {
		stands = c.Parents[0]
	}
	if stands != parent {
		return false, nil
	}
	differences, err := f.Store.Diff(ctx, parent, commit)
	if err != nil || len(differences) != len(edits) {
		return false, err
	}
	has := map[string]resync.Blob{}
	for _, d := range differences {
		has[d.Path] = resync.Blob(d.New)
	}
	return !slices.ContainsFunc(edits, func(e xmlcatalog.Edit) bool {
		blob, there := has[e.Path]
		return !there || blob != blobOf(e.New)
	}), nil
}
