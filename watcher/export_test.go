package watcher

import (
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// Trouble stands between a watcher and the operating system's events.
type Trouble struct {
	Instances int         // how often events can be opened
	Watches   int         // how many watches there are each time
	Deaf      atomic.Bool // no event comes
	Hold      sync.Mutex  // while it is locked, events wait in the kernel
	opened    atomic.Pointer[events]
}

// Make puts trouble into options.
func (t *Trouble) Make(o Options) Options {
	o.listen = func(want func(fsnotify.Event) bool) (*events, error) {
		if t.Instances == 0 {
			return nil, syscall.EMFILE
		}
		t.Instances--
		e, err := listen(func(e fsnotify.Event) bool {
			t.Hold.Lock()
			defer t.Hold.Unlock()
			return !t.Deaf.Load() && want(e)
		})
		if err != nil {
			return nil, err
		}
		add, left := e.add, t.Watches
		e.add = func(dir string) error {
			if left--; left < 0 {
				return syscall.ENOSPC
			}
			return add(dir)
		}
		t.opened.Store(e)
		return e, nil
	}
	return o
}

// Overflow makes the queue of events overflow.
func (t *Trouble) Overflow() { t.opened.Load().note(fsnotify.Event{}, fsnotify.ErrEventOverflow) }

// Watched are the directories that have a watch, sorted.
func (t *Trouble) Watched() []string {
	list := t.opened.Load().os.WatchList()
	slices.Sort(list)
	return list
}
