package gsgit_test

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
)

// quietBoard takes records and tells nobody.
type quietBoard struct{}

func (quietBoard) Report(context.Context, kafkabus.NodeRecord) error { return nil }

// beating is a node whose peers the test writes.
func beating(t *testing.T, started time.Time) (*gsgit.Heartbeat, *[]kafkabus.Node) {
	t.Helper()
	s, err := gitstore.Create(filepath.Join(t.TempDir(), ".git"), gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	peers := &[]kafkabus.Node{}
	n := &gsgit.Node{Instance: "gs-a", Store: s, Health: gsgit.NewHealth(nil), Started: started, Peers: func() []kafkabus.Node { return *peers }}
	return &gsgit.Heartbeat{Node: n, Board: quietBoard{}}, peers
}

func TestTwinIsToldApartFromTheLifeBefore(t *testing.T) {
	started := time.Now()
	for _, c := range []struct {
		name    string
		started time.Time     // of the other record
		seen    time.Duration // after our first beat
		want    gsgit.State
	}{
		{"our own record", started, time.Second, gsgit.OK},
		{"the record of our life before", started.Add(-time.Hour), -time.Second, gsgit.OK},
		{"an older process that reports on", started.Add(-time.Hour), time.Second, gsgit.Error},
		{"a younger process", started.Add(time.Hour), -time.Second, gsgit.Error},
	} {
		h, peers := beating(t, started)
		if _, err := h.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		*peers = []kafkabus.Node{{NodeRecord: kafkabus.NodeRecord{Instance: "gs-a", Started: c.started.UTC()}, Seen: time.Now().Add(c.seen)}}
		if _, err := h.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := h.Node.Health.Worst(); got.State != c.want {
			t.Errorf("%s: the node is %s (%s), want %s", c.name, got.State, got.Why, c.want)
		}
		*peers = nil // written over by our own: what was seen stands for some beats
		if _, err := h.Sync(t.Context()); err != nil || h.Node.Health.Worst().State != c.want {
			t.Errorf("%s: afterwards the node is %s, %v", c.name, h.Node.Health.Worst().State, err)
		}
	}
}

// reports keeps the records that were taken to it.
type reports struct{ taken []kafkabus.NodeRecord }

func (r *reports) Report(_ context.Context, n kafkabus.NodeRecord) error {
	r.taken = append(r.taken, n)
	return nil
}

// One change moves several markers, each at its moment: that is one record, a second later, and a stream of changes is
// one a second. A change of state waits for nothing, and none of it puts off a beat.
func TestProgressIsGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := beating(t, time.Now())
		told := &reports{}
		h.Board = told
		synced := func(want int) time.Duration {
			t.Helper()
			again, err := h.Sync(t.Context())
			if err != nil || len(told.taken) != want {
				t.Fatalf("%d records were written, want %d (%v)", len(told.taken), want, err)
			}
			return again
		}
		at := gitstore.Hash{}
		moves := func() {
			t.Helper()
			next := at
			next[19]++
			if err := h.Node.Store.SetRef(t.Context(), gsgit.AppliedRef, at, next); err != nil {
				t.Fatal(err)
			}
			at = next
		}
		synced(1)
		moves()
		if wait := synced(1); wait != time.Second {
			t.Errorf("progress is told after %v", wait)
		}
		time.Sleep(time.Second / 2)
		moves()
		time.Sleep(synced(1))
		if synced(2); told.taken[1].Applied != at.String() {
			t.Errorf("told was %s, and applied is %s", told.taken[1].Applied, at)
		}
		for range 40 {
			time.Sleep(time.Second / 4)
			moves()
			if _, err := h.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(told.taken); n < 8 || n > 12 {
			t.Errorf("ten seconds of changes were %d records", n)
		}
		h.Node.Health.Set("part", gsgit.Condition{State: gsgit.Held})
		before := len(told.taken)
		if wait := synced(before + 1); wait != 15*time.Second {
			t.Errorf("the next beat is in %v", wait)
		}
		time.Sleep(15 * time.Second)
		synced(before + 2)
	})
}
