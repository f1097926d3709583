package watcher

import (
	"context"
	"errors"

	"github.com/fsnotify/fsnotify"
)

// watch gives a directory its watch. A directory that was moved a moment ago
// may still have the watch of its old path, which the system then gives back
// and fsnotify goes on to call by the old name: that one is found and dropped
// first. At the start there are too many directories to ask; see repair.
func (k *keeper) watch(dir string) error {
	path := k.file(dir)
	if err := k.events.add(path); err != nil || !k.begun {
		return err
	}
	if err := k.events.drop(path); errors.Is(err, fsnotify.ErrNonExistentWatch) {
		k.dropOld(dir)
	}
	return k.events.add(path)
}

// dropOld drops the directory that has the same inode under another path.
func (k *keeper) dropOld(dir string) {
	inode := k.inode(dir)
	var old []string
	k.top.each("", func(d string) {
		if d != dir && d != "" && k.find(d).inode == inode {
			old = append(old, d)
		}
	})
	for _, d := range old {
		k.vanished(d)
	}
}

// repair makes good what moves in the middle of a walk left: a directory that
// is known and has no watch, a watch of something that is not known.
func (k *keeper) repair(ctx context.Context) {
	if k.events == nil {
		return
	}
	watched := map[string]bool{}
	for _, path := range k.events.os.WatchList() {
		watched[path] = true
	}
	var missing []string
	k.top.each("", func(d string) {
		if !watched[k.file(d)] && !k.deaf[d] {
			missing = append(missing, d)
		}
		delete(watched, k.file(d))
	})
	for path := range watched {
		_ = k.events.drop(path)
	}
	for _, d := range missing {
		if d != "" && k.events != nil {
			k.appeared(ctx, d)
		}
	}
}
