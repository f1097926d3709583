package gsgit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestG2ReadyRule(t *testing.T) {
	start := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	const hold = 30 * time.Second
	for _, c := range []struct {
		name      string
		now, last time.Duration
		r         readiness
		want      verdict
	}{
		{"complete and quiet", time.Second, time.Second, readiness{complete: true}, verdict{commit: true}},
		{"incomplete waits for the hold", time.Second, time.Second, readiness{}, verdict{wait: 29 * time.Second}},
		{"incomplete at the end of the hold", hold, time.Second, readiness{}, verdict{commit: true, forced: true}},
		{"a removal waits a second after the last event", 1100 * time.Millisecond, time.Second, readiness{complete: true, removes: true}, verdict{wait: 900 * time.Millisecond}},
		{"a removal a second later", 2 * time.Second, time.Second, readiness{complete: true, removes: true}, verdict{commit: true}},
		{"removals without end stop at the hold", hold, hold, readiness{complete: true, removes: true}, verdict{commit: true}},
		{"a removal shortly before the hold", 29500 * time.Millisecond, 29 * time.Second, readiness{complete: true, removes: true}, verdict{wait: 500 * time.Millisecond}},
	} {
		if got := judge(at(c.now), start, at(c.last), c.r, hold); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// However events fall, a batch is committed at the end of the hold at the latest, and no wait goes beyond it.
func TestG1NoBatchWaitsBeyondTheHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hold := time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "hold"))
		last := time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(t, "last"))
		now := last + time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(t, "since"))
		start := time.Unix(1, 0)
		r := readiness{complete: rapid.Bool().Draw(t, "complete"), removes: rapid.Bool().Draw(t, "removes")}
		v := judge(start.Add(now), start, start.Add(last), r, hold)
		if now >= hold && !v.commit {
			t.Fatalf("%v after the first event, beyond the hold, it waits", now)
		}
		if !v.commit && (v.wait <= 0 || now+v.wait > hold) {
			t.Fatalf("waits %v at %v of %v", v.wait, now, hold)
		}
	})
}
