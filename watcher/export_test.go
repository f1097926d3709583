package watcher

import (
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// Trouble stands between a watcher and the operating system's events.
type Trouble struct {
	Instances int  // how often events can be opened, 0 for never
	Watches   int  // how many watches there are, 0 for none
	Deaf      bool // no event ever comes
	opened    *events
}

// Make puts trouble into options.
func (t *Trouble) Make(o Options) Options {
	o.listen = func(want func(fsnotify.Event) bool) (*events, error) {
		if t.Instances == 0 {
			return nil, syscall.EMFILE
		}
		t.Instances--
		e, err := listen(func(e fsnotify.Event) bool { return !t.Deaf && want(e) })
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
		t.opened = e
		return e, nil
	}
	return o
}

// Overflow makes the queue of events overflow.
func (t *Trouble) Overflow() { t.opened.note(fsnotify.Event{}, fsnotify.ErrEventOverflow) }
