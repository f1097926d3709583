package watcher

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

const (
	settle = 100 * time.Millisecond
	limit  = time.Second
)

// bubble runs a test of the pauses with time under its control.
func bubble(t *testing.T, test func(t *testing.T, say func(paths ...string), out <-chan Batch)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		q := &quiet{settle: settle, limit: limit, in: make(chan hint), out: make(chan Batch)}
		go q.run(ctx)
		test(t, func(paths ...string) { q.in <- hint{paths: paths, at: time.Now()} }, q.out)
	})
}

// none fails if a batch is to be had now.
func none(t *testing.T, out <-chan Batch) {
	t.Helper()
	synctest.Wait()
	select {
	case b := <-out:
		t.Fatalf("a batch too early: %v", b)
	default:
	}
}

func TestABatchComesOnceItIsQuiet(t *testing.T) {
	bubble(t, func(t *testing.T, say func(...string), out <-chan Batch) {
		begun := time.Now()
		say("b")
		time.Sleep(60 * time.Millisecond)
		say("a", "b")
		time.Sleep(settle - 1)
		none(t, out)
		b := <-out
		if took := time.Since(begun); took != 60*time.Millisecond+settle {
			t.Errorf("it came after %v", took)
		}
		if !slices.Equal(b.Paths, []string{"a", "b"}) || !b.First.Equal(begun) || b.Last.Sub(b.First) != 60*time.Millisecond {
			t.Errorf("it is %v", b)
		}
		time.Sleep(time.Hour)
		none(t, out)
	})
}

func TestASteadyStreamIsCutAtTheCap(t *testing.T) {
	bubble(t, func(t *testing.T, say func(...string), out <-chan Batch) {
		begun, got := time.Now(), []time.Duration{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 3 {
				<-out
				got = append(got, time.Since(begun))
			}
		}()
		for i := range 60 {
			say(fmt.Sprint(i))
			time.Sleep(50 * time.Millisecond)
		}
		<-done
		want := []time.Duration{limit, 2*limit + 0, 3 * limit}
		for i := range want {
			if d := got[i] - want[i]; d < 0 || d > settle {
				t.Errorf("batch %d came after %v, want about %v", i, got[i], want[i])
			}
		}
	})
}

func TestWhatIsNotTakenIsMergedAndSettlesAnew(t *testing.T) {
	bubble(t, func(t *testing.T, say func(...string), out <-chan Batch) {
		begun := time.Now()
		say("a")
		time.Sleep(time.Minute) // the taker is busy
		say("b")
		none(t, out) // the edit goes on
		b := <-out
		if took := time.Since(begun); took != time.Minute+settle {
			t.Errorf("it came after %v", took)
		}
		if !slices.Equal(b.Paths, []string{"a", "b"}) || !b.First.Equal(begun) {
			t.Errorf("it is %v", b)
		}
	})
}

func TestABusyTakerDoesNotStopTheCap(t *testing.T) {
	bubble(t, func(t *testing.T, say func(...string), out <-chan Batch) {
		say("a")
		time.Sleep(time.Minute)
		begun := time.Now()
		go func() {
			for range 100 {
				say("b")
				time.Sleep(settle / 2)
			}
		}()
		<-out
		if took := time.Since(begun); took > limit+settle {
			t.Errorf("a steady stream after a pause held the batch for %v", took)
		}
		time.Sleep(time.Minute)
		<-out
	})
}

func TestLossIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		q := &quiet{settle: settle, limit: limit, in: make(chan hint), out: make(chan Batch)}
		go q.run(ctx)
		q.in <- hint{lost: true, at: time.Now()}
		q.in <- hint{paths: []string{"a"}, at: time.Now()}
		if b := <-q.out; !b.Lost || !slices.Equal(b.Paths, []string{"a"}) {
			t.Errorf("the first batch is %v", b)
		}
		q.in <- hint{paths: []string{"a"}, at: time.Now()}
		if b := <-q.out; b.Lost {
			t.Error("the loss was told twice")
		}
	})
}

func TestPathsBelowADirectoryAreLeftOut(t *testing.T) {
	var p pending
	p.add(hint{paths: []string{"a/b/c", "a/b", "a-b", "a/bc", "x/y/z", "x"}}, false)
	if got := p.batch().Paths; !slices.Equal(got, []string{"a-b", "a/b", "a/bc", "x"}) {
		t.Errorf("left are %q", got)
	}
	p.add(hint{paths: []string{""}}, false)
	if got := p.batch().Paths; !slices.Equal(got, []string{""}) {
		t.Errorf("below the root left are %q", got)
	}
}

// Whatever comes at whatever time and however the taker dawdles, everything
// told is in a batch, in time.
func TestEveryHintComesInTime(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		gaps := rapid.SliceOfN(rapid.IntRange(0, 300), 1, 30).Draw(r, "gaps")
		busy := rapid.SliceOfN(rapid.IntRange(0, 2000), 40, 40).Draw(r, "busy")
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			q := &quiet{settle: settle, limit: limit, in: make(chan hint), out: make(chan Batch)}
			go q.run(ctx)
			go func() {
				for i, gap := range gaps {
					time.Sleep(time.Duration(gap) * time.Millisecond)
					q.in <- hint{paths: []string{fmt.Sprintf("%03d", i)}, at: time.Now()}
				}
			}()
			var seen []string
			for i := 0; len(seen) < len(gaps); i++ {
				asked := time.Now()
				b := <-q.out
				now := time.Now()
				if pause := now.Sub(b.Last); pause < settle && now.Sub(b.First) < limit {
					t.Fatalf("handed out %v after its last event, %v after its first", pause, now.Sub(b.First))
				}
				if late := now.Sub(later(asked, b.First)); late > limit+settle {
					t.Fatalf("handed out %v late", late)
				}
				seen = append(seen, b.Paths...)
				time.Sleep(time.Duration(busy[i]) * time.Millisecond)
			}
			slices.Sort(seen)
			if len(slices.Compact(seen)) != len(gaps) {
				t.Fatalf("told were %v", seen)
			}
		})
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
