package resync_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestWrittenAndPowerCut: somebody writes at the last moment, and at any operation after it
// the power fails, on a disk that forgets. The bytes must still come out, at least once.
//
// A disk that kept the tree's half of an exchange and forgot the other is not among them:
// to a file without a name nothing leads. File systems with a journal keep such an act
// whole, and none without what was done before it.
func TestWrittenAndPowerCut(t *testing.T) {
	disks := map[string]func(string) bool{
		"nothing":   func(string) bool { return false },
		"the state": func(path string) bool { return strings.Contains(path, "/.git/") },
		"all":       func(string) bool { return true },
	}
	for name, kept := range disks {
		for _, path := range []string{"global.xml", "styles/old.sld", "becomes-folder"} {
			t.Run(name+" was written by chance/"+path, func(t *testing.T) {
				n := 1
				for writtenAndCut(t, path, n, kept) {
					n++
				}
				if n < 20 {
					t.Errorf("only %d operations after the write", n-1)
				}
			})
		}
	}
}

// writtenAndCut reports whether the apply went on for n operations after the write.
func writtenAndCut(t *testing.T, path string, n int, kept func(string) bool) bool {
	t.Helper()
	r, disk, wrote, since := newReplica(t, before), newForgetful(t), false, nth(n)
	intrudes := r.intruder(map[bool]string{true: "exchange", false: "rename"}[path == "global.xml"], "/"+path, func() {
		r.write(path, "theirs")
		wrote = true
	})
	death := &outage{cause: errDied, at: func(op string, paths ...string) bool { return wrote && since(op, paths...) }}
	death.works = func(op string, paths ...string) error {
		return errors.Join(intrudes(op, paths...), disk.listen(op, paths...))
	}
	r.options.Gate = death.gate
	if _, err := dying(func() error { return r.apply(before.plan(t, after), after.source()) }); err != nil {
		t.Fatal(err)
	}
	r.options.Gate = nil
	disk.cut(r.options.Root, kept)
	if err := r.restart(after.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(after)
	if !slices.Contains(r.displaced[path], "theirs") || len(r.displaced) != 1 {
		t.Fatalf("power cut %d operations later: displaced %q", n, r.displaced)
	}
	return death.reached
}
