package kafkabus

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestShelf holds a shelf to a plain model, over any order of live records,
// replays of a log that may have lost anything, and replays that are cut off.
func TestShelf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShelf[int]()
		known, log := map[string]int{}, map[string]int{}
		key := func() string { return fmt.Sprintf("k%d", rapid.IntRange(0, 4).Draw(t, "key")) }
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0: // a live record
				k, v := key(), rapid.Int().Draw(t, "value")
				s.put(k, &v)
				known[k], log[k] = v, v
			case 1: // a live tombstone
				k := key()
				s.put(k, nil)
				delete(known, k)
				delete(log, k)
			case 2: // a replay that the link does not survive
				s.begin()
				v := -1
				s.put(key(), &v)
				s.put(key(), nil)
				s.begin()
				s.staged = nil
			case 3: // a replay of another log
				s.begin()
				log = map[string]int{}
				for range rapid.IntRange(0, 6).Draw(t, "records") {
					k, v := key(), rapid.Int().Draw(t, "value")
					s.put(k, &v)
					known[k], log[k] = v, v
				}
				s.end()
			}
			if !maps.Equal(s.known, known) || !maps.Equal(s.log, log) {
				t.Fatalf("known %v, want %v; log %v, want %v", s.known, known, s.log, log)
			}
		}
	})
}

func TestSeen(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	before := Node{NodeRecord: NodeRecord{Time: ago(time.Hour)}, Seen: ago(time.Minute)}
	for _, c := range []struct {
		name          string
		said          time.Time
		known, replay bool
		want          time.Time
	}{
		{"live", ago(time.Hour), true, false, now},
		{"live, the sender's clock is wrong", now.Add(time.Hour), false, false, now},
		{"replayed and new to us", ago(2 * time.Hour), false, true, ago(2 * time.Hour)},
		{"replayed and heard before", ago(time.Hour), true, true, ago(time.Minute)},
		{"replayed and newer than what we heard", ago(time.Second), true, true, ago(time.Second)},
		{"replayed from the future", now.Add(time.Hour), false, true, now},
	} {
		if got := seen(NodeRecord{Time: c.said}, before, c.known, c.replay, now); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestCursorMoves(t *testing.T) {
	for _, c := range []struct {
		name          string
		next          int64
		batches       int
		highWatermark int64
		throttled     bool
		times         int
		wantPosition  int64
		wantCaught    bool
	}{
		{"behind the last record", 8, 1, 20, false, 1, 8, false},
		{"past an emptied batch", 3, 1, 20, false, 4, 9, false},
		{"nothing new", 0, 0, 5, false, 9, 5, false},
		{"a hole up to the end", 0, 0, 20, false, 2, 5, false},
		{"a hole, after patience", 0, 0, 20, false, 3, 5, true},
		{"held back by the broker", 0, 0, 20, true, 9, 5, false},
	} {
		cursor := cursor{position: 5, end: 10}
		for range c.times {
			cursor.move(c.next, c.batches, c.highWatermark, c.throttled)
		}
		if caught := cursor.position >= cursor.end; cursor.position != c.wantPosition || caught != c.wantCaught {
			t.Errorf("%s: position %d, caught %v", c.name, cursor.position, caught)
		}
	}
}

func TestCheckPolicy(t *testing.T) {
	for _, c := range []struct {
		which  topic
		policy string
		ok     bool
	}{
		{commitsTopic, "compact", true}, {commitsTopic, "delete", false}, {commitsTopic, "compact,delete", false}, {commitsTopic, "", false},
		{nodesTopic, "compact,delete", true}, {nodesTopic, "delete, compact", true}, {nodesTopic, "compact", true}, {nodesTopic, "delete", false},
	} {
		if err := c.which.checkPolicy("gsgit.x", c.policy); (err == nil) != c.ok {
			t.Errorf("%v %q: %v", c.which, c.policy, err)
		}
	}
}
