package gsgit

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/gsgit/gsgit/kafkabus"
)

const (
	// reportEvery is the heartbeat of a node's record on the topic.
	reportEvery = 15 * time.Second
	// progressWait is how long heads and markers may move on before the record tells of it. One change moves
	// several, on two nodes, and nobody acts on them: what is to be fetched is announced.
	progressWait = time.Second
)

// reporter takes a node's record to the topic.
type reporter interface {
	Report(ctx context.Context, n kafkabus.NodeRecord) error
}

// Heartbeat is the Task that keeps a node's record on the topic: at each change, gathered over a second where
// it is mere progress, and every 15 seconds. It also notices another process that reports under the node's name.
type Heartbeat struct {
	Node  *Node
	Board reporter

	last  kafkabus.NodeRecord
	first time.Time // when a record of ours was written for the first time
	at    time.Time
	moved time.Time // when progress was seen that was not told yet
	twin  time.Time // when another's record was last seen under our name
}

// Sync writes the record where it says something new or is due, and asks to be called for the next beat.
func (h *Heartbeat) Sync(ctx context.Context) (time.Duration, error) {
	h.lookForTwin()
	if wait := h.gathering(); wait > 0 {
		return wait, nil
	}
	record := h.Node.Record()
	if wait := h.early(record); wait > 0 {
		return wait, nil
	}
	if err := h.Board.Report(ctx, record); err != nil {
		return 0, err
	}
	h.last, h.at, h.moved = record, time.Now(), time.Time{}
	if h.first.IsZero() {
		h.first = h.at
	}
	return reportEvery, nil
}

// gathering is how long progress that was seen is still gathered. A change of state ends it. The record is not
// made meanwhile: it reads every ref.
func (h *Heartbeat) gathering() time.Duration {
	if h.moved.IsZero() || string(h.Node.Health.Worst().State) != h.last.State {
		return 0
	}
	return progressWait - time.Since(h.moved)
}

// early is how long a record may wait: to the next beat where it says nothing new.
func (h *Heartbeat) early(record kafkabus.NodeRecord) time.Duration {
	beat := reportEvery - time.Since(h.at)
	switch {
	case sameNews(record, h.last):
		h.moved = time.Time{}
		return beat
	case !sameNews(withProgressOf(record, h.last), h.last):
		return 0
	case h.moved.IsZero():
		h.moved = time.Now()
	}
	return min(beat, progressWait-time.Since(h.moved))
}

// lookForTwin finds a record under our name that another process wrote: one that started later, or one that
// came after ours, which the record of our own life before can not. Both write over each other, so what
// was seen stands for some beats.
func (h *Heartbeat) lookForTwin() {
	if h.Node.Peers == nil {
		return
	}
	for _, p := range h.Node.Peers() {
		other := p.Instance == h.Node.Instance && !p.Started.Equal(h.Node.Started)
		if other && (p.Started.After(h.Node.Started) || !h.first.IsZero() && p.Seen.After(h.first)) {
			h.twin = time.Now()
		}
	}
	if h.twin.IsZero() || time.Since(h.twin) > 3*reportEvery {
		h.Node.Health.Set("twin", Condition{})
		return
	}
	h.Node.Health.Set("twin", Condition{State: Error, Why: fmt.Sprintf("another gsgit runs as %s", h.Node.Instance),
		Hint: "give each node its own --instance"})
}

// sameNews tells whether two records differ in nothing but their time.
func sameNews(a, b kafkabus.NodeRecord) bool {
	a.Time = b.Time
	return reflect.DeepEqual(a, b)
}

// withProgressOf is a record with the heads and markers of another. That there is a head at all is more than
// progress.
func withProgressOf(a, b kafkabus.NodeRecord) kafkabus.NodeRecord {
	if len(a.Heads) == len(b.Heads) {
		a.Heads = b.Heads
	}
	a.Disk, a.Applied, a.Lag = b.Disk, b.Applied, b.Lag
	return a
}
