package resync_test

import (
	"os"
	"slices"
	"testing"
)

// TestHeldOpenByAWriter: what a GeoServer that has the old file open writes into it after
// the new one took its place is handed on, and the new one is whole.
func TestHeldOpenByAWriter(t *testing.T) {
	r := newReplica(t, before)
	file, err := os.OpenFile(r.at("global.xml"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	exchanged, written := false, false
	r.options.Gate = func(operation string, paths ...string) error {
		if exchanged && !written {
			written = true
			if _, err := file.WriteString("theirs"); err != nil {
				t.Error(err)
			}
		}
		exchanged = exchanged || operation == "exchange" && slices.Contains(paths, r.at("global.xml"))
		return nil
	}
	if err := r.apply(before.plan(t, after), after.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(after)
	if got := r.displaced["global.xml"]; !slices.Equal(got, []string{"theirs"}) || len(r.displaced) != 1 {
		t.Errorf("displaced %q", r.displaced)
	}
}

// TestArrivesInADirectoryThatGoes: a file that comes into a directory at the moment in which
// it is removed keeps it, and all above it.
func TestArrivesInADirectoryThatGoes(t *testing.T) {
	for _, dir := range []string{"workspaces/gone/s/l", "workspaces/gone/s", "workspaces/gone"} {
		r := newReplica(t, before)
		arrives := r.intruder("rmdir", "/"+dir, func() { r.write(dir+"/own.txt", "own") })
		r.options.Gate = arrives
		if err := r.apply(before.plan(t, after), after.source()); err != nil {
			t.Fatal(err)
		}
		r.holds(after.with(tree{dir + "/own.txt": "own"}))
	}
}

// TestArrivesInADirectoryThatBecomesAFile: the file that comes there at that moment is not
// removed; the apply stops, and ends when it is moved away.
func TestArrivesInADirectoryThatBecomesAFile(t *testing.T) {
	r := newReplica(t, before)
	r.options.Gate = r.intruder("rmdir", "/becomes-file", func() { r.write("becomes-file/own.txt", "own") })
	if err := r.apply(before.plan(t, after), after.source()); err == nil {
		t.Fatal("a directory with somebody's file in it became a file")
	}
	r.options.Gate = nil
	if err := r.restart(after.source()); err == nil {
		t.Fatal("the restart took it away")
	}
	own, err := os.ReadFile(r.at("becomes-file/own.txt"))
	if err != nil || string(own) != "own" {
		t.Fatalf("it holds %q, %v", own, err)
	}
	if err := os.Rename(r.at("becomes-file/own.txt"), r.at("own.txt")); err != nil {
		t.Fatal(err)
	}
	if err := r.restart(after.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(after.with(tree{"own.txt": "own"}))
}
