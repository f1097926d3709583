package watcher

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// keeper keeps watches and snapshot in step with the tree, and tells what
// differs. It works in one goroutine.
type keeper struct {
	tree
	o      Options
	told   *Watcher    // for its statistics
	hints  chan<- hint // to the one who waits for pauses
	log    *slog.Logger
	events *events // nil where scans do it alone
	rootID uint64  // inode of the root
	err    error   // what is, or was, wrong with the root
	gone   bool    // nothing is at the root's path now
	begun  bool    // the first snapshot is taken

	paths []string // to be told next
	lost  bool
	news  bool            // the look at the tree found some
	again time.Duration   // after which to look again; 0 where it was still
	deaf  map[string]bool // directories that could not be read, and were named
}

func newKeeper(o Options, w *Watcher, hints chan<- hint) *keeper {
	t := tree{snapshot: newSnapshot(), root: o.Root, descend: o.Descend, tracked: o.Tracked}
	return &keeper{tree: t, o: o, told: w, hints: hints, log: o.Logger, deaf: map[string]bool{}}
}

// begin opens the watches and takes the first snapshot.
func (k *keeper) begin(ctx context.Context) error {
	err := k.open()
	if err == nil {
		err = k.enter(ctx, "")
	}
	if err == nil {
		k.repair(ctx)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		k.close()
		return err
	}
	k.rootID, k.begun = k.top.inode, true
	k.paths, k.news = nil, false // the taker compares everything at its own start
	k.report()
	return nil
}

func (k *keeper) close() {
	if k.events != nil {
		k.events.close()
		k.events = nil
	}
}

// run looks at what events tell, and at the whole tree now and then.
func (k *keeper) run(ctx context.Context) {
	defer k.close()
	every := k.interval()
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		var ready chan struct{}
		if k.events != nil {
			ready = k.events.ready
		}
		select {
		case <-ctx.Done():
			return
		case <-ready:
			k.drain(ctx)
		case <-timer.C:
			k.scan(ctx, false)
			every = 0
		}
		k.tell(ctx)
		if next := k.interval(); next != every {
			every = next
			timer.Reset(every)
		}
	}
}

// interval is the time to the next scan.
func (k *keeper) interval() time.Duration {
	if k.again > 0 {
		return k.again
	}
	if k.events == nil || k.gone {
		return k.o.PollEvery
	}
	return k.o.Scan
}

// tell hands on what was found.
func (k *keeper) tell(ctx context.Context) {
	k.report()
	h := hint{paths: k.paths, lost: k.lost, at: time.Now(), rest: k.rest()}
	waits := k.again > 0 // a batch, for this look
	k.again = k.nextLook(h.rest)
	if h.nothing() && !waits {
		return
	}
	select {
	case k.hints <- h:
		k.paths, k.lost, k.news = nil, false, false
	case <-ctx.Done():
	}
}

func (k *keeper) report() {
	k.told.record(func(s *Stats) {
		s.Mode, s.Watches, s.Err = Poll, 0, k.err
		if k.events != nil {
			s.Mode, s.Watches = Events, k.folders
		}
	})
}

// enter begins to watch a directory and all below it: first the watch, then
// the look, so that what is made in between is seen by one of them.
func (k *keeper) enter(ctx context.Context, dir string) error {
	work := []string{dir}
	for len(work) > 0 && ctx.Err() == nil {
		dir, work = work[len(work)-1], work[:len(work)-1]
		l, err := k.visit(dir, true)
		if err != nil {
			return err
		}
		work = append(append(work, l.fresh...), l.kept...)
	}
	return nil
}

// visit looks at one directory, after watching it anew where that is asked
// for, and notes what is to be told. Only the want of watches, and an
// unreadable root, are errors.
func (k *keeper) visit(dir string, watch bool) (look, error) {
	if k.learn(dir) == nil {
		return look{}, nil // the directory above has gone
	}
	if watch && k.events != nil {
		if err := k.watch(dir); err != nil && !unreadable(err) {
			if err := k.exhausted(err); err != nil {
				return look{}, err
			}
		}
	}
	l, err := k.look(dir)
	if err != nil {
		return look{}, k.blind(dir, err)
	}
	delete(k.deaf, dir)
	k.paths, k.news = append(k.paths, l.changed...), k.news || l.news
	for _, gone := range l.gone {
		k.vanished(gone)
	}
	if l.replaced && !watch {
		return k.rewatch(dir)
	}
	return l, nil
}

// rewatch gives a directory that stands in the place of another its watch.
func (k *keeper) rewatch(dir string) (look, error) {
	if k.events != nil {
		_ = k.events.drop(k.file(dir))
	}
	return k.visit(dir, true)
}

// blind is what follows from a directory that can not be read: what it holds
// counts as unchanged, and it is named once. The root must be readable.
func (k *keeper) blind(dir string, err error) error {
	if dir == "" {
		return err
	}
	if !missing(err) && !k.deaf[dir] {
		k.deaf[dir] = true
		k.log.Warn("directory can not be read", "path", dir, "err", err)
	}
	return nil
}

// vanished drops a directory with all its watches, whose paths would be wrong
// from now on if it was moved, and tells of it if it held something.
// It tells whether it was a directory that is known.
func (k *keeper) vanished(dir string) bool {
	f := k.find(dir)
	if f == nil {
		return false
	}
	if k.events != nil {
		f.each(dir, func(d string) { _ = k.events.drop(k.file(d)) })
	}
	if f.holds() {
		k.paths, k.news = append(k.paths, dir), true
	}
	k.drop(dir)
	return true
}

// wants tells whether an event can mean anything: it is called by the reader
// of events, so it only looks at the name.
func (k *keeper) wants(e fsnotify.Event) bool {
	path, ok := k.rel(e.Name)
	if !ok {
		return false
	}
	if path == "" || k.tracked(path) {
		return true
	}
	// A directory matters when it comes or goes.
	return e.Op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) != 0 && k.descend(path)
}

// clear sorts what is to be told and drops doubles, which bursts are full of.
func (k *keeper) clear() {
	slices.Sort(k.paths)
	k.paths = slices.Compact(k.paths)
}
