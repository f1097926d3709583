package resync_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPowerCutAtEveryOperation: the journal and the order of the syncs hold what they
// promise on a disk that forgets everything else.
func TestPowerCutAtEveryOperation(t *testing.T) {
	state := func(path string) bool { return strings.Contains(path, "/.git/") }
	for name, kept := range map[string]func(string) bool{
		"nothing":   func(string) bool { return false },
		"the state": state,
		"the tree":  func(path string) bool { return !state(path) },
	} {
		t.Run(name+" was written by chance", func(t *testing.T) { powerCuts(t, kept) })
	}
}

// TestPowerCutAfterARestart: what the dead process renamed and did not sync, the next
// one must sync, though it finds it in place.
func TestPowerCutAfterARestart(t *testing.T) {
	plan := few.plan(t, other)
	for n := 1; ; n++ {
		r := newReplica(t, few)
		disk := newForgetful(t)
		death := deathAt(n)
		death.works = disk.listen
		r.options.Gate = death.gate
		if _, err := dying(func() error { return r.apply(plan, other.source()) }); err != nil {
			t.Fatal(err)
		}
		if !death.reached {
			return
		}
		r.options.Gate = disk.listen
		if err := r.step(plan, other.source()); err != nil {
			t.Fatal(err)
		}
		r.marked = true
		disk.cut(r.options.Root, func(path string) bool { return strings.Contains(path, "/.git/") })
		r.afterCrash(few, other)
		if t.Failed() {
			t.Fatalf("operation %d", n)
		}
	}
}

func powerCuts(t *testing.T, kept func(path string) bool) {
	plan := few.plan(t, other)
	for n := 1; ; n++ {
		r := newReplica(t, few)
		if err := os.MkdirAll(filepath.Join(r.options.State, "stage"), 0o700); err != nil {
			t.Fatal(err)
		}
		disk := newForgetful(t)
		death := deathAt(n)
		death.works = disk.listen
		r.options.Gate = death.gate
		if _, err := dying(func() error { return r.apply(plan, other.source()) }); err != nil {
			t.Fatal(err)
		}
		if !death.reached {
			break
		}
		disk.cut(r.options.Root, kept)
		r.afterCrash(few, other)
		if t.Failed() {
			t.Fatalf("operation %d", n)
		}
	}
}
