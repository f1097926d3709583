package kafkabus_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/kafkabus/bustest"
)

func TestMemory(t *testing.T) {
	bustest.Run(t, func(*testing.T) bustest.Broker {
		m := kafkabus.NewMemory()
		return bustest.Broker{
			Open:   func(_ *testing.T, id string) bustest.Bus { return m.Bus(id) },
			Down:   func() { m.SetDown(true) },
			Up:     func() { m.SetDown(false) },
			Delete: func(_ *testing.T, topic string) { m.DeleteTopic(topic) },
			Create: func(_ *testing.T, topic, policy string) { m.CreateTopic(topic, policy) },
		}
	})
}

func TestEmbedded(t *testing.T) {
	bustest.Run(t, func(t *testing.T) bustest.Broker {
		e := startEmbedded(t)
		line := &bustest.Line{}
		return bustest.Broker{
			Open: func(t *testing.T, id string) bustest.Bus {
				return open(t, kafkabus.Config{Brokers: []string{e.Addr()}, ClientID: id, Dial: line.Dial})
			},
			Down: line.Break,
			Up:   line.Mend,
			Delete: func(t *testing.T, topic string) {
				if err := e.Cluster().DeleteTopic("gsgit." + topic); err != nil {
					t.Fatal(err)
				}
			},
			Create: func(t *testing.T, topic, policy string) {
				if err := e.Cluster().CreateTopic("gsgit."+topic, 1, map[string]string{"cleanup.policy": policy}); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func startEmbedded(t *testing.T, options ...kafkabus.EmbeddedOption) *kafkabus.Embedded {
	t.Helper()
	e, err := kafkabus.StartEmbedded("127.0.0.1:0", "", testLogger(t), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// open opens a bus with waits short enough for a test.
func open(t *testing.T, c kafkabus.Config) *kafkabus.Bus {
	t.Helper()
	c.Logger = testLogger(t)
	c.RetryMin, c.RetryMax = 10*time.Millisecond, 200*time.Millisecond
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	b, err := kafkabus.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}
