package watcher

import (
	"errors"
	"io/fs"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// open begins to listen for events, or to poll where there can be none.
func (k *keeper) open() error {
	if k.o.Mode == Poll {
		k.toPoll("")
		return nil
	}
	if name := networked(k.root); name != "" && k.o.Mode == Auto {
		k.toPoll("the directory is on a network file system (" + name + "), where edits of others raise no events")
		return nil
	}
	e, err := k.o.listen(k.wants)
	if err != nil {
		return k.exhausted(err)
	}
	k.events, k.young = e, 0
	k.told.record(func(s *Stats) { s.Why = "" })
	return nil
}

// unreadable tells whether a directory could not be watched for a reason that
// lies in itself, not in a limit of the system.
func unreadable(err error) bool {
	return missing(err) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fsnotify.ErrClosed)
}

// exhausted is what follows where events can not be had: polling, or at the
// start an error if events were asked for.
func (k *keeper) exhausted(err error) error {
	limit := &limitError{err: err, raise: raise(errors.Is(err, syscall.EMFILE))}
	if k.o.Mode == Events && !k.begun {
		return limit
	}
	k.close()
	k.toPoll(limit.Error(), "raise", limit.raise)
	return nil
}

// toPoll goes on without events, and says so once.
func (k *keeper) toPoll(why string, more ...any) {
	k.young = time.Second
	k.told.record(func(s *Stats) { s.Why = why })
	if why != "" {
		k.log.Warn("no events, looking at the tree instead", append([]any{"every", k.o.PollEvery, "err", why}, more...)...)
	}
}

// rest tells whether the tree may be in the middle of an edit. Where no event
// tells of its end, a second look must find nothing new, or a scan that fell
// into the middle would part it.
func (k *keeper) rest() rest {
	switch {
	case k.events != nil:
		return pausing
	case k.news || k.lost:
		return moving
	default:
		return still
	}
}

// nextLook is the time to the second look, 0 if none is due. Each that finds
// news puts off the next one twice as long, up to the polling itself: a steady
// stream of edits is not looked at all the time.
func (k *keeper) nextLook(r rest) time.Duration {
	if r != moving {
		return 0
	}
	return max(k.o.Settle, min(2*k.again, k.o.PollEvery))
}

// limitError says that the system gives no more watches.
type limitError struct {
	err   error
	raise string
}

func (e *limitError) Error() string { return "the system gives no more watches: " + e.err.Error() }
func (e *limitError) Unwrap() error { return e.err }

// Hint says which setting to raise.
func (e *limitError) Hint() string {
	return "raise " + e.raise + ", or use --watch poll"
}

// Permanent says that trying again does not help.
func (e *limitError) Permanent() bool { return true }
