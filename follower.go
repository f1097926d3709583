package gsgit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/watcher"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// Follower makes a replica's data directory equal to the newest commit that it can hear of and fetch.
//
// A head that is not a descendant of what is on disk changes nothing, nor does one whose damage nobody named.
// What the replica itself wrote into tracked files is kept as a commit under refs/gsgit/drift/ before it is
// overwritten.
type Follower struct {
	Dir     *Directory
	Files   *resync.Directory
	Store   *gitstore.Store
	Sources *Sources
	Adopt   bool   // take over a directory that holds other content
	MinFree uint64 // bytes that are left to the GeoServer on its volume
	Drift   string // what happens to foreign edits: DriftHeal (""), DriftHold or DriftIgnore
	// Passwords says whose ciphertext a store has here: PasswordsKeep ("") or PasswordsLocal.
	Passwords string
	Accept    gitstore.Hash // a commit whose damage a person accepts; once written it is remembered
	Log       *slog.Logger
	Step      func(string)           // crash points of tests; may be nil
	Lock      func() (func(), error) // takes the write lock; may be nil
	Applied   func()                 // called after each Sync: the pick-up's hint; may be nil
	Instance  string

	mu      sync.Mutex
	pending pending           // where the disk may have drifted
	drift   map[string]string // objects that differ from what was written, by path
	lag     lag
	target  gitstore.Hash // the newest head known
	warned  map[string]bool
	taking  []gitstore.Hash // commits whose damage the apply at hand takes, as a person wished
	cleaned bool

	catalogOf gitstore.Hash
	catalog   *xmlcatalog.Catalog
	left      leftOut
	many      int // manyFiles, but for tests
	healing   healing
}

// Observe takes in a batch of the watcher: places where someone else may have written.
func (f *Follower) Observe(b watcher.Batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending.add(b)
}

// LookAtAll asks for a look at the whole directory: at start, and when events were lost.
func (f *Follower) LookAtAll() {
	now := time.Now()
	f.Observe(watcher.Batch{Lost: true, First: now, Last: now})
}

// Sync finishes what a crash cut off, heals drift, and applies the newest head.
func (f *Follower) Sync(ctx context.Context) (time.Duration, error) {
	again, heardErr := f.listen(ctx)
	release, err := f.lock()
	if err != nil {
		return 0, err
	}
	defer f.sweep()
	defer release()
	if err := f.finish(ctx); err != nil {
		return 0, err
	}
	if err := enoughSpace(f.Store, f.MinFree); err != nil {
		return 0, err
	}
	disk, err := f.Store.Ref(DiskRef)
	if err != nil {
		return 0, err
	}
	target, err := f.newest(ctx, disk)
	if err == nil || !target.IsZero() {
		// Whatever is wrong with some head, what is here is kept in order.
		err = gravestFirst(err, f.reach(ctx, disk, target))
	}
	if f.Applied != nil {
		f.Applied() // even where nothing was written: a resync beside this node may have
	}
	return again, gravestFirst(err, heardErr)
}

// listen fetches what is new, unless that would fill the volume: then this Sync ends with that, once it has
// finished what was begun.
func (f *Follower) listen(ctx context.Context) (time.Duration, error) {
	if enoughSpace(f.Store, f.MinFree) != nil {
		return 0, nil
	}
	return f.Sources.Listen(ctx, f.Store, f.onDisk)
}

func (f *Follower) onDisk() (gitstore.Hash, error) { return f.Store.Ref(DiskRef) }

func (f *Follower) lock() (func(), error) {
	if f.Lock == nil {
		return func() {}, nil
	}
	return f.Lock()
}

// finish ends an apply that a crash cut off, by its journal: the same plan again, then the markers.
func (f *Follower) finish(ctx context.Context) error {
	plan, pending, err := f.Files.Pending()
	if err != nil {
		return err
	}
	if !pending {
		return f.clean()
	}
	target, err := gitstore.ParseHash(plan.Target)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	disk, err := f.Store.Ref(DiskRef)
	if err != nil {
		return err
	}
	f.Log.Info("finishing an interrupted apply", "commit", plan.Target)
	if err := f.write(ctx, disk, target, plan, nil, f.source(arrival{})); err != nil {
		return err
	}
	f.cleaned = false // what the applies before that one had set aside was not swept any more
	return f.clean()
}

// clean removes, once, what an apply left staged that was cut off before it changed anything.
func (f *Follower) clean() error {
	if f.cleaned {
		return nil
	}
	err := f.Files.Clean()
	f.cleaned = err == nil
	return err
}

// newest picks the head that all others lead up to, or the commit that a person pinned. Where there is
// none, the last good state is held.
func (f *Follower) newest(ctx context.Context, disk gitstore.Hash) (gitstore.Hash, error) {
	pinned, err := f.Store.Ref(PinnedRef)
	if err != nil {
		return gitstore.Hash{}, err
	}
	newest, err := f.newestHead(ctx, disk)
	if !pinned.IsZero() {
		return pinned, nil // whatever is wrong with the heads: nobody follows them now
	}
	return newest, err
}

func (f *Follower) newestHead(ctx context.Context, disk gitstore.Hash) (gitstore.Hash, error) {
	current, remembered, err := f.Sources.Heads(f.Store)
	if err != nil {
		return disk, err
	}
	best, err := f.latest(ctx, disk, current)
	for _, head := range remembered {
		// Nobody stands for it any more: it may lead on, but it is no reason to stand still.
		if next, e := f.later(ctx, best, head); e == nil {
			best = next
		}
	}
	f.mu.Lock()
	f.target = best
	f.mu.Unlock()
	return best, err
}

