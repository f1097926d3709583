package kafkabus

import (
	"context"
	"errors"
)

// part is one of the three conversations that a bus has with its broker.
type part int

const (
	readingCommits part = iota
	readingNodes
	writing
	parts
)

func (p part) String() string { return [...]string{"reading commits", "reading nodes", "writing"}[p] }

// Err returns nil where the last exchange of every kind with the broker went
// well, and else the reason, with a Hint: what a person has to know.
func (t *table) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, err := range t.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// mark keeps the outcome of an exchange. A broker that is away for a night makes
// two lines in the log and two hints, not one for each try.
func (t *table) mark(p part, err error) {
	if errors.Is(err, context.Canceled) {
		return // we are stopping, which says nothing about the broker
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.errs[p]
	t.errs[p] = err
	switch {
	case err == nil && before != nil:
		t.logger.Info("broker answers again", "part", p.String())
	case err != nil && (before == nil || before.Error() != err.Error()):
		t.logger.Warn("broker trouble", "part", p.String(), "err", err)
	default:
		return
	}
	t.wake()
}
