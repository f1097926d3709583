package watcher

import (
	"context"
	"time"
)

// quiet waits for the pauses. Hints come in, batches go out: each once settle
// has passed without a hint, or limit after its first one though hints go on.
// What nobody takes is merged with what comes later; such a batch waits for a
// pause anew, so that one is never handed out in the middle of an edit only
// because the taker was busy.
type quiet struct {
	settle, limit time.Duration
	in            chan hint
	out           chan Batch
}

// run is over when ctx is; what is pending then is dropped, since the next
// start compares everything anyway.
func (q *quiet) run(ctx context.Context) {
	var p pending
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	due := false
	for {
		var out chan Batch
		var b Batch
		if due {
			out, b = q.out, p.batch()
		}
		select {
		case <-ctx.Done():
			return
		case h := <-q.in:
			if h.nothing() && p.empty() {
				continue // what it calls still was handed out at its cap
			}
			p.add(h, due)
			due = false
			timer.Reset(q.wait(&p, h.rest))
		case <-timer.C:
			due = true
			select { // who waits already gets it before the next hint
			case q.out <- p.batch():
				p, due = pending{}, false
			default:
			}
		case out <- b:
			p, due = pending{}, false
		}
	}
}

// wait is how long the batch must still be left alone after a hint.
func (q *quiet) wait(p *pending, r rest) time.Duration {
	left := q.limit - p.last.Sub(p.since)
	switch r {
	case moving:
		return left
	case still:
		return 0
	default:
		return min(q.settle, left)
	}
}
