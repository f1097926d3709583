// Package bustest is the one suite that every bus passes: the memory fake, the
// embedded broker, and Apache Kafka. It keeps the fake honest.
package bustest

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gsgit/gsgit/kafkabus"
)

// Bus is what every kind of bus can do.
type Bus interface {
	Run(ctx context.Context) error
	CaughtUp() <-chan struct{}
	Changed() <-chan struct{}
	Announce(ctx context.Context, a kafkabus.Announcement) error
	Report(ctx context.Context, n kafkabus.NodeRecord) error
	Retire(ctx context.Context, instance string) error
	Heads() []kafkabus.Announcement
	Nodes() []kafkabus.Node
	Own(key string) (kafkabus.Announcement, bool)
	Err() error
	Ping(ctx context.Context) error
	Close()
}

// Broker is one broker, or one pair of topics on a broker that many tests share,
// and what can befall it. Topics are named "commits" and "nodes".
type Broker struct {
	Open   func(t *testing.T, clientID string) Bus
	Down   func() // every link breaks, nothing answers
	Up     func()
	Delete func(t *testing.T, topic string)
	Create func(t *testing.T, topic, policy string)
}

// Run runs the suite; start gives each test a broker with no topics on it.
func Run(t *testing.T, start func(t *testing.T) Broker) {
	for name, test := range map[string]func(*testing.T, Broker){
		"nodes hear each other":          testHear,
		"latest of a key wins":           testLatest,
		"start reads everything":         testReplay,
		"empty topics are caught up":     testEmpty,
		"retired instance is forgotten":  testRetire,
		"heartbeat gives no hint":        testHeartbeat,
		"deleted topic deletes nothing":  testDeleted,
		"broker goes and comes back":     testDownUp,
		"start without a broker":         testStartDown,
		"wrong policy is named":          testPolicy,
		"many announce at once":          testMany,
		"bad records are not sent":       testRefused,
		"a cancelled call is no trouble": testCancelled,
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			// Registered first, so it runs last: after every bus was stopped.
			t.Cleanup(func() { goleak.VerifyNone(t, before) })
			test(t, start(t))
		})
	}
}

// Node is a bus that runs, under the name of its instance.
type Node struct {
	Bus
	Name string
}

// Join opens and runs a bus and waits for it to catch up.
func Join(t *testing.T, b Broker, name string) Node {
	n := join(t, b, name)
	Wait(t, name+" caught up", func() bool {
		select {
		case <-n.CaughtUp():
			return true
		default:
			return false
		}
	})
	return n
}

func join(t *testing.T, b Broker, name string) Node {
	bus := b.Open(t, name)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- bus.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run of %s returned %v", name, err)
		}
		bus.Close()
	})
	return Node{bus, name}
}

// patience is for a broker that must elect itself on a crowded machine.
const patience = time.Minute

// Wait polls until ok, and fails the test where that takes far too long.
func Wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for: %s", patience, what)
		}
	}
}
