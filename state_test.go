package gsgit_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/gsgit/gsgit"
)

func TestHealthTellsTheGravestCondition(t *testing.T) {
	changes := 0
	h := gsgit.NewHealth(func() { changes++ })
	if got := h.Worst().State; got != gsgit.OK {
		t.Fatalf("a new health is %s", got)
	}
	h.Set("bus", gsgit.Condition{State: gsgit.Degraded, Why: "the broker is down"})
	h.Set("held", gsgit.Condition{State: gsgit.Held, Why: "one file"})
	h.Set("bus", gsgit.Condition{State: gsgit.Degraded, Why: "the broker is down"})
	if got := h.Worst(); got.State != gsgit.Held || got.Why != "one file" {
		t.Errorf("worst is %+v", got)
	}
	h.Set("held", gsgit.Condition{})
	h.SetError("bus", nil)
	if got := h.Worst().State; got != gsgit.OK {
		t.Errorf("all is mended and the state is %s", got)
	}
	if changes != 4 {
		t.Errorf("told of %d changes, 4 happened", changes)
	}
}

func TestHealthOfAnError(t *testing.T) {
	for _, c := range []struct {
		err  error
		want gsgit.State
		hint string
	}{
		{errors.New("dial: refused"), gsgit.Degraded, ""},
		{errors.Join(&gsgit.Problem{State: gsgit.Syncing, Why: "behind"}, errors.New("dial: refused")), gsgit.Degraded, ""},
		{errors.Join(errors.New("dial: refused"), &gsgit.Problem{State: gsgit.Refused, Why: "damage", Help: "mend it"}), gsgit.Refused, "mend it"},
		{errors.Join(&os.PathError{Op: "write", Path: "pack", Err: syscall.ENOSPC}, &gsgit.Problem{State: gsgit.Syncing, Why: "behind", Help: "wait"}), gsgit.Error, "make room: gsgit goes on by itself"},
		{fmt.Errorf("commit: %w", &os.PathError{Op: "write", Path: "pack", Err: syscall.ENOSPC}), gsgit.Error, "make room: gsgit goes on by itself"},
		{fmt.Errorf("apply: %w", &gsgit.Problem{State: gsgit.Refused, Why: "damage", Help: "mend it"}), gsgit.Refused, "mend it"},
		{&gsgit.NotDataDirectory{Root: "x"}, gsgit.Error, "name the data directory with -d, or use --force if its GeoServer has not started yet"},
	} {
		h := gsgit.NewHealth(nil)
		h.SetError("part", c.err)
		if got := h.Worst(); got.State != c.want || got.Hint != c.hint {
			t.Errorf("%v: got %s with hint %q, want %s with %q", c.err, got.State, got.Hint, c.want, c.hint)
		}
	}
}
