package gsgit_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gsgit/gsgit"
)

// scripted is a task that answers by a script and notes when it was called.
type scripted struct {
	start  time.Time
	called []time.Duration
	answer func(n int) (time.Duration, error)
}

func (s *scripted) Sync(context.Context) (time.Duration, error) {
	s.called = append(s.called, time.Since(s.start))
	return s.answer(len(s.called))
}

// calls runs a loop in a bubble for d and returns when its task was called.
func calls(t *testing.T, d time.Duration, answer func(n int) (time.Duration, error), meanwhile func(l *gsgit.Loop)) []time.Duration {
	t.Helper()
	var called []time.Duration
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		task := &scripted{start: time.Now(), answer: answer}
		loop := gsgit.NewLoop("test", task, slog.New(slog.DiscardHandler), nil)
		go loop.Run(ctx)
		if meanwhile != nil {
			meanwhile(loop)
		}
		<-ctx.Done()
		synctest.Wait()
		called = task.called
	})
	return called
}

func TestLoopBacksOffAndRecovers(t *testing.T) {
	got := calls(t, 10*time.Second, func(n int) (time.Duration, error) {
		if n < 4 {
			return 0, errors.New("the broker is down")
		}
		return 0, nil
	}, nil)
	want := []time.Duration{0, 250 * time.Millisecond, 750 * time.Millisecond, 1750 * time.Millisecond}
	if !slices.Equal(got, want) {
		t.Errorf("called at %v, want %v", got, want)
	}
}

func TestLoopDoesNotHammerWhatARetryCanNotMend(t *testing.T) {
	got := calls(t, 50*time.Second, func(int) (time.Duration, error) {
		return 0, &gsgit.Problem{State: gsgit.Diverged, Why: "two histories"}
	}, nil)
	if want := []time.Duration{0, 30 * time.Second}; !slices.Equal(got, want) {
		t.Errorf("called at %v, want %v", got, want)
	}
}

func TestLoopPollsOnThoughARetryCanNotMend(t *testing.T) {
	got := calls(t, 25*time.Second, func(int) (time.Duration, error) {
		return 10 * time.Second, &gsgit.Problem{State: gsgit.Refused, Why: "a commit is not applied"}
	}, nil)
	if want := []time.Duration{0, 10 * time.Second, 20 * time.Second}; !slices.Equal(got, want) {
		t.Errorf("called at %v, want %v", got, want)
	}
}

func TestLoopSyncsAtAHintAndWhenAsked(t *testing.T) {
	got := calls(t, 10*time.Second, func(n int) (time.Duration, error) {
		if n == 1 {
			return 3 * time.Second, nil
		}
		return 0, nil
	}, func(l *gsgit.Loop) {
		time.Sleep(5 * time.Second)
		l.Hint()
		l.Hint() // already asked: the slot may be full or free again, never blocked
	})
	if len(got) < 3 || got[0] != 0 || got[1] != 3*time.Second || got[2] != 5*time.Second {
		t.Errorf("called at %v, want 0, 3s, 5s", got)
	}
}

func TestLoopIdlesWithoutATimer(t *testing.T) {
	got := calls(t, time.Hour, func(int) (time.Duration, error) { return 0, nil }, nil)
	if len(got) != 1 {
		t.Errorf("an idle hour called the task %d times", len(got))
	}
}
