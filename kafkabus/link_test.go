package kafkabus_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/kafkabus/bustest"
)

// over is an embedded broker behind a line that can be broken.
func over(t *testing.T, line *bustest.Line) (*kafkabus.Embedded, bustest.Broker) {
	e := startEmbedded(t)
	return e, bustest.Broker{Open: func(t *testing.T, id string) bustest.Bus {
		return open(t, kafkabus.Config{
			Brokers: []string{e.Addr()}, ClientID: id, Dial: line.Dial,
			Timeout: 500 * time.Millisecond, PollWait: 200 * time.Millisecond,
		})
	}}
}

// TestBlackHole swallows what is sent, as a firewall does that lost its state:
// no error ever comes, so only deadlines help.
func TestBlackHole(t *testing.T) {
	line := &bustest.Line{}
	_, broker := over(t, line)
	one, two := bustest.Join(t, broker, "gs-a"), bustest.Join(t, broker, "gs-b")
	if err := one.Announce(t.Context(), bustest.News("gs-a", 2)); err != nil {
		t.Fatal(err)
	}
	line.Swallow()
	bustest.Wait(t, "two notices", func() bool { return two.Err() != nil })
	err := one.Announce(t.Context(), bustest.News("gs-a", 3))
	if err == nil || hintOf(err) == "" {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
	line.Mend()
	bustest.Wait(t, "one announces", func() bool { return one.Announce(t.Context(), bustest.News("gs-a", 4)) == nil })
	bustest.Wait(t, "two hears", func() bool { return bustest.Head(two, "gs-a/refs/heads/main") == bustest.Commit(4) })
}

// TestIdleIsQuiet counts what a bus asks of the broker while nothing happens:
// one fetch for each topic and poll, and nothing else.
func TestIdleIsQuiet(t *testing.T) {
	line := &bustest.Line{}
	e, broker := over(t, line)
	n := bustest.Join(t, broker, "gs-a")
	if err := n.Announce(t.Context(), bustest.News("gs-a", 2)); err != nil {
		t.Fatal(err)
	}
	if err := n.Report(t.Context(), bustest.Health("gs-a", "ok", time.Now())); err != nil {
		t.Fatal(err)
	}
	bustest.Wait(t, "both topics are followed", func() bool { return len(n.Heads()) == 1 && len(n.Nodes()) == 1 })
	var fetches, others atomic.Int64
	e.Cluster().Control(func(r kmsg.Request) (kmsg.Response, error, bool) {
		if r.Key() == kmsg.Fetch.Int16() {
			fetches.Add(1)
		} else {
			others.Add(1)
		}
		return nil, nil, false
	})
	dialled := line.Dialled()
	bustest.Wait(t, "ten polls", func() bool { return fetches.Load() >= 10 })
	if line.Dialled() != dialled || others.Load() > 3 { // metadata may just have been due
		t.Errorf("%d new connections, %d requests that were no fetches", line.Dialled()-dialled, others.Load())
	}
}

// TestUsedLinkDiesUnnoticed: the connections of a broker that was restarted are
// dead without a word; the next announcement gets through all the same.
func TestUsedLinkDiesUnnoticed(t *testing.T) {
	line := &bustest.Line{}
	_, broker := over(t, line)
	b := broker.Open(t, "gs-a")
	defer b.Close()
	for n := range 3 {
		if err := b.Announce(t.Context(), bustest.News("gs-a", n+2)); err != nil {
			t.Fatal(err)
		}
		line.Break()
		line.Mend()
	}
}

// TestStrangersRecords puts what a stranger may write on the topics.
func TestStrangersRecords(t *testing.T) {
	line := &bustest.Line{}
	e, broker := over(t, line)
	n := bustest.Join(t, broker, "gs-a")
	if err := n.Announce(t.Context(), bustest.News("gs-a", 2)); err != nil {
		t.Fatal(err)
	}
	if err := n.Report(t.Context(), bustest.Health("gs-a", "ok", time.Now())); err != nil {
		t.Fatal(err)
	}
	good, err := kafkabus.EncodeAnnouncement(bustest.News("gs-b", 3))
	if err != nil {
		t.Fatal(err)
	}
	client := admin(t, e.Addr())
	for _, topic := range []string{"gsgit.commits", "gsgit.nodes"} {
		for key, value := range map[string]string{
			"": "", "gs-a/refs/heads/main": "{", "gs-a": "nonsense", "gs-x": string(good), "\xff\x1b[2J": "\x00",
		} {
			produce(t, client, topic, key, value)
		}
	}
	if err := n.Announce(t.Context(), bustest.News("gs-c", 4)); err != nil {
		t.Fatal(err)
	}
	if err := n.Report(t.Context(), bustest.Health("gs-c", "ok", time.Now())); err != nil {
		t.Fatal(err)
	}
	bustest.Wait(t, "the last records", func() bool { return bustest.Head(n, "gs-c/refs/heads/main") != "" && len(n.Nodes()) == 2 })
	if heads := n.Heads(); len(heads) != 2 || heads[0].Commit != bustest.Commit(2) {
		t.Errorf("heads %+v", heads)
	}
	if nodes := n.Nodes(); nodes[0].State != "ok" {
		t.Errorf("nodes %+v", nodes)
	}
}

func produce(t *testing.T, client *kafka.Client, topic, key, value string) {
	t.Helper()
	r, err := client.Produce(t.Context(), &kafka.ProduceRequest{
		Topic: topic, RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(kafka.Record{Key: kafka.NewBytes([]byte(key)), Value: kafka.NewBytes([]byte(value))}),
	})
	if err != nil || r.Error != nil {
		t.Fatal(err, r)
	}
}

// TestSteps holds the names of the crash points.
func TestSteps(t *testing.T) {
	e := startEmbedded(t)
	var steps []string
	b := open(t, kafkabus.Config{Brokers: []string{e.Addr()}, Step: func(name string) { steps = append(steps, name) }})
	defer b.Close()
	for range 2 {
		if err := b.Announce(t.Context(), bustest.News("gs-a", 2)); err != nil {
			t.Fatal(err)
		}
	}
	if len(steps) != 3 || steps[0] != "kafkabus.topic" || steps[1] != "kafkabus.written" || steps[2] != "kafkabus.written" {
		t.Errorf("steps %v", steps)
	}
}

func BenchmarkAnnounceToChanged(b *testing.B) {
	e, err := kafkabus.StartEmbedded("127.0.0.1:0", "", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	benchmark(b, e.Addr())
}

// benchmark measures from Announce on one bus to the head on another, the median of a series.
func benchmark(b *testing.B, address string) {
	ctx, cancel := context.WithCancel(b.Context())
	one, err := kafkabus.Open(kafkabus.Config{Brokers: []string{address}, Prefix: "benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	two, err := kafkabus.Open(kafkabus.Config{Brokers: []string{address}, Prefix: "benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	if err := one.Announce(ctx, bustest.News("gs-a", 1)); err != nil {
		b.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- two.Run(ctx) }()
	<-two.CaughtUp()
	var took []time.Duration
	for n := 2; n < 203; n++ {
		news, begin := bustest.News("gs-a", n), time.Now()
		if err := one.Announce(ctx, news); err != nil {
			b.Fatal(err)
		}
		for bustest.Head(two, news.Key()) != news.Commit {
			<-two.Changed()
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/float64(time.Millisecond), "p50-ms")
	b.ReportMetric(0, "ns/op")
	cancel()
	<-done
	one.Close()
	two.Close()
}

func TestClosedBusSaysSo(t *testing.T) {
	e := startEmbedded(t)
	b := open(t, kafkabus.Config{Brokers: []string{e.Addr()}})
	b.Close()
	if err := b.Announce(t.Context(), bustest.News("gs-a", 2)); !permanent(err) {
		t.Errorf("announced on a closed bus: %v", err)
	}
}

// TestStallInsideSASL: kafka-go clears every deadline before the SASL exchange. A
// broker that stalls there holds nobody for longer than the exchange may take.
func TestStallInsideSASL(t *testing.T) {
	e := startEmbedded(t, kafkabus.WithUser("gsgit", "secret"))
	var stalled atomic.Bool
	stalled.Store(true)
	e.Cluster().ControlKey(kmsg.SASLAuthenticate.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		e.Cluster().KeepControl()
		return nil, nil, stalled.Load() // handled, and never answered
	})
	broker := bustest.Broker{Open: func(t *testing.T, id string) bustest.Bus {
		return open(t, kafkabus.Config{
			Brokers: []string{e.Addr()}, ClientID: id, Timeout: 200 * time.Millisecond, PollWait: 100 * time.Millisecond,
			Security: kafkabus.Security{Protocol: "SASL_PLAINTEXT", Username: "gsgit", PasswordFile: file(t, "password", "secret")},
		})
	}}
	b := broker.Open(t, "gs-a")
	defer b.Close()
	if err := b.Announce(t.Context(), bustest.News("gs-a", 2)); err == nil || hintOf(err) == "" {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
	stalled.Store(false)
	if err := b.Announce(t.Context(), bustest.News("gs-a", 2)); err != nil {
		t.Error(err)
	}
	n := bustest.Join(t, broker, "gs-b")
	if len(n.Heads()) != 1 {
		t.Errorf("heads %v", n.Heads())
	}
}

// TestMissingTopicIsLookedForTwice: a broker that has just started says that it
// has never heard of the topics. Nobody may take them for empty.
func TestMissingTopicIsLookedForTwice(t *testing.T) {
	line := &bustest.Line{}
	e, broker := over(t, line)
	first := broker.Open(t, "gs-a")
	if err := first.Announce(t.Context(), bustest.News("gs-a", 2)); err != nil {
		t.Fatal(err)
	}
	first.Close()
	var asked atomic.Int64
	e.Cluster().ControlKey(kmsg.Metadata.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if asked.Add(1) > 2 { // the first question of each of the two topics' links
			return nil, nil, false
		}
		e.Cluster().KeepControl()
		return ignorant(t, r.(*kmsg.MetadataRequest), e.Addr()), nil, true
	})
	n := bustest.Join(t, broker, "gs-b")
	if asked.Load() <= 2 {
		t.Fatal("the broker was not asked")
	}
	if len(n.Heads()) != 1 {
		t.Error("caught up on a topic that was not read")
	}
}

// ignorant is the answer of a broker that knows itself and no topic.
func ignorant(t *testing.T, r *kmsg.MetadataRequest, address string) kmsg.Response {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Error(err)
	}
	broker := kmsg.NewMetadataResponseBroker()
	broker.Host = host
	if n, err := strconv.Atoi(port); err == nil {
		broker.Port = int32(n)
	}
	answer := r.ResponseKind().(*kmsg.MetadataResponse)
	answer.Brokers = append(answer.Brokers, broker)
	for _, asked := range r.Topics {
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic, topic.ErrorCode = asked.Topic, int16(kafka.UnknownTopicOrPartition)
		answer.Topics = append(answer.Topics, topic)
	}
	return answer
}

// TestAsksForItsOwnTopics: a cluster may have a hundred thousand others.
func TestAsksForItsOwnTopics(t *testing.T) {
	e, broker := over(t, &bustest.Line{})
	e.Cluster().ControlKey(kmsg.Metadata.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if n := len(r.(*kmsg.MetadataRequest).Topics); n != 2 {
			t.Errorf("asked for %d topics, where 0 is all of them", n)
		}
		return nil, nil, false
	})
	n := bustest.Join(t, broker, "gs-a")
	if err := n.Announce(t.Context(), bustest.News("gs-a", 2)); err != nil {
		t.Fatal(err)
	}
}

// TestStopLeavesNothing stops a bus in the middle of a long poll, with a broker
// that stays: the connections must be closed from this side.
func TestStopLeavesNothing(t *testing.T) {
	e := startEmbedded(t)
	before := goleak.IgnoreCurrent()
	b := open(t, kafkabus.Config{Brokers: []string{e.Addr()}, PollWait: 10 * time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	if err := b.Announce(ctx, bustest.News("gs-a", 2)); err != nil {
		t.Fatal(err)
	}
	bustest.Wait(t, "it is read", func() bool { return len(b.Heads()) == 1 })
	cancel()
	<-done
	b.Close()
	goleak.VerifyNone(t, before)
}
