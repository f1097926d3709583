package bustest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gsgit/gsgit/kafkabus"
)

// Commit returns a commit id made of a number.
func Commit(n int) string { return fmt.Sprintf("%040x", n) }

// News is the announcement of an instance's commit n on main.
func News(instance string, n int) kafkabus.Announcement {
	return kafkabus.Announcement{
		V: 1, Cluster: Commit(1), Instance: instance, Ref: "refs/heads/main", Commit: Commit(n),
		Epoch: "1700000000000000000-00c0ffee", Time: time.Date(2026, 1, 2, 3, 4, n%60, 0, time.UTC), Commits: 1,
		Summary: kafkabus.Summary{Modified: 1, Objects: []string{"layer:topp:states"}},
		Remotes: []string{"http://127.0.0.1:8418/git/"},
	}
}

// Health is the record of a node in a state.
func Health(instance, state string, when time.Time) kafkabus.NodeRecord {
	return kafkabus.NodeRecord{
		V: 1, Instance: instance, Cluster: Commit(1), Roles: []string{"watch"}, Version: "test", State: state,
		Heads: map[string]string{"refs/heads/main": Commit(2)}, Disk: Commit(2), Applied: Commit(2),
		Started: when, Time: when,
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// announce says it as the loop would: again until it is through.
func announce(t *testing.T, n Node, a kafkabus.Announcement) {
	t.Helper()
	Wait(t, n.Name+" announces", func() bool { return n.Announce(t.Context(), a) == nil })
}

// Head is the commit that a node knows under a key, "" for none.
func Head(b Bus, key string) string {
	for _, a := range b.Heads() {
		if a.Key() == key {
			return a.Commit
		}
	}
	return ""
}

func record(b Bus, instance string) (kafkabus.Node, bool) {
	for _, n := range b.Nodes() {
		if n.Instance == instance {
			return n, true
		}
	}
	return kafkabus.Node{}, false
}

func hears(t *testing.T, n Node, a kafkabus.Announcement) {
	t.Helper()
	Wait(t, n.Name+" hears "+a.Commit[36:], func() bool { return Head(n, a.Key()) == a.Commit })
}

func testHear(t *testing.T, b Broker) {
	one, two := Join(t, b, "gs-a"), Join(t, b, "gs-b")
	a, c := News("gs-a", 2), News("gs-b", 3)
	announce(t, one, a)
	announce(t, two, c)
	for _, n := range []Node{one, two} {
		hears(t, n, a)
		hears(t, n, c)
	}
	must(t, one.Report(t.Context(), Health("gs-a", "ok", time.Now())))
	Wait(t, "two knows one", func() bool { n, ok := record(two, "gs-a"); return ok && n.State == "ok" && !n.Seen.IsZero() })
	own, ok := one.Own(a.Key())
	if !ok || own.Commit != a.Commit || own.Epoch != a.Epoch || own.Summary.Objects[0] != "layer:topp:states" {
		t.Errorf("own key read back: %+v %v", own, ok)
	}
	if _, ok := two.Own("gs-c/refs/heads/main"); ok {
		t.Error("a key that nobody wrote was found")
	}
}

func testLatest(t *testing.T, b Broker) {
	one, two := Join(t, b, "gs-a"), Join(t, b, "gs-b")
	for i := range 20 {
		announce(t, one, News("gs-a", i+2))
	}
	hears(t, two, News("gs-a", 21))
	if heads := two.Heads(); len(heads) != 1 {
		t.Errorf("one key gave %d heads", len(heads))
	}
}

func testReplay(t *testing.T, b Broker) {
	one := Join(t, b, "gs-a")
	old := time.Now().Add(-time.Hour)
	for i := range 30 {
		announce(t, one, News(fmt.Sprintf("gs-%d", i%3), i+2))
	}
	must(t, one.Report(t.Context(), Health("gs-a", "ok", old)))
	late := Join(t, b, "late")
	for i := range 3 {
		if name := fmt.Sprintf("gs-%d/refs/heads/main", i); Head(late, name) != Commit(29+i) {
			t.Errorf("after catching up %s is %q", name, Head(late, name))
		}
	}
	if n, _ := record(late, "gs-a"); !n.Seen.Equal(old) {
		t.Errorf("a record that had been there for an hour counts as heard at %v", n.Seen)
	}
}

func testEmpty(t *testing.T, b Broker) {
	n := Join(t, b, "gs-a")
	if len(n.Heads()) != 0 || len(n.Nodes()) != 0 {
		t.Errorf("heads %v, nodes %v", n.Heads(), n.Nodes())
	}
	must(t, n.Ping(t.Context()))
	must(t, n.Err())
}

func testRetire(t *testing.T, b Broker) {
	one, two := Join(t, b, "gs-a"), Join(t, b, "gs-b")
	gone, branch, stays := News("gs-old", 2), News("gs-old", 3), News("gs-older", 4)
	branch.Ref = "refs/heads/test"
	for _, a := range []kafkabus.Announcement{gone, branch, stays} {
		announce(t, one, a)
		hears(t, one, a)
	}
	must(t, one.Report(t.Context(), Health("gs-old", "ok", time.Now())))
	Wait(t, "the node is known", func() bool { _, ok := record(one, "gs-old"); return ok })
	must(t, one.Retire(t.Context(), "gs-old"))
	for _, n := range []Node{one, two, Join(t, b, "late")} {
		Wait(t, n.Name+" forgets", func() bool {
			_, known := record(n, "gs-old")
			return len(n.Heads()) == 1 && !known && Head(n, stays.Key()) == stays.Commit
		})
	}
	if err := one.Retire(t.Context(), "nobody"); err == nil {
		t.Error("an unknown instance was retired")
	}
}

// drain takes the hints that are there.
func drain(b Bus) (some bool) {
	select {
	case <-b.Changed():
		return true
	default:
		return false
	}
}

func testHeartbeat(t *testing.T, b Broker) {
	one, two := Join(t, b, "gs-a"), Join(t, b, "gs-b")
	start := time.Now()
	must(t, one.Report(t.Context(), Health("gs-a", "ok", start)))
	Wait(t, "the first record", func() bool { _, ok := record(two, "gs-a"); return ok })
	Wait(t, "its hint", func() bool { return drain(two) })
	first, _ := record(two, "gs-a")
	for beat := time.Duration(1); beat <= 3; beat++ {
		h := Health("gs-a", "ok", start)
		h.Time = h.Time.Add(beat * time.Second)
		h.Disk, h.Applied, h.Lag = Commit(int(beat)), Commit(int(beat)), int(beat)
		must(t, one.Report(t.Context(), h))
		Wait(t, "a heartbeat", func() bool { n, _ := record(two, "gs-a"); return n.Time.Equal(h.Time) })
	}
	if n, _ := record(two, "gs-a"); !n.Seen.After(first.Seen) {
		t.Error("the heartbeat was not counted as one")
	}
	if drain(two) {
		t.Error("a heartbeat without news woke somebody")
	}
	must(t, one.Report(t.Context(), Health("gs-a", "held", start)))
	Wait(t, "the hint of a new state", func() bool { return drain(two) })
}

func testDeleted(t *testing.T, b Broker) {
	one, two := Join(t, b, "gs-a"), Join(t, b, "gs-b")
	a, c := News("gs-a", 2), News("gs-b", 3)
	announce(t, one, a)
	announce(t, two, c)
	hears(t, one, c)
	hears(t, two, a)
	b.Delete(t, "commits")
	Wait(t, "one notices that its record is gone", func() bool { _, ok := one.Own(a.Key()); return !ok })
	if Head(one, a.Key()) != a.Commit || Head(one, c.Key()) != c.Commit {
		t.Error("an empty topic made a node forget heads")
	}
	announce(t, one, News("gs-a", 4)) // makes the topic anew
	hears(t, two, News("gs-a", 4))
	Wait(t, "one reads its record back", func() bool { _, ok := one.Own(a.Key()); return ok })
	Wait(t, "two notices that its record is gone", func() bool { _, ok := two.Own(c.Key()); return !ok })
	if Head(two, c.Key()) != c.Commit {
		t.Error("two forgot its own head")
	}
}

type hinter interface{ Hint() string }

func testDownUp(t *testing.T, b Broker) {
	one, two := Join(t, b, "gs-a"), Join(t, b, "gs-b")
	announce(t, one, News("gs-a", 2))
	hears(t, two, News("gs-a", 2))
	b.Down()
	Wait(t, "two notices", func() bool { return two.Err() != nil })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := one.Announce(ctx, News("gs-a", 3))
	if err == nil {
		t.Fatal("announced to a broker that is down")
	}
	var h hinter
	if !errors.As(one.Err(), &h) || h.Hint() == "" {
		t.Errorf("no hint in: %v", one.Err())
	}
	if two.Ping(ctx) == nil {
		t.Error("a broker that is down answered")
	}
	if Head(two, "gs-a/refs/heads/main") != Commit(2) {
		t.Error("two forgot what it knew")
	}
	for drain(two) {
	}
	b.Up()
	Wait(t, "the hint that the link is back", func() bool { return drain(two) })
	announce(t, one, News("gs-a", 3))
	hears(t, two, News("gs-a", 3))
	for _, n := range []Node{one, two} {
		Wait(t, "no more trouble", func() bool { return n.Err() == nil })
	}
}

func testStartDown(t *testing.T, b Broker) {
	b.Down()
	n := join(t, b, "gs-a")
	Wait(t, "trouble", func() bool { return n.Err() != nil })
	select {
	case <-n.CaughtUp():
		t.Error("caught up without a broker")
	default:
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := n.Retire(ctx, "gs-b"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("retire before catching up: %v", err)
	}
	b.Up()
	Wait(t, "caught up", func() bool {
		select {
		case <-n.CaughtUp():
			return true
		default:
			return false
		}
	})
	announce(t, n, News("gs-a", 2))
	hears(t, n, News("gs-a", 2))
}

func testPolicy(t *testing.T, b Broker) {
	b.Create(t, "commits", "delete")
	n := Join(t, b, "gs-a")
	var err error
	var named interface {
		hinter
		Permanent() bool
	}
	Wait(t, "the refusal", func() bool {
		err = n.Announce(t.Context(), News("gs-a", 2))
		return errors.As(err, &named) && named.Permanent()
	})
	if !strings.Contains(err.Error(), "cleanup.policy=delete") || !strings.Contains(named.Hint(), "cleanup.policy=[compact]") {
		t.Errorf("%v (%s)", err, named.Hint())
	}
	if n.Err() == nil {
		t.Error("status would show no trouble")
	}
	must(t, n.Report(t.Context(), Health("gs-a", "ok", time.Now())))
}

func testMany(t *testing.T, b Broker) {
	const nodes, commits = 4, 10
	all := make([]Node, nodes)
	for i := range all {
		all[i] = Join(t, b, fmt.Sprintf("gs-%d", i))
	}
	var talking sync.WaitGroup
	for _, n := range all {
		talking.Go(func() {
			for c := range commits {
				for n.Announce(t.Context(), News(n.Name, c+2)) != nil {
				}
			}
		})
	}
	talking.Wait()
	for _, n := range all {
		for _, other := range all {
			hears(t, n, News(other.Name, commits+1))
		}
	}
}

func testRefused(t *testing.T, b Broker) {
	n := Join(t, b, "gs-a")
	bad := News("gs-a", 2)
	bad.Commit = "HEAD"
	if err := n.Announce(t.Context(), bad); err == nil {
		t.Error("an announcement without a commit id was sent")
	}
	if err := n.Report(t.Context(), Health("../gs-a", "ok", time.Now())); err == nil {
		t.Error("a node with an impossible name reported")
	}
	must(t, n.Err())
}

func testCancelled(t *testing.T, b Broker) {
	n := Join(t, b, "gs-a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Announce(ctx, News("gs-a", 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("announced after being told to stop: %v", err)
	}
	must(t, n.Err())
}
