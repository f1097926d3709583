package resync_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// forgetful is a file system that keeps, when the power goes, only what was synced: of
// a file that was not, no bytes; of a directory that was not, none of its new entries
// and all of its old ones. It listens at the Gate and puts the directory back.
type forgetful struct {
	t     *testing.T
	aside string          // keeps what an undone removal needs
	fresh string          // the file that the last operation wrote
	bytes map[uint64]bool // files whose bytes are not synced, by inode
	names []renaming      // what was done to names, in order
}

type renaming struct {
	operation, from, to string
	dir                 uint64 // the directory whose sync makes it last
	saved               string
	lasts               bool // its directory was synced since
}

func newForgetful(t *testing.T) *forgetful {
	return &forgetful{t: t, aside: fastDir(t), bytes: make(map[uint64]bool)}
}

func inode(path string) uint64 {
	var s syscall.Stat_t
	if syscall.Lstat(path, &s) != nil {
		return 0
	}
	return s.Ino
}

func exists(path string) bool { return inode(path) != 0 }

// listen notes an operation that is about to succeed.
func (f *forgetful) listen(operation string, paths ...string) error {
	if f.fresh != "" {
		f.bytes[inode(f.fresh)] = true
		f.fresh = ""
	}
	first, last := paths[0], paths[len(paths)-1]
	note := renaming{operation: operation, from: first, to: last, dir: inode(filepath.Dir(last))}
	switch operation {
	case "sync":
		f.synced(inode(first))
	case "syncfs":
		clear(f.bytes)
		for i := range f.names {
			f.names[i].lasts = true
		}
	case "write", "mkdir":
		if !exists(first) {
			f.names = append(f.names, note)
		}
		if operation == "write" {
			f.fresh = first
		}
	case "renamenew":
		if exists(first) && !exists(last) {
			f.names = append(f.names, note)
		}
	case "exchange":
		if exists(first) && exists(last) {
			f.names = append(f.names, note)
		}
	case "rename", "remove":
		if exists(first) {
			note.saved = f.save(last)
			f.names = append(f.names, note)
		}
	case "rmdir":
		if below, err := os.ReadDir(first); err == nil && len(below) == 0 {
			f.names = append(f.names, note)
		}
	}
	return nil
}

func (f *forgetful) synced(ino uint64) {
	delete(f.bytes, ino)
	for i := range f.names {
		f.names[i].lasts = f.names[i].lasts || f.names[i].dir == ino
	}
}

func (f *forgetful) save(path string) string {
	if !exists(path) {
		return ""
	}
	saved := filepath.Join(f.aside, fmt.Sprint(len(f.names), "-", inode(path)))
	if err := os.Link(path, saved); err != nil && !os.IsExist(err) {
		f.t.Fatal(err)
	}
	return saved
}

// cut lets the power go: bytes that were not synced are gone, and names that were not
// are taken back, the last first, but for those below kept: a disk may have written
// some things of its own accord, and in any order.
func (f *forgetful) cut(root string, kept func(path string) bool) {
	f.t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && f.bytes[inode(path)] {
			return os.Truncate(path, 0)
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	now := func(path string) string { return path } // where an earlier path is, by what was kept
	for _, n := range slices.Backward(f.names) {
		if n.lasts || kept(now(n.to)) {
			now = movedBy(n, now)
			continue
		}
		n.from, n.to = now(n.from), now(n.to)
		var err error
		switch n.operation {
		case "write":
			err = os.Remove(n.from)
		case "mkdir":
			err = os.Remove(n.from)
		case "renamenew":
			err = os.Rename(n.to, n.from)
		case "exchange":
			err = swap(n.from, n.to)
		case "rename":
			if err = os.Rename(n.to, n.from); err == nil && n.saved != "" {
				err = os.Link(n.saved, n.to)
			}
		case "remove":
			err = os.Link(n.saved, n.from)
		case "rmdir":
			err = os.Mkdir(n.from, 0o755)
		}
		// Where the stage was forgotten as a whole, its names have nowhere to go back to.
		if err != nil && !os.IsNotExist(err) && !os.IsExist(err) {
			f.t.Logf("take back %s %s %s: %v", n.operation, n.from, n.to, err)
		}
	}
}

// movedBy extends now by a rename that lasts though earlier ones do not.
func movedBy(n renaming, now func(string) string) func(string) string {
	if n.operation != "rename" && n.operation != "renamenew" {
		return now
	}
	return func(path string) string {
		if rest, below := strings.CutPrefix(path, n.from+"/"); below {
			return now(n.to + "/" + rest)
		}
		return now(path)
	}
}

func swap(a, b string) error {
	middle := a + ".swap"
	if err := os.Rename(a, middle); err != nil {
		return err
	}
	if err := os.Rename(b, a); err != nil {
		return err
	}
	return os.Rename(middle, b)
}

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
