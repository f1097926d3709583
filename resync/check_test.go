package resync_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/resync"
)

// refuses checks that Check finds the fault, names the path, and says what to do.
func (r *replica) refuses(plan resync.Plan, says, hint string) {
	r.t.Helper()
	err := r.open().Check(plan)
	var refused *resync.Error
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), says) || !strings.Contains(refused.Hint(), hint) {
		r.t.Errorf("Check: %v, want %q and the hint %q", err, says, hint)
		if refused != nil {
			r.t.Errorf("hint: %s", refused.Hint())
		}
	}
	if refused != nil && refused.Permanent() {
		r.t.Error("the fault is the directory's: mended, a retry helps")
	}
}

func TestCheckTakesAGoodPlan(t *testing.T) {
	r := newReplica(t, before)
	r.options.Gate = func(operation string, paths ...string) error {
		if operation != "look" {
			t.Errorf("Check does %s %v", operation, paths)
		}
		return nil
	}
	if err := r.open().Check(before.plan(t, after)); err != nil {
		t.Error(err)
	}
	r.options.Gate = nil
	r.holds(before)
}

func TestCheckRefusesLinks(t *testing.T) {
	outside := t.TempDir()
	new := tree{"a": "1", "linked/x": "2", "deep/linked/x/y": "3"}
	r := newReplica(t, tree{"deep/z": ""})
	for _, link := range []string{"a", "linked", "deep/linked"} {
		if err := os.Symlink(outside, r.at(link)); err != nil {
			t.Fatal(err)
		}
	}
	plan := tree{}.plan(t, new)
	r.refuses(plan, `"a" is a link`, "real")
	r.refuses(plan, `"linked" is a symbolic link`, "real")
	r.refuses(plan, `"deep/linked" is a symbolic link`, "real")
	// Without the check nothing is written through them either.
	if err := r.open().Apply(t.Context(), plan, new.source()); err == nil {
		t.Error("Apply went through a link")
	}
	if found, _ := os.ReadDir(outside); len(found) > 0 {
		t.Errorf("wrote %v", found)
	}
}

func TestRemovalLeavesALink(t *testing.T) {
	r := newReplica(t, tree{"b": "1"})
	if err := os.Symlink("b", r.at("a")); err != nil {
		t.Fatal(err)
	}
	old := tree{"a": "1", "b": "1"}
	if err := r.apply(old.plan(t, tree{"b": "1"}), nil); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(r.at("a")); err != nil || target != "b" {
		t.Errorf("the link became %q, %v", target, err)
	}
	r.clean()
}

func TestCheckRefusesWhatStandsInTheWay(t *testing.T) {
	r := newReplica(t, tree{"a": "a file", "b/theirs": "1", "c/ours": "1", "c/theirs": "2"})
	r.refuses(tree{}.plan(t, tree{"a/x": "1"}), `needs a directory at "a"`, "move")
	r.refuses(tree{}.plan(t, tree{"b": "1"}), `"b" is a directory that holds "b/theirs"`, "move")
	r.refuses(tree{"c/ours": "1"}.plan(t, tree{"c": "1"}), `holds "c/theirs"`, "move")
	if err := r.open().Check(tree{"a": "a file"}.plan(t, tree{"a/x": "1"})); err != nil {
		t.Errorf("the plan itself makes way: %v", err)
	}
	for _, path := range []string{"b", "c"} {
		if err := r.open().Check(tree{path: "1"}.plan(t, tree{})); err != nil {
			t.Errorf("the removal of a file that is a directory now: %v", err)
		}
	}
}

func TestCheckRefusesItsOwnPlace(t *testing.T) {
	r := newReplica(t, nil)
	r.options.State = filepath.Join(r.options.Root, "history", "gsgit")
	r.refuses(tree{}.plan(t, tree{"history/gsgit/journal.json": "{}"}), "gsgit's own files", "")
	if err := r.open().Check(tree{}.plan(t, tree{"history/other": "1"})); err != nil {
		t.Error(err)
	}
}

func TestCheckRefusesALowDisk(t *testing.T) {
	r := newReplica(t, nil)
	r.options.MinFree = 1 << 60
	r.refuses(tree{}.plan(t, tree{"a": "1"}), "MiB left", "free some space")
}

func TestCheckRefusesALongPath(t *testing.T) {
	r := newReplica(t, nil)
	long := strings.Repeat(strings.Repeat("d", 200)+"/", 21) + "x"
	r.refuses(tree{}.plan(t, tree{long: "1"}), "longer than", "")
}

func TestNamesThatDifferInCase(t *testing.T) {
	r := newReplica(t, nil)
	new := tree{"styles/Roads.sld": "1", "styles/roads.sld": "2"}
	err := r.apply(tree{}.plan(t, new), new.source())
	if _, blind := os.Stat(filepath.Join(filepath.Dir(r.options.Root), strings.ToUpper(filepath.Base(r.options.Root)))); blind == nil {
		if err == nil {
			t.Error("one file became two")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	r.holds(new)
}

func TestOpenNeedsADirectory(t *testing.T) {
	_, err := resync.Open(resync.Options{Root: filepath.Join(t.TempDir(), "missing"), State: t.TempDir()})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open: %v", err)
	}
	if _, err := resync.Open(resync.Options{Root: t.TempDir()}); err == nil {
		t.Error("Open took no state")
	}
}

func TestRootThatIsALink(t *testing.T) {
	r := newReplica(t, before)
	link := filepath.Join(t.TempDir(), "data")
	if err := os.Symlink(r.options.Root, link); err != nil {
		t.Fatal(err)
	}
	real := r.options.Root
	r.options.Root = link
	if err := r.apply(before.plan(t, after), after.source()); err != nil {
		t.Fatal(err)
	}
	r.options.Root = real
	r.holds(after)
}
