package resync_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit/resync"
)

func TestApplyMakesEqual(t *testing.T) {
	r := newReplica(t, before)
	if err := r.apply(before.plan(t, after), after.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(after)
	if err := r.apply(after.plan(t, before), before.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(before)
	if len(r.displaced) > 0 {
		t.Errorf("nobody wrote, and yet displaced: %v", r.displaced)
	}
}

func TestApplyFillsAnEmptyDirectory(t *testing.T) {
	r := newReplica(t, nil)
	if err := r.apply(tree{}.plan(t, after), after.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(after)
}

func TestApplyAboveTheSyncLimit(t *testing.T) {
	many, fewer := make(tree), make(tree)
	for i := range 300 {
		path := "workspaces/w/s/" + strings.Repeat("l", i%7+1) + "/" + strings.Repeat("x", i/7+1)
		many[path] = "content of " + path
		if i%3 == 0 {
			fewer[path] = "other"
		}
	}
	r := newReplica(t, nil)
	for _, step := range []struct{ from, to tree }{{tree{}, many}, {many, fewer}, {fewer, many}, {many, tree{}}} {
		if err := r.apply(step.from.plan(t, step.to), step.to.source()); err != nil {
			t.Fatal(err)
		}
		r.holds(step.to)
	}
}

func TestApplyLeavesWhatThePlanDoesNotName(t *testing.T) {
	r := newReplica(t, before)
	mine := tree{"workspaces/gone/s/l/mine.txt": "m", "workspaces/new.txt": "n", "styles/raster.tif": "tif"}
	for path, text := range mine {
		r.write(path, text)
	}
	if err := r.apply(before.plan(t, after), after.source()); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(after)
	maps.Copy(want, mine)
	r.holds(want)
}

func TestApplyLeavesEmptyDirectoriesOfOthers(t *testing.T) {
	old := tree{"a/b/x": "1"}
	r := newReplica(t, old)
	if err := os.MkdirAll(r.at("a/empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(r.at("a/b/x")); err != nil { // somebody removes it first, and keeps a/b
		t.Fatal(err)
	}
	if err := r.apply(old.plan(t, tree{}), nil); err != nil {
		t.Fatal(err)
	}
	r.holds(tree{"a/empty/": "", "a/b/": ""})
}

func TestReplacedFileKeepsItsModeAndGrowsYounger(t *testing.T) {
	old, new := tree{"a": "1", "b": "1", "sh": "1"}, tree{"a": "2", "b": "2", "sh": "2", "c": "3"}
	r := newReplica(t, old)
	ahead := time.Now().Add(24 * time.Hour) // the clock went back since
	past := time.Now().Add(-24 * time.Hour)
	for path, mtime := range map[string]time.Time{"a": ahead, "b": past} {
		if err := os.Chtimes(r.at(path), mtime, mtime); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{"a": 0o600, "sh": 0o755, "": 0o770} {
		if err := os.Chmod(r.at(path), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.apply(old.plan(t, new), new.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(new)
	for path, mode := range map[string]os.FileMode{"a": 0o600, "b": 0o644, "sh": 0o755, "c": 0o660} {
		info, err := os.Stat(r.at(path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("%s has mode %o, want %o", path, info.Mode(), mode)
		}
		if path == "a" && !info.ModTime().Equal(ahead.Add(time.Second)) {
			t.Errorf("a is of %v, want a second after %v", info.ModTime(), ahead)
		}
		if path == "b" && time.Since(info.ModTime()) > time.Minute {
			t.Errorf("b is of %v", info.ModTime())
		}
	}
}

func TestNewDirectoriesTakeTheLooksOfTheirs(t *testing.T) {
	r := newReplica(t, nil)
	if err := os.Chmod(r.at(""), 0o2750|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	new := tree{"w/s/x.xml": "1", "y.xml": "2"}
	if err := r.apply(tree{}.plan(t, new), new.source()); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{
		"w": 0o750 | os.ModeSetgid | os.ModeDir, "w/s": 0o750 | os.ModeSetgid | os.ModeDir, "w/s/x.xml": 0o640, "y.xml": 0o640,
	} {
		info, err := os.Stat(r.at(path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), mode)
		}
	}
}

func TestApplyRefusesBytesThatAreNotTheBlob(t *testing.T) {
	r := newReplica(t, before)
	lying := func(resync.Blob) ([]byte, error) { return []byte("something else"), nil }
	err := r.apply(before.plan(t, after), lying)
	if err == nil || !strings.Contains(err.Error(), "other bytes") {
		t.Fatalf("Apply took them: %v", err)
	}
	r.holds(before)
}

func TestApplyStopsBeforeTheJournal(t *testing.T) {
	r := newReplica(t, before)
	ctx, cancel := context.WithCancel(t.Context())
	staged := 0
	r.options.Step = func(name string) {
		if strings.HasPrefix(name, "resync.staging:") {
			if staged++; staged == 3 {
				cancel()
			}
		}
	}
	err := r.open().Apply(ctx, before.plan(t, after), after.source())
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Apply: %v", err)
	}
	r.holds(before)
}

func TestUnfinishedApplyTakesNoOtherPlan(t *testing.T) {
	r := newReplica(t, before)
	r.options.Gate = func(operation string, _ ...string) error {
		if operation == "exchange" {
			return errors.New("no")
		}
		return nil
	}
	plan := before.plan(t, after)
	d := r.open()
	if err := d.Apply(t.Context(), plan, after.source()); err == nil {
		t.Fatal("the exchange should have failed")
	}
	r.options.Gate = nil
	d = r.open()
	other := tree{}.plan(t, tree{"x": "1"})
	if err := d.Apply(t.Context(), other, tree{"x": "1"}.source()); err == nil || !strings.Contains(err.Error(), "unfinished") {
		t.Errorf("Apply took another plan: %v", err)
	}
	if err := r.restart(after.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(after)
}

func TestBrokenJournalSaysWhatToDo(t *testing.T) {
	r := newReplica(t, before)
	journal := filepath.Join(r.options.State, "journal.json")
	for _, content := range []string{"", "{", `{"version":9}`, `{"version":1,"plan":{"remove":[{"path":"../x"}]},"slots":[{}]}`} {
		if err := os.WriteFile(journal, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := r.open().Pending()
		var refused *resync.Error
		if !errors.As(err, &refused) || refused.Hint() == "" {
			t.Errorf("Pending on %q: %v", content, err)
		}
	}
}

// TestWorkOfOneFile holds the promise that an apply costs what it changes.
func TestWorkOfOneFile(t *testing.T) {
	old := make(tree)
	for _, w := range []string{"a", "b", "c"} {
		for _, l := range []string{"1", "2", "3"} {
			old["workspaces/"+w+"/s/"+l+"/layer.xml"] = w + l
		}
	}
	const changed = "workspaces/b/s/2/layer.xml"
	new := maps.Clone(old)
	new[changed] = "new"
	r := newReplica(t, old)
	opened, renamed, syncs := make(map[string]int), 0, 0
	r.options.Gate = func(operation string, paths ...string) error {
		rel, err := filepath.Rel(r.options.Root, paths[len(paths)-1])
		tracked := err == nil && !strings.HasPrefix(rel, ".git")
		switch {
		case operation == "sync":
			syncs++
		case tracked && (operation == "read" || operation == "write" || operation == "list"):
			opened[rel]++
		case tracked && (operation == "rename" || operation == "renamenew" || operation == "exchange"):
			renamed++
		}
		return nil
	}
	d := r.open()
	plan := old.plan(t, new)
	if err := d.Check(plan); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Before(plan); err != nil {
		t.Fatal(err)
	}
	if err := d.Apply(t.Context(), plan, new.source()); err != nil {
		t.Fatal(err)
	}
	if err := d.Done(); err != nil {
		t.Fatal(err)
	}
	r.holds(new)
	if len(opened) != 1 || opened[changed] != 1 {
		t.Errorf("opened %v, want one read of %s", opened, changed)
	}
	if renamed != 1 {
		t.Errorf("%d renames in the tree, want 1", renamed)
	}
	if syncs > 4 {
		t.Errorf("%d syncs, want at most 4: the file, the journal, its directory, the file's directory", syncs)
	}
}

func TestNewDirectoryComesByOneRename(t *testing.T) {
	r := newReplica(t, tree{"global.xml": "g"})
	var into []string
	r.options.Gate = func(operation string, paths ...string) error {
		if operation == "rename" || operation == "renamenew" || operation == "exchange" {
			into = append(into, strings.TrimPrefix(paths[1], r.options.Root))
		}
		return nil
	}
	new := tree{"global.xml": "g", "workspaces/a/workspace.xml": "1", "workspaces/a/s/l/layer.xml": "2", "workspaces/b/workspace.xml": "3"}
	if err := r.apply(tree{"global.xml": "g"}.plan(t, new), new.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(new)
	if len(into) != 2 || into[0] != "/.git/gsgit/journal.json" || into[1] != "/workspaces" {
		t.Errorf("renames into %q", into)
	}
}
