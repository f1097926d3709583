package resync_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSweepIsLeftForLater: an apply is over with its journal; what it set aside goes later,
// and nothing of another attempt, which may be another process's, goes with it.
func TestSweepIsLeftForLater(t *testing.T) {
	r := newReplica(t, before)
	other := filepath.Join(r.options.State, "stage", "0123456789abcdef")
	d := r.open()
	if err := d.Apply(t.Context(), before.plan(t, after), after.source()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Sweep(), d.Finish()); err != nil {
		t.Fatal(err)
	}
	if _, pending, err := d.Pending(); pending || err != nil {
		t.Errorf("pending: %v, %v", pending, err)
	}
	if left, err := os.ReadDir(filepath.Join(r.options.State, "stage")); len(left) != 1 {
		t.Errorf("the stage holds %v, %v", left, err)
	}
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Sweep(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(other); err != nil {
		t.Error(err)
	}
	r.holds(after)
}

// TestSweepIsTriedAgain, and what it does not come to is cleaned by the next start.
func TestSweepIsTriedAgain(t *testing.T) {
	for _, again := range []bool{true, false} {
		r := newReplica(t, before)
		ill := true
		r.options.Gate = func(operation string, _ ...string) error {
			if ill && operation == "removeall" {
				return syscall.EIO
			}
			return nil
		}
		d := r.open()
		if err := errors.Join(d.Apply(t.Context(), before.plan(t, after), after.source()), d.Finish()); err != nil {
			t.Fatal(err)
		}
		if err := d.Sweep(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("Sweep: %v", err)
		}
		ill = false
		if again {
			if err := d.Sweep(); err != nil {
				t.Fatal(err)
			}
		} else if err := r.open().Clean(); err != nil {
			t.Fatal(err)
		}
		r.holds(after)
	}
}
