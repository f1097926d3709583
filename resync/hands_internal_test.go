package resync

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

func TestEachDoesEverythingOnce(t *testing.T) {
	for _, hands := range []int{1, 2, 7, 300} {
		for _, n := range []int{0, 1, 6, 1000} {
			var mu sync.Mutex
			done := make(map[int]int)
			err := each(hands, n, func(i int) error {
				mu.Lock()
				defer mu.Unlock()
				done[i]++
				return nil
			})
			if err != nil || len(done) != n {
				t.Errorf("%d hands did %d of %d: %v", hands, len(done), n, err)
			}
			for i, times := range done {
				if times != 1 || i < 0 || i >= n {
					t.Errorf("%d hands did %d of %d %d times", hands, i, n, times)
				}
			}
		}
	}
}

// TestEachTellsOfTheFirst: of several errors the one that a single hand would have met.
func TestEachTellsOfTheFirst(t *testing.T) {
	for _, hands := range []int{1, 4} {
		var together sync.WaitGroup
		together.Add(hands)
		err := each(hands, 4, func(i int) error {
			if hands > 1 {
				together.Done()
				together.Wait() // all of them have begun
			}
			return fmt.Errorf("number %d", i)
		})
		if err == nil || err.Error() != "number 0" {
			t.Errorf("%d hands: %v", hands, err)
		}
	}
}

// TestEachStopsAfterAnError: a full disk is not asked a thousand times.
func TestEachStopsAfterAnError(t *testing.T) {
	full := errors.New("full")
	var mu sync.Mutex
	calls := 0
	err := each(4, 10_000, func(int) error {
		mu.Lock()
		defer mu.Unlock()
		calls++
		return full
	})
	if !errors.Is(err, full) || calls > 4 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// TestEachPanicsWhereItIsCalled, so that a test can let a process die in a goroutine.
func TestEachPanicsWhereItIsCalled(t *testing.T) {
	defer func() {
		if v := recover(); v != "died" {
			t.Errorf("recovered %v", v)
		}
	}()
	err := each(3, 30, func(i int) error {
		if i == 11 {
			panic("died")
		}
		return nil
	})
	t.Errorf("it went on: %v", err)
}