// latest is the newest of heads on one line, and the last good one where they part. A head that can not be
// read is told of and keeps nobody from the others.
func (f *Follower) latest(ctx context.Context, disk gitstore.Hash, heads []gitstore.Hash) (gitstore.Hash, error) {
	best := disk
	var unread error
	for _, head := range heads {
		next, err := f.later(ctx, best, head)
		var apart *Problem
		if errors.As(err, &apart) {
			return disk, err
		}
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		best = next
	}
	return best, unread
}

// later is the descendant of two heads on one line.
func (f *Follower) later(ctx context.Context, a, b gitstore.Hash) (gitstore.Hash, error) {
	if a.IsZero() {
		_, err := f.Store.Commit(b)
		return b, err
	}
	if old, err := f.Store.IsAncestor(ctx, b, a); err != nil || old {
		return a, err // stale or doubled news changes nothing
	}
	if newer, err := f.Store.IsAncestor(ctx, a, b); err != nil || newer {
		return b, err
	}
	return a, &Problem{State: Diverged, Why: fmt.Sprintf("commit %s does not follow %s, which is here", b, a),
		Help: "this node stays as it is; `gsgit resync --to REF` takes another history, and keeps own commits under refs/gsgit/lost/"}
}

// reach brings the directory from the commit it was last written as to the target.
func (f *Follower) reach(ctx context.Context, disk, target gitstore.Hash) error {
	if target.IsZero() {
		return &Problem{State: Syncing, Why: fmt.Sprintf("no source has commits of branch %s yet", f.Store.Branch()), Help: "is a `gsgit watch` running?"}
	}
	if disk.IsZero() {
		there, err := f.begin(target)
		if err != nil {
			return err
		}
		// A repository that was here before us keeps its commits.
		if err := f.keepLost(ctx, target); err != nil {
			return err
		}
		return f.apply(ctx, there, disk, target)
	}
	unseen, err := f.heal(ctx, disk)
	if err != nil {
		return err
	}
	if disk == target {
		return gravestFirst(f.branch(ctx, disk), unseen)
	}
	if err := f.apply(ctx, found{}, disk, target); err != nil {
		return gravestFirst(err, unseen)
	}
	more, err := f.heal(ctx, target) // what the commit made drift of
	return gravestFirst(err, more, unseen)
}

// apply validates, then writes the difference of two commits. there is what lies on disk without a commit.
func (f *Follower) apply(ctx context.Context, there found, disk, target gitstore.Hash) error {
	start := time.Now()
	differences, err := f.Store.Diff(ctx, disk, target)
	if err != nil {
		return fmt.Errorf("compare %s with %s: %w", disk, target, err)
	}
	if differences, err = f.withoutLeftOut(ctx, disk, target, differences); err != nil {
		return err
	}
	came, err := f.validate(ctx, disk, target, differences)
	if err != nil {
		return err
	}
	files := f.files(there.without(differences), there.own, came.catalog)
	if _, err := resync.Compare(target.String(), files); err != nil {
		return f.reject(target, err) // before any of its paths is looked at
	}
	if err := f.remember(ctx); err != nil {
		return err
	}
	if files, err = f.preserve(ctx, target, files); err != nil {
		return err
	}
	plan, err := resync.Compare(target.String(), files)
	if err != nil {
		return err
	}
	if err := f.write(ctx, disk, target, plan, there.own, f.source(came)); err != nil {
		return err
	}
	if err := f.lookAfterTiles(disk, target, differences); err != nil {
		return err
	}
	f.absorb(target, came)
	f.settled(plan)
	f.Log.Info("applied", "commit", target.String(), "files", len(plan.Files()), "took", time.Since(start).Round(100*time.Microsecond))
	return nil
}

// write carries a plan out: stage, sync, rename; then the branch, then the marker, then the journal goes.
// own is what the plan overwrites knowingly: it is kept first, and only once the plan can be carried out.
func (f *Follower) write(ctx context.Context, disk, target gitstore.Hash, plan resync.Plan, own []xmlcatalog.Edit, read resync.Source) error {
	if err := f.Files.Check(plan); err != nil {
		// Rights, room, a link in the way: nothing that passes by itself.
		return &Problem{State: Error, Why: err.Error(), Help: HintOf(err)}
	}
	if err := f.keepOwn(ctx, disk, target, own); err != nil {
		return err
	}
	if err := f.keepBefore(ctx, disk, plan); err != nil {
		return err
	}
	if err := f.Files.Apply(ctx, plan, read); err != nil {
		return fmt.Errorf("apply %s: %w", target, err)
	}
	// It is written: a signal now would leave a clean stop looking like a crash.
	ctx = context.WithoutCancel(ctx)
	f.step("follower.branch")
	if err := f.branch(ctx, target); err != nil {
		return err
	}
	f.step("follower.disk")
	if disk != target {
		if err := f.Store.SetRef(ctx, DiskRef, disk, target); err != nil {
			return err
		}
	}
	f.step("follower.done")
	return f.Files.Finish()
}

// sweep gives back what applies set aside, when the lock is free again: the pick-up waits for that, and for nothing
// else. What can not be removed now is removed like the leavings of a crash.
func (f *Follower) sweep() {
	if err := f.Files.Sweep(); err != nil {
		f.Log.Warn("sweep the stage", "err", err)
		f.cleaned = false
	}
}

// branch moves the branch to what is on disk; it is behind only where a crash cut it off.
func (f *Follower) branch(ctx context.Context, commit gitstore.Hash) error {
	ref := f.Store.BranchRef()
	at, err := f.Store.Ref(ref)
	if err != nil || at == commit {
		return err
	}
	return f.Store.SetRef(ctx, ref, at, commit)
}

func (f *Follower) step(name string) {
	if f.Step != nil {
		f.Step(name)
	}
}
