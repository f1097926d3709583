package gsgit

import (
	"context"
	"log/slog"
	"time"
)

// The waits of a Loop after a failure: doubled from the first to the last, begun again after a success.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Task is one idempotent piece of a node's work.
type Task interface {
	// Sync does what is to be done now, and may be killed and called again at any point. again > 0 asks for
	// a call after that time though nothing is heard. It is called from one goroutine.
	Sync(ctx context.Context) (again time.Duration, err error)
}

// Loop calls a Task's Sync at start, at each hint, when the task asked to be called, and after a failure.
// It alone waits, backs off and decides on retry.
type Loop struct {
	name  string
	log   *slog.Logger
	task  Task
	hints chan struct{}
	done  func(error)
}

// NewLoop returns a loop for one task; done (may be nil) hears the result of each Sync.
func NewLoop(name string, task Task, log *slog.Logger, done func(error)) *Loop {
	return &Loop{name: name, log: log, task: task, hints: make(chan struct{}, 1), done: done}
}

// Hint asks for a Sync soon. It never blocks: a full slot means that one was asked for already.
func (l *Loop) Hint() {
	select {
	case l.hints <- struct{}{}:
	default:
	}
}

// Run syncs until ctx ends.
func (l *Loop) Run(ctx context.Context) {
	failing, retry := "", firstRetry
	for ctx.Err() == nil {
		again, err := l.task.Sync(ctx)
		if ctx.Err() != nil {
			return
		}
		if l.done != nil {
			l.done(err)
		}
		failing = l.tell(failing, err, retry)
		if err == nil {
			retry = firstRetry
		} else {
			again, retry = backOff(err, again, retry)
		}
		l.wait(ctx, again)
	}
}

// backOff says how long to wait now and the next time. Where a retry can not help the task is looked at
// rarely, since whatever mends it mostly comes with a hint, or as often as it asks itself: a replica that
// refused a commit and has no doorbell finds the one that mends it by its poll.
func backOff(err error, asked, retry time.Duration) (now, next time.Duration) {
	switch {
	case isPermanent(err) && asked > 0:
		return min(asked, lastRetry), retry
	case isPermanent(err):
		return lastRetry, retry
	}
	return retry, min(2*retry, lastRetry)
}

// tell logs a failure when it starts and when its text changes, and once when it is over.
func (l *Loop) tell(failing string, err error, retry time.Duration) string {
	switch {
	case err == nil && failing != "":
		l.log.Info("recovered", "task", l.name)
	case err != nil && err.Error() != failing:
		l.log.Warn("sync failed", "task", l.name, "err", err, "hint", HintOf(err), "retry", retry)
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// wait returns at the next hint, after d where d > 0, or when ctx ends.
func (l *Loop) wait(ctx context.Context, d time.Duration) {
	var timer <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-l.hints:
	case <-timer:
	}
}
