package gsgit_test

import (
	"context"
	"path/filepath"
	"testing"
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
