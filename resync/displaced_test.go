package resync_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/resync"
)

// intruder is a Gate that lets somebody else act just before the n-th operation of a
// kind whose path ends so.
func (r *replica) intruder(operation, suffix string, act func()) func(string, ...string) error {
	done := false
	return func(op string, paths ...string) error {
		if !done && op == operation && slices.ContainsFunc(paths, func(p string) bool { return strings.HasSuffix(p, suffix) }) {
			done = true
			act()
		}
		return nil
	}
}

// TestWrittenAtTheLastMoment: somebody writes between the caller's look and our rename,
// to each kind of path; the bytes are handed on, and the tree becomes the new one.
func TestWrittenAtTheLastMoment(t *testing.T) {
	for _, c := range []struct{ operation, path string }{
		{"exchange", "global.xml"},
		{"renamenew", "styles/new.sld"},
		{"rename", "styles/old.sld"},
		{"rename", "becomes-folder"},
		{"rename", "becomes-file/two"},
		{"renamenew", "workspaces/new"}, // a whole directory, made by somebody else too
		{"renamenew", "layergroups"},
	} {
		t.Run(c.path, func(t *testing.T) {
			r := newReplica(t, before)
			written := map[string]string{"workspaces/new": "workspaces/new/s/store.xml", "layergroups": "layergroups/g.xml"}[c.path]
			if written == "" {
				written = c.path
			}
			r.options.Gate = r.intruder(c.operation, "/"+c.path, func() { r.write(written, "theirs") })
			if err := r.apply(before.plan(t, after), after.source()); err != nil {
				t.Fatal(err)
			}
			r.holds(after)
			if got := r.displaced[written]; !slices.Equal(got, []string{"theirs"}) || len(r.displaced) != 1 {
				t.Errorf("displaced %q", r.displaced)
			}
		})
	}
}

// TestToldIsNotDisplaced: what the caller kept before the apply is not handed on again.
func TestToldIsNotDisplaced(t *testing.T) {
	r := newReplica(t, before)
	r.write("global.xml", "mine")
	plan := before.plan(t, after)
	d := r.open()
	if drifts, err := d.Before(plan); err != nil || len(drifts) != 1 {
		t.Fatalf("Before: %v, %v", drifts, err)
	}
	r.write("styles/line.sld", "after the look")
	if err := errors.Join(d.Apply(t.Context(), plan, after.source()), d.Done()); err != nil {
		t.Fatal(err)
	}
	r.holds(after)
	if len(r.displaced) != 1 || !slices.Equal(r.displaced["styles/line.sld"], []string{"after the look"}) {
		t.Errorf("displaced %q", r.displaced)
	}
}

// TestWrittenAndKilled: the same, and we die at any operation after it. The bytes must
// still come out, at least once.
func TestWrittenAndKilled(t *testing.T) {
	for _, path := range []string{"global.xml", "styles/old.sld", "styles/line.sld"} {
		for n := 1; ; n++ {
			r := newReplica(t, before)
			wrote := false
			r.options.Gate = r.intruder(map[bool]string{true: "rename", false: "exchange"}[path == "styles/old.sld"], "/"+path, func() {
				r.write(path, "theirs")
				wrote = true
			})
			since := nth(n)
			death := &outage{cause: errDied, works: r.options.Gate, at: func(op string, paths ...string) bool {
				return wrote && since(op, paths...)
			}}
			r.options.Gate = death.gate
			dead, err := dying(func() error { return r.apply(before.plan(t, after), after.source()) })
			if err != nil {
				t.Fatal(err)
			}
			if !dead {
				break
			}
			r.options.Gate = nil
			if err := r.restart(after.source()); err != nil {
				t.Fatal(err)
			}
			r.holds(after)
			if !slices.Contains(r.displaced[path], "theirs") || len(r.displaced) != 1 {
				t.Fatalf("%s, killed %d operations later: displaced %q", path, n, r.displaced)
			}
		}
	}
}

// TestEmptyDirectoryInAFilesPlace: it holds nothing of anybody, and goes, whether it stood there before or came at the
// last moment, at any kill on the way; one that holds a file stays, and the file with it.
func TestEmptyDirectoryInAFilesPlace(t *testing.T) {
	plan := before.plan(t, after)
	for _, path := range []string{"global.xml", "styles/new.sld"} {
		for n := 1; ; n++ {
			r := newReplica(t, before)
			if err := errors.Join(os.RemoveAll(r.at(path)), os.MkdirAll(r.at(path+"/deep"), 0o755)); err != nil {
				t.Fatal(err)
			}
			if err := r.open().Check(plan); err != nil {
				t.Fatal(err)
			}
			count := 0
			r.options.Gate = func(string, ...string) error {
				if count++; count >= n {
					return errDied
				}
				return nil
			}
			died := r.apply(plan, after.source()) != nil
			r.options.Gate = nil
			if err := r.apply(plan, after.source()); err != nil {
				t.Fatalf("killed at %d: %v", n, err)
			}
			r.holds(after)
			if !died {
				break
			}
		}
	}
	r := newReplica(t, before)
	r.options.Gate = r.intruder("exchange", "/global.xml", func() {
		if err := os.Remove(r.at("global.xml")); err != nil {
			t.Fatal(err)
		}
		r.write("global.xml/deep/theirs", "theirs")
	})
	if err := r.apply(plan, after.source()); err == nil || r.content()["global.xml/deep/theirs"] != "theirs" {
		t.Errorf("a directory that holds a file: %v", err)
	}
}

