package resync_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/gsgit/gsgit/resync"
)

// afterCrash checks what a start finds, and that it ends in step: the tree is untouched
// where no journal stands, and becomes the new one where one does or the marker moved.
func (r *replica) afterCrash(old, new tree) {
	r.t.Helper()
	r.options.Gate, r.options.Step = nil, nil
	_, pending, err := r.open().Pending()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.restart(new.source()); err != nil {
		r.t.Fatal(err)
	}
	switch got := r.content(); {
	case pending || r.marked || maps.Equal(got, new):
		r.holds(new)
	default:
		r.holds(old)
		if err := r.apply(old.plan(r.t, new), new.source()); err != nil {
			r.t.Fatal(err)
		}
		r.holds(new)
	}
	if len(r.displaced) > 0 {
		r.t.Errorf("nobody wrote, and yet displaced: %v", r.displaced)
	}
}

func TestKilledAtEveryStep(t *testing.T) {
	var steps []string
	r := newReplica(t, before)
	r.options.Step = func(name string) { steps = append(steps, name) }
	if err := r.apply(before.plan(t, after), after.source()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"resync.staging:1", "resync.staging:16", "resync.staged", "resync.journal", "resync.rename:1", "resync.rename:12",
		"resync.removed:1", "resync.removed:8", "resync.applied",
	} {
		if !strings.Contains(" "+strings.Join(steps, " ")+" ", " "+want+" ") {
			t.Errorf("no step %s among %s", want, steps)
		}
	}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			r := newReplica(t, before)
			var come atomic.Bool
			r.options.Step = func(name string) {
				if name == step {
					come.Store(true)
				}
			}
			death := &outage{at: func(string, ...string) bool { return come.Load() }, cause: errDied}
			r.options.Gate = death.gate
			if err := r.apply(before.plan(t, after), after.source()); !errors.Is(err, errDied) {
				t.Fatalf("it did not die at %s: %v", step, err)
			}
			r.afterCrash(before, after)
		})
	}
}

// TestKilledAtEveryOperation: every file operation of an apply is the last one once.
func TestKilledAtEveryOperation(t *testing.T) {
	plan := few.plan(t, other)
	for n := 1; ; n++ {
		r := newReplica(t, few)
		death := deathAt(n)
		r.options.Gate = death.gate
		if _, err := dying(func() error { return r.apply(plan, other.source()) }); err != nil {
			t.Fatalf("operation %d: %v", n, err)
		}
		if !death.reached {
			if n < 60 {
				t.Fatalf("only %d operations: is the gate asked?", n)
			}
			break
		}
		r.afterCrash(few, other)
		if t.Failed() {
			t.Fatalf("operation %d", n)
		}
	}
}

// TestEveryOperationFails: every file operation fails once, or it and all after it,
// with an error; when the cause goes, the replica ends in step.
func TestEveryOperationFails(t *testing.T) {
	plan := few.plan(t, other)
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, lasting := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v lasting=%v", cause, lasting), func(t *testing.T) {
				for n := 1; ; n++ {
					r := newReplica(t, few)
					out := &outage{at: nth(n), cause: cause, lasts: lasting}
					r.options.Gate = out.gate
					err := r.apply(plan, other.source())
					if !out.reached {
						break
					}
					if err != nil && !errors.Is(err, cause) && !errors.As(err, new(*resync.Error)) {
						t.Errorf("operation %d: %v does not say why", n, err)
					}
					r.afterCrash(few, other)
					if t.Failed() {
						t.Fatalf("operation %d", n)
					}
				}
			})
		}
	}
}

// TestFullDiskRetriesLeaveNothing: a loop that tries again and again on a full disk
// must not fill it further.
func TestFullDiskRetriesLeaveNothing(t *testing.T) {
	for _, victim := range []string{"journal.json.tmp", "f0"} {
		r := newReplica(t, tree{"a": "1"})
		r.options.Gate = func(operation string, paths ...string) error {
			if operation == "write" && strings.HasSuffix(paths[0], victim) {
				return syscall.ENOSPC
			}
			return nil
		}
		new := tree{"a": "2"}
		d := r.open()
		for range 3 {
			if err := d.Apply(t.Context(), tree{"a": "1"}.plan(t, new), new.source()); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("Apply: %v", err)
			}
		}
		r.options.Gate = nil
		if err := r.open().Clean(); err != nil { // a torn draft of the journal may lie there
			t.Fatal(err)
		}
		r.holds(tree{"a": "1"})
	}
}

// TestRandomTreesAndCrashes goes from tree to tree, dying where it likes, several times
// in one apply, and must arrive.
func TestRandomTreesAndCrashes(t *testing.T) {
	names := rapid.SampledFrom([]string{"a", "b", "c.xml", "d"})
	path := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(names, 1, 4).Draw(t, "path"), "/")
	})
	trees := rapid.Custom(func(t *rapid.T) tree {
		return rapid.MapOfN(path, rapid.SampledFrom([]string{"", "1", "2", "3"}), 0, 12).Draw(t, "tree")
	})
	rapid.Check(t, func(rt *rapid.T) {
		r := newReplica(t, nil)
		now := tree{}
		for range rapid.IntRange(1, 4).Draw(rt, "applies") {
			next := trees.Draw(rt, "next").withoutClashes()
			r.arrive(rt, now.plan(t, next), next)
			if got := r.content(); !maps.Equal(got, next) {
				rt.Fatalf("from\n%s\nwant\n%s\ngot\n%s", now, next, got)
			}
			now = next
		}
		r.clean()
	})
}

// arrive applies a plan through a few crashes.
func (r *replica) arrive(rt *rapid.T, plan resync.Plan, next tree) {
	for range rapid.IntRange(0, 3).Draw(rt, "crashes") {
		r.options.Gate = deathAt(rapid.IntRange(1, 120).Draw(rt, "at")).gate
		if _, err := dying(func() error { return r.step(plan, next.source()) }); err != nil {
			rt.Fatal(err)
		}
	}
	r.options.Gate = nil
	if err := r.step(plan, next.source()); err != nil {
		rt.Fatal(err)
	}
}

// step is one start and one Sync of a follower whose marker may stand on either side.
func (r *replica) step(plan resync.Plan, read resync.Source) error {
	if err := r.restart(read); err != nil {
		return err
	}
	d := r.open()
	if err := d.Apply(context.Background(), plan, read); err != nil {
		return err
	}
	return d.Done()
}

func (tr tree) withoutClashes() tree {
	for path := range tr {
		for other := range tr {
			if strings.HasPrefix(other, path+"/") {
				delete(tr, other)
			}
		}
	}
	return tr
}
