package main

import (
	"errors"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestSmallHeapsGrowByMore(t *testing.T) {
	for live, want := range map[uint64]uint64{0: 800, 4 << 20: 200, 8 << 20: 100, 20 << 20: 40, 300 << 20: 40} {
		if got := growthOf(live); got != want {
			t.Errorf("a heap of %d bytes grows by %d percent, want %d", live, got, want)
		}
	}
}

// What nobody would decide is put right after each collection, not after the first alone.
func TestTheHeapIsPacedAfterEachCollection(t *testing.T) {
	t.Setenv("GOGC", "")
	const absurd = 5000
	defer debug.SetGCPercent(debug.SetGCPercent(absurd))
	defer thrift()()
	for range 3 {
		debug.SetGCPercent(absurd)
		err := eventually(time.Minute, func() error {
			runtime.GC()
			if now := debug.SetGCPercent(absurd); now < absurd {
				return nil
			}
			return errors.New("it is as it was")
		})
		if err != nil {
			t.Error(err)
		}
	}
}
