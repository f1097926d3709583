package resync_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestHoldsWhatItWrote(t *testing.T) {
	now := tree{"a": "1", "old/x": "2"}
	next := tree{"a": "11", "old/x": "2", "new/y": "3"}
	r := newReplica(t, now)
	d := r.open()
	if d.Holds("a", blob("1")) {
		t.Error("nothing was written, and a is said to be held")
	}
	plan := now.plan(t, next)
	if err := d.Apply(t.Context(), plan, next.source()); err != nil {
		t.Fatal(err)
	}
	if err := d.Done(); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"a": "11", "new/y": "3"} {
		if !d.Holds(path, blob(text)) {
			t.Errorf("%s was written and is not said to be held", path)
		}
		if d.Holds(path, blob("other")) {
			t.Errorf("%s is said to hold other bytes", path)
		}
	}
	if d.Holds("old/x", blob("2")) {
		t.Error("old/x was not written by this apply")
	}

	changes := map[string]func(path string) error{
		"rewritten in place": func(path string) error { return os.WriteFile(path, []byte("zz"), 0o644) },
		"replaced": func(path string) error {
			if err := os.WriteFile(path+".new", []byte("11"), 0o644); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"removed":          os.Remove,
		"touched":          func(path string) error { return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) },
		"made a link":      relink,
		"made a directory": func(path string) error { _ = os.Remove(path); return os.Mkdir(path, 0o755) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, now)
			d := r.open()
			if err := d.Apply(t.Context(), plan, next.source()); err != nil {
				t.Fatal(err)
			}
			ticks(t, r.at("a"))
			if err := change(r.at("a")); err != nil {
				t.Fatal(err)
			}
			if d.Holds("a", blob("11")) {
				t.Error("it is said to be held")
			}
		})
	}
}

// ticks waits for the file system's clock to go on: a probe beside the file gets a later time than its last change.
func ticks(t *testing.T, path string) {
	t.Helper()
	probe := filepath.Join(t.TempDir(), "probe")
	for written := changed(t, path); ; {
		if err := os.WriteFile(probe, []byte("."), 0o600); err != nil {
			t.Fatal(err)
		}
		if changed(t, probe).After(written) {
			return
		}
	}
}

// changed is when an inode changed last, which no Chtimes sets.
func changed(t *testing.T, path string) time.Time {
	t.Helper()
	var info unix.Stat_t
	if err := unix.Lstat(path, &info); err != nil {
		t.Fatal(err)
	}
	return time.Unix(info.Ctim.Unix())
}

func relink(path string) error {
	if err := os.Rename(path, path+".real"); err != nil {
		return err
	}
	return os.Symlink(path+".real", path)
}

// TestBeforeReadsWhatOthersMayHaveWritten, and not what this Directory put there itself.
func TestBeforeReadsWhatOthersMayHaveWritten(t *testing.T) {
	now, next := make(tree), make(tree)
	for path, content := range before {
		now[path], next[path] = content, content+" next"
	}
	r := newReplica(t, nil)
	var read []string
	r.options.Gate = func(operation string, paths ...string) error {
		if operation == "read" {
			read = append(read, paths[0])
		}
		return nil
	}
	d := r.open()
	if err := errors.Join(d.Apply(t.Context(), tree{}.plan(t, now), now.source()), d.Done()); err != nil {
		t.Fatal(err)
	}
	ticks(t, r.at("global.xml"))
	r.write("global.xml", "theirs")
	if err := os.Chtimes(r.at("styles/line.sld"), time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	read = nil
	drifts, err := d.Before(now.plan(t, next))
	if err != nil || len(drifts) != 1 || drifts[0].Path != "global.xml" || string(drifts[0].Have) != "theirs" {
		t.Errorf("Before: %v, %v", drifts, err)
	}
	if len(read) != 2 {
		t.Errorf("read %q", read)
	}
}
