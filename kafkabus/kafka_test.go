package kafkabus_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/segmentio/kafka-go"

	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/kafkabus/bustest"
	"github.com/gsgit/gsgit/kafkabus/testkafka"
)

func TestMain(m *testing.M) {
	code := m.Run()
	testkafka.Stop()
	os.Exit(code)
}

func TestKafka(t *testing.T) {
	broker := testkafka.Start(t)
	var tests atomic.Int32
	bustest.Run(t, func(*testing.T) bustest.Broker {
		line := &bustest.Line{}
		prefix := fmt.Sprintf("t%d-%d", os.Getpid(), tests.Add(1))
		return bustest.Broker{
			Open: func(t *testing.T, id string) bustest.Bus {
				return open(t, kafkabus.Config{Brokers: []string{broker.Addr}, Prefix: prefix, ClientID: id, Dial: line.Dial})
			},
			Down:   line.Break,
			Up:     line.Mend,
			Delete: func(t *testing.T, topic string) { deleteTopic(t, broker.Addr, prefix+"."+topic) },
			Create: func(t *testing.T, topic, policy string) { createTopic(t, broker.Addr, prefix+"."+topic, policy) },
		}
	})
}

func admin(t *testing.T, address string) *kafka.Client {
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &kafka.Client{Addr: kafka.TCP(address), Transport: transport}
}

func deleteTopic(t *testing.T, address, name string) {
	t.Helper()
	r, err := admin(t, address).DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{name}})
	if err != nil || r.Errors[name] != nil {
		t.Fatal(err, r)
	}
}

func createTopic(t *testing.T, address, name, policy string) {
	t.Helper()
	r, err := admin(t, address).CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: name, NumPartitions: 1, ReplicationFactor: 1,
		ConfigEntries: []kafka.ConfigEntry{{ConfigName: "cleanup.policy", ConfigValue: policy}},
	}}})
	if err != nil || r.Errors[name] != nil {
		t.Fatal(err, r)
	}
}

// TestKafkaKilled kills the broker and starts it again: what it had acknowledged
// is there, and both nodes find back by themselves.
func TestKafkaKilled(t *testing.T) {
	broker := testkafka.Start(t)
	nodes := bustest.Broker{Open: func(t *testing.T, id string) bustest.Bus {
		return open(t, kafkabus.Config{Brokers: []string{broker.Addr}, Prefix: "killed", ClientID: id})
	}}
	one, two := bustest.Join(t, nodes, "gs-a"), bustest.Join(t, nodes, "gs-b")
	for n := range 5 {
		if err := one.Announce(t.Context(), bustest.News("gs-a", n+2)); err != nil {
			t.Fatal(err)
		}
	}
	key := bustest.News("gs-a", 2).Key()
	broker.Kill(t)
	bustest.Wait(t, "trouble", func() bool { return two.Err() != nil })
	broker.Restart(t)
	bustest.Wait(t, "both links are back", func() bool { return two.Err() == nil && one.Err() == nil })
	if a, ok := one.Own(key); !ok || a.Commit != bustest.Commit(6) {
		t.Errorf("after the restart the topic says %+v, %v", a, ok)
	}
	bustest.Wait(t, "one announces", func() bool { return one.Announce(t.Context(), bustest.News("gs-a", 9)) == nil })
	bustest.Wait(t, "two hears", func() bool { return bustest.Head(two, key) == bustest.Commit(9) })
}
