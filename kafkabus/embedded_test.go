package kafkabus_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/kafkabus/bustest"
)

func TestEmbeddedPortTaken(t *testing.T) {
	e := startEmbedded(t)
	other, err := kafkabus.StartEmbedded(e.Addr(), "", nil)
	if err == nil {
		other.Close()
		t.Fatal("two brokers listen on one port")
	}
	if !strings.Contains(hintOf(err), "--broker-listen") || !permanent(err) {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
}

func TestEmbeddedRefuses(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.org:0", "9092", ""} {
		e, err := kafkabus.StartEmbedded(listen, "", nil)
		if err == nil {
			e.Close()
			t.Errorf("%q: started without a user", listen)
		} else if !strings.Contains(hintOf(err), "--broker-listen") {
			t.Errorf("%q: %v (%s)", listen, err, hintOf(err))
		}
	}
	if e, err := kafkabus.StartEmbedded("127.0.0.1:0", "nowhere", nil); err == nil {
		e.Close()
		t.Error("advertised an address without a port")
	}
}

func TestEmbeddedAdvertises(t *testing.T) {
	e, err := kafkabus.StartEmbedded("127.0.0.1:0", "localhost:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	host, port, err := net.SplitHostPort(e.Addr())
	if err != nil || host != "localhost" || port == "0" {
		t.Errorf("address %q", e.Addr())
	}
	works(t, e)

	everywhere, err := kafkabus.StartEmbedded("0.0.0.0:0", "", nil, kafkabus.WithUser("gsgit", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer everywhere.Close()
	if host, _, _ := net.SplitHostPort(everywhere.Addr()); host == "0.0.0.0" || host == "::" {
		t.Errorf("nobody can come to %q", everywhere.Addr())
	}
}

// TestEmbeddedStartsAgain is a primary that restarts: its broker comes back empty
// on the same port, and what was known elsewhere stays known.
func TestEmbeddedStartsAgain(t *testing.T) {
	first := startEmbedded(t)
	address := first.Addr()
	broker := bustest.Broker{Open: func(t *testing.T, id string) bustest.Bus {
		return open(t, kafkabus.Config{Brokers: []string{address}, ClientID: id})
	}}
	replica := bustest.Join(t, broker, "gs-b")
	primary := open(t, kafkabus.Config{Brokers: []string{address}})
	defer primary.Close()
	for n := range 5 {
		if err := primary.Announce(t.Context(), bustest.News("gs-a", n+2)); err != nil {
			t.Fatal(err)
		}
	}
	key := bustest.News("gs-a", 6).Key()
	bustest.Wait(t, "heard", func() bool { return bustest.Head(replica, key) == bustest.Commit(6) })
	first.Close()
	bustest.Wait(t, "trouble", func() bool { return replica.Err() != nil })

	second, err := kafkabus.StartEmbedded(address, "", testLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	bustest.Wait(t, "the link is back", func() bool { return replica.Err() == nil })
	if bustest.Head(replica, key) != bustest.Commit(6) {
		t.Error("the replica forgot the head")
	}
	// More records than the old log had, so that no offset gives the new one away.
	for n := range 9 {
		if err := primary.Announce(t.Context(), bustest.News("gs-a", n+10)); err != nil {
			t.Fatal(err)
		}
	}
	bustest.Wait(t, "heard again", func() bool { return bustest.Head(replica, key) == bustest.Commit(18) })
}

// TestEmbeddedCompacts: a node that runs for months beats its heart a million
// times into this process's memory.
func TestEmbeddedCompacts(t *testing.T) {
	e := startEmbedded(t)
	broker := bustest.Broker{Open: func(t *testing.T, id string) bustest.Bus {
		return open(t, kafkabus.Config{Brokers: []string{e.Addr()}, ClientID: id})
	}}
	n := bustest.Join(t, broker, "gs-a")
	const beats = 300
	for i := range beats {
		if err := n.Announce(t.Context(), bustest.News("gs-a", i+2)); err != nil {
			t.Fatal(err)
		}
		if err := n.Report(t.Context(), bustest.Health("gs-a", "ok", time.Unix(int64(i), 0))); err != nil {
			t.Fatal(err)
		}
	}
	e.Cluster().Compact() // by itself once an hour
	for _, topic := range []string{"gsgit.commits", "gsgit.nodes"} {
		if size := e.Cluster().PartitionInfo(topic, 0).NumBytes; size > 4<<10 {
			t.Errorf("%s holds %d bytes for %d records of one key", topic, size, beats)
		}
	}
	late := bustest.Join(t, broker, "late")
	if key := bustest.News("gs-a", 2).Key(); bustest.Head(late, key) != bustest.Commit(beats+1) {
		t.Errorf("after compaction the head is %s", bustest.Head(late, key))
	}
	// Those who listened all along hear what comes next.
	if err := late.Announce(t.Context(), bustest.News("gs-b", 2)); err != nil {
		t.Fatal(err)
	}
	bustest.Wait(t, "the next one", func() bool { return bustest.Head(n, bustest.News("gs-b", 2).Key()) != "" })
}
