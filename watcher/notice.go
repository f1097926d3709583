package watcher

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// drain looks at what the events that wait are about.
func (k *keeper) drain(ctx context.Context) {
	if k.events == nil {
		return
	}
	queue, lost := k.events.take()
	if lost != nil {
		k.log.Warn("events were lost, looking at everything", "err", lost)
		k.told.record(func(s *Stats) { s.Overflows++ })
		k.restart(ctx)
		return
	}
	for _, e := range queue {
		if ctx.Err() != nil || k.events == nil {
			break // no events any more: what this one told is found by the scan
		}
		k.notice(ctx, e)
	}
	k.clear()
	if k.events == nil {
		k.scan(ctx, false)
	}
}

// notice looks at one name that an event is about. What the event says of it
// may be long past: the file system is asked.
func (k *keeper) notice(ctx context.Context, e fsnotify.Event) {
	path, ok := k.rel(e.Name)
	if !ok {
		return
	}
	if path == "" {
		if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
			k.scan(ctx, false)
		}
		return
	}
	if (e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)) && k.vanished(path) {
		return
	}
	if e.Has(fsnotify.Create) && k.appeared(ctx, path) {
		return
	}
	if k.tracked(path) {
		k.noteFile(path)
	}
}

// noteFile tells of a tracked name that an event is about. One that is gone
// is told of even if it was never seen here: the taker of a batch looks for
// itself, and may have seen it. Links and directories are not told of.
func (k *keeper) noteFile(path string) {
	mark := k.stat(path)
	if mark == 0 && !k.knows(path) {
		if _, err := os.Lstat(k.file(path)); err == nil {
			return
		}
	}
	k.set(path, mark)
	k.paths = append(k.paths, path)
}

// appeared takes in a directory that was made here or moved here, and tells
// whether it was one. It is watched anew even if it is known: a watch that
// came before its move bears the old path.
func (k *keeper) appeared(ctx context.Context, path string) bool {
	info, err := os.Lstat(k.file(path))
	if err != nil || !info.IsDir() {
		return false
	}
	if !k.descend(path) {
		return true
	}
	k.vanished(path)
	told := len(k.paths)
	if err := k.enter(ctx, path); err != nil {
		k.log.Warn("directory can not be watched", "path", path, "err", err)
	}
	// What lies below is told by the directory itself; what was found to have
	// moved from elsewhere is not.
	k.paths = append(k.paths[:told], slices.DeleteFunc(k.paths[told:], func(p string) bool {
		return strings.HasPrefix(p, path+"/")
	})...)
	if f := k.find(path); f != nil && f.holds() {
		k.paths = append(k.paths, path)
	}
	return true
}

// rel is the path below the root of a name that an event bears.
func (k *keeper) rel(name string) (string, bool) {
	if name == k.root {
		return "", true
	}
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(k.root, string(filepath.Separator))+string(filepath.Separator))
	return filepath.ToSlash(rest), ok && rest != ""
}

// scan looks at the whole tree, and at events in between, so that an edit
// meanwhile is told as soon as ever. watch makes all watches anew.
func (k *keeper) scan(ctx context.Context, watch bool) {
	if !k.checkRoot(ctx) {
		return
	}
	work := []string{""}
	for n := 0; len(work) > 0 && ctx.Err() == nil; n++ {
		dir := work[len(work)-1]
		work = work[:len(work)-1]
		l, err := k.visit(dir, watch)
		if err != nil {
			k.rootLost(err)
			return
		}
		for _, fresh := range l.fresh {
			k.appeared(ctx, fresh)
		}
		work = append(work, l.kept...)
		if n%256 == 255 && !watch {
			k.interrupt(ctx)
		}
	}
	k.repair(ctx)
	k.clear()
	k.told.record(func(s *Stats) { s.Scans++ })
}

// interrupt lets events be told in the middle of a scan.
func (k *keeper) interrupt(ctx context.Context) {
	if k.events == nil {
		return
	}
	select {
	case <-k.events.ready:
		k.drain(ctx)
		k.tell(ctx)
	default:
	}
}

// restart makes every watch anew and compares everything, after events were
// lost: what watches stand for by then is unknown.
func (k *keeper) restart(ctx context.Context) {
	k.close()
	k.lost = true
	_ = k.open() // once begun it falls back to polling by itself
	k.scan(ctx, true)
}
