package resync_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit/resync"
)

func (tr tree) files() iter.Seq2[resync.File, error] {
	return func(yield func(resync.File, error) bool) {
		for _, path := range slices.Sorted(maps.Keys(tr)) {
			if !yield(resync.File{Path: path, New: blob(tr[path])}, nil) {
				return
			}
		}
	}
}

// reads counts the files that the directory's contents were read of.
func (r *replica) reads() *[]string {
	var read []string
	r.options.Gate = func(operation string, paths ...string) error {
		if operation == "read" {
			read = append(read, strings.TrimPrefix(paths[0], r.options.Root+"/"))
		}
		return nil
	}
	return &read
}

func TestDriftsSeesEveryKind(t *testing.T) {
	want := tree{"a": "1", "b/c": "2", "gone": "3", "deep/gone/x": "4", "link": "5", "folder": "6", "linked/x": "7", "file/x": "8", "empty": "9"}
	r := newReplica(t, tree{"a": "1", "b/c": "other", "folder/x": "", "elsewhere/x": "7", "file": "f", "empty": ""})
	for link, to := range map[string]string{"link": "a", "linked": "elsewhere"} {
		if err := os.Symlink(to, r.at(link)); err != nil {
			t.Fatal(err)
		}
	}
	drifts, err := r.open().Drifts(t.Context(), want.files())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, d := range drifts {
		if d.Want != blob(want[d.Path]) {
			t.Errorf("%s: wants %s", d.Path, d.Want)
		}
		switch {
		case d.NotRegular:
			got[d.Path] = "odd"
		case d.Have == nil:
			got[d.Path] = "missing"
		default:
			got[d.Path] = "has " + string(d.Have)
		}
	}
	expected := map[string]string{
		"b/c": "has other", "gone": "missing", "deep/gone/x": "missing", "link": "odd", "folder": "odd",
		"linked/x": "odd", "file/x": "missing", "empty": "has ",
	}
	if !maps.Equal(got, expected) {
		t.Errorf("got %q, want %q", got, expected)
	}
}

func TestDriftsReadsOnlyWhatChanged(t *testing.T) {
	want := tree{"a": "1", "b": "2", "c/d": "3"}
	r := newReplica(t, want)
	clock := time.Now().Add(time.Hour) // the files are long past the racy time
	r.options.Now = func() time.Time { return clock }
	read := r.reads()
	d := r.open()
	look := func(expect ...string) []resync.Drift {
		t.Helper()
		*read = nil
		drifts, err := d.Drifts(t.Context(), want.files())
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(*read)
		if !slices.Equal(*read, expect) {
			t.Errorf("read %q, want %q", *read, expect)
		}
		return drifts
	}
	look("a", "b", "c/d")
	look()

	// The same size and the same times: only ctime, which nobody can set, gives it away.
	info, err := os.Stat(r.at("b"))
	if err != nil {
		t.Fatal(err)
	}
	r.write("b", "X")
	if err := os.Chtimes(r.at("b"), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if drifts := look("b"); len(drifts) != 1 || string(drifts[0].Have) != "X" {
		t.Errorf("drifts %+v", drifts)
	}
	// A known drift is read again for its bytes, the others are not.
	if drifts := look("b"); len(drifts) != 1 || string(drifts[0].Have) != "X" {
		t.Errorf("drifts %+v", drifts)
	}
	// The wanted tree moved: what was seen is known by its bytes, not by its verdict.
	want["b"] = "X"
	look()
}

func TestDriftsDoesNotTrustAYoungFile(t *testing.T) {
	want := tree{"a": "1"}
	r := newReplica(t, want)
	read := r.reads()
	d := r.open()
	for range 3 {
		if _, err := d.Drifts(t.Context(), want.files()); err != nil {
			t.Fatal(err)
		}
	}
	if len(*read) != 3 {
		t.Errorf("read it %d times: a change in the same tick of the clock would be missed", len(*read))
	}
}

func TestDriftsStops(t *testing.T) {
	r := newReplica(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.open().Drifts(ctx, tree{"a": "1"}.files()); !errors.Is(err, context.Canceled) {
		t.Errorf("Drifts: %v", err)
	}
	broken := errors.New("the tree can not be read")
	files := func(yield func(resync.File, error) bool) { yield(resync.File{}, broken) }
	if _, err := r.open().Drifts(t.Context(), files); !errors.Is(err, broken) {
		t.Errorf("Drifts: %v", err)
	}
}

func TestBefore(t *testing.T) {
	r := newReplica(t, before)
	plan := before.plan(t, after)
	if drifts, err := r.open().Before(plan); err != nil || len(drifts) > 0 {
		t.Fatalf("before any edit: %v, %v", drifts, err)
	}
	r.write("global.xml", "mine")
	r.write("styles/new.sld", "mine too")
	r.write("styles/old.sld", "and this")
	r.write("styles/line.sld", after["styles/line.sld"]) // the new bytes already: nothing is lost
	r.write("styles/line.xml", "not in the plan")
	if err := os.Remove(r.at("workspaces/gone/workspace.xml")); err != nil {
		t.Fatal(err)
	}
	drifts, err := r.open().Before(plan)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, d := range drifts {
		got[d.Path] = string(d.Have)
	}
	want := map[string]string{"global.xml": "mine", "styles/new.sld": "mine too", "styles/old.sld": "and this"}
	if !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExtra(t *testing.T) {
	r := newReplica(t, tree{
		"a.xml": "", "b.xml": "", "b.tif": "", "w/c.xml": "", "w/deep/d.xml": "", "skip/e.xml": "",
		".git/x.xml": "", "w/.GIT/x.xml": "", ".gsgit-1-f0.tmp/x.xml": "", "w/.gsgit-1-f0.tmp": "",
	})
	if err := os.Symlink("a.xml", r.at("link.xml")); err != nil {
		t.Fatal(err)
	}
	descend := func(dir string) bool { return dir != "skip" }
	tracked := func(p string) bool { return path.Ext(p) == ".xml" || path.Ext(p) == ".tmp" }
	known := func(p string) bool { return p == "a.xml" }
	extra, err := r.open().Extra(t.Context(), descend, tracked, known)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"b.xml", "w/c.xml", "w/deep/d.xml"}; !slices.Equal(extra, want) {
		t.Errorf("extra %q, want %q", extra, want)
	}
}