// TestRemovedAtTheLastMoment: a file that goes by itself is in nobody's way.
func TestRemovedAtTheLastMoment(t *testing.T) {
	for _, path := range []string{"global.xml", "styles/old.sld", "becomes-folder"} {
		for _, operation := range []string{"exchange", "rename"} {
			r := newReplica(t, before)
			r.options.Gate = r.intruder(operation, "/"+path, func() { os.Remove(r.at(path)) })
			if err := r.apply(before.plan(t, after), after.source()); err != nil {
				t.Fatal(err)
			}
			r.holds(after)
			if len(r.displaced) > 0 {
				t.Errorf("displaced %q", r.displaced)
			}
		}
	}
}

// TestLinkAtTheLastMoment: a symbolic link that appears in a file's place is put back,
// and what it leads to is not written.
func TestLinkAtTheLastMoment(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"global.xml", "styles/new.sld"} {
		r := newReplica(t, before)
		link := func() {
			os.Remove(r.at(path))
			if err := os.Symlink(outside, r.at(path)); err != nil {
				t.Fatal(err)
			}
		}
		r.options.Gate = r.intruder(map[bool]string{true: "exchange", false: "renamenew"}[path == "global.xml"], "/"+path, link)
		if err := r.apply(before.plan(t, after), after.source()); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Fatalf("Apply over a link: %v", err)
		}
		if target, err := os.Readlink(r.at(path)); err != nil || target != outside {
			t.Errorf("the link became %q, %v", target, err)
		}
		if text, _ := os.ReadFile(outside); string(text) != "outside" {
			t.Errorf("wrote %q through the link", text)
		}
		if err := os.Remove(r.at(path)); err != nil {
			t.Fatal(err)
		}
		r.options.Gate = nil
		if err := r.restart(after.source()); err != nil {
			t.Fatal(err)
		}
		r.holds(after)
	}
}

// TestNoPlaceForDisplacedBytes: where they can not be kept, the apply stops and keeps
// them itself, until they can.
func TestNoPlaceForDisplacedBytes(t *testing.T) {
	r := newReplica(t, before)
	keep := r.options.Displaced
	full := errors.New("no room for a drift commit")
	r.options.Displaced = func(string, []byte) error { return full }
	r.options.Gate = r.intruder("exchange", "/global.xml", func() { r.write("global.xml", "theirs") })
	if err := r.apply(before.plan(t, after), after.source()); !errors.Is(err, full) {
		t.Fatalf("Apply: %v", err)
	}
	for range 2 {
		if err := r.restart(after.source()); !errors.Is(err, full) {
			t.Fatalf("restart: %v", err)
		}
	}
	r.options.Displaced = keep
	if err := r.restart(after.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(after)
	if !slices.Contains(r.displaced["global.xml"], "theirs") {
		t.Errorf("displaced %q", r.displaced)
	}
}

// TestWriterBeside: a GeoServer that writes all the time, into the same directory.
func TestWriterBeside(t *testing.T) {
	const rounds = 40
	r := newReplica(t, tree{"a.xml": "v0"})
	written := make(map[string]bool)
	n := 0
	r.options.Gate = func(op string, paths ...string) error {
		n++
		if n%3 == 0 && !strings.Contains(paths[len(paths)-1], "journal") {
			text := "theirs " + strings.Repeat("x", n)
			r.write(".tmp", text)
			if err := os.Rename(r.at(".tmp"), r.at("a.xml")); err != nil {
				t.Error(err)
			}
			written[text] = true
		}
		return nil
	}
	now := tree{"a.xml": "v0"}
	for i := range rounds {
		next := tree{"a.xml": "v" + strings.Repeat("y", i+1)}
		plan := now.plan(t, next)
		d := r.open()
		drifts, err := d.Before(plan)
		if err != nil {
			t.Fatal(err)
		}
		for _, drift := range drifts {
			r.displaced[drift.Path] = append(r.displaced[drift.Path], string(drift.Have))
		}
		if err := r.apply(plan, next.source()); err != nil {
			t.Fatal(err)
		}
		now = next
	}
	r.options.Gate = nil
	// The writer itself replaced most of its versions; each that we took away was kept,
	// or still stands.
	last := r.content()["a.xml"]
	kept := maps.Collect(func(yield func(string, bool) bool) {
		for _, text := range r.displaced["a.xml"] {
			yield(text, true)
		}
	})
	if len(kept) == 0 {
		t.Error("the writer never met us: the test tests nothing")
	}
	if last != now["a.xml"] && !written[last] {
		t.Errorf("the file holds %.40q, which nobody wrote", last)
	}
}

// TestFileSystemWithoutExchange: overlays and shares know no renameat2; the apply is as
// whole there, and looks at what it replaces before instead of after.
func TestFileSystemWithoutExchange(t *testing.T) {
	plain := func(operation string, _ ...string) error {
		if operation == "exchange" || operation == "renamenew" {
			return resync.ErrUnsupported
		}
		return nil
	}
	for n := 0; ; n++ { // 0: it lives
		r := newReplica(t, few)
		death := deathAt(n)
		death.works = plain
		r.options.Gate = death.gate
		if _, err := dying(func() error { return r.apply(few.plan(t, other), other.source()) }); err != nil {
			t.Fatal(err)
		}
		r.afterCrash(few, other)
		if n > 0 && !death.reached {
			break
		}
	}
	r := newReplica(t, before)
	r.options.Gate = plain
	r.write("global.xml", "theirs")
	r.write("workspaces/new/s/store.xml", "theirs too")
	if err := r.apply(before.plan(t, after), after.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(after)
	if len(r.displaced) != 2 || r.displaced["global.xml"][0] != "theirs" {
		t.Errorf("displaced %q", r.displaced)
	}
}
