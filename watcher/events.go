package watcher

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// manyEvents is how many events may wait for the tree to be looked at; with
// more a scan is cheaper, and memory is bounded.
const manyEvents = 1 << 18

// events are the watches of the operating system and what they told.
type events struct {
	os   *fsnotify.Watcher
	add  func(dir string) error    // watches a directory; see keeper.appeared
	want func(fsnotify.Event) bool // called while nothing may be missed: quick
	done chan struct{}             // closed once the reader has ended

	ready chan struct{} // holds a token while there is something to take

	mu    sync.Mutex
	queue []fsnotify.Event
	lost  error
}

// listen opens the watches. A reader takes events off the operating system's
// queue, which overflows, as fast as they come, and only notes them.
func listen(want func(fsnotify.Event) bool) (*events, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	e := &events{os: w, add: w.Add, want: want, done: make(chan struct{}), ready: make(chan struct{}, 1)}
	go e.read()
	return e, nil
}

func (e *events) read() {
	defer close(e.done)
	told, failed := e.os.Events, e.os.Errors
	for told != nil || failed != nil {
		select {
		case event, ok := <-told:
			if !ok {
				told = nil
			} else if e.want(event) {
				e.note(event, nil)
			}
		case err, ok := <-failed:
			if !ok {
				failed = nil
			} else if !late(err) {
				e.note(fsnotify.Event{}, err)
			}
		}
	}
}

// late tells whether an error only says that fsnotify wanted to end a watch
// which the system had ended already: a directory was moved, then deleted.
func late(err error) bool {
	var read *fs.PathError
	return errors.Is(err, syscall.EINVAL) && !errors.As(err, &read)
}

// note keeps an event, or that some were lost: then those that wait are of no
// use either.
func (e *events) note(event fsnotify.Event, err error) {
	e.mu.Lock()
	switch {
	case err != nil:
		e.lost, e.queue = err, nil
	case len(e.queue) >= manyEvents:
		e.lost, e.queue = fsnotify.ErrEventOverflow, nil
	case e.lost == nil:
		e.queue = append(e.queue, event)
	}
	e.mu.Unlock()
	select {
	case e.ready <- struct{}{}:
	default:
	}
}

// take is all that waits, and whether more was lost.
func (e *events) take() ([]fsnotify.Event, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	queue := e.queue
	e.queue = nil
	return queue, e.lost
}

// drop ends the watch of a directory. The operating system has often done so
// by itself, when the directory was deleted.
func (e *events) drop(dir string) error { return e.os.Remove(filepath.Clean(dir)) }

func (e *events) close() {
	_ = e.os.Close() // nothing is lost by it
	<-e.done
}
