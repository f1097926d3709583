package resync_test

import (
	"errors"
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
// and all of its old ones. It hears of each operation and puts the directory back.
type forgetful struct {
	t     testing.TB
	aside []string        // keep what an undone removal needs, one on each file system
	fresh string          // the file that the last operation wrote
	bytes map[uint64]bool // files whose bytes are not synced, by inode
	names []renaming      // what was done to names, in order
}

type renaming struct {
	operation, from, to string
	left, dir           uint64 // the directories that lose the name, and get it
	saved               string
	gone, lasts         bool // each was synced since
}

func newForgetful(t testing.TB, aside ...string) *forgetful {
	t.Helper()
	if len(aside) == 0 {
		aside = []string{fastDir(t)}
	}
	return &forgetful{t: t, aside: aside, bytes: make(map[uint64]bool)}
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
	switch operation {
	case "sync":
		f.synced(inode(first))
	case "syncfs":
		clear(f.bytes)
		for i := range f.names {
			f.names[i].gone, f.names[i].lasts = true, true
		}
	case "write", "mkdir":
		if !exists(first) {
			f.note(operation, first, last)
		}
		if operation == "write" {
			f.fresh = first
		}
	case "renamenew":
		if exists(first) && !exists(last) {
			f.note(operation, first, last)
		}
	case "exchange":
		if exists(first) && exists(last) {
			f.note(operation, first, last)
		}
	case "rename", "remove":
		if exists(first) {
			f.note(operation, first, last).saved = f.save(last)
		}
	case "removeall":
		if exists(first) {
			f.note(operation, first, last).saved = f.take(first)
		}
	case "rmdir":
		if below, err := os.ReadDir(first); err == nil && len(below) == 0 {
			f.note(operation, first, last)
		}
	}
	return nil
}

func (f *forgetful) note(operation, from, to string) *renaming {
	f.names = append(f.names, renaming{
		operation: operation, from: from, to: to, left: inode(filepath.Dir(from)), dir: inode(filepath.Dir(to)),
	})
	return &f.names[len(f.names)-1]
}

func (f *forgetful) synced(ino uint64) {
	delete(f.bytes, ino)
	for i := range f.names {
		n := &f.names[i]
		n.gone, n.lasts = n.gone || n.left == ino, n.lasts || n.dir == ino
	}
}

// save keeps a file that is about to lose its name.
func (f *forgetful) save(path string) string {
	if !exists(path) {
		return ""
	}
	return f.elsewhere(path, os.Link)
}

// take keeps a whole directory that is about to be removed.
func (f *forgetful) take(path string) string { return f.elsewhere(path, os.Rename) }

func (f *forgetful) elsewhere(path string, move func(from, to string) error) string {
	var err error
	for _, aside := range f.aside {
		saved := filepath.Join(aside, fmt.Sprint(len(f.names), "-", inode(path)))
		if err = move(path, saved); err == nil || os.IsExist(err) {
			return saved
		}
	}
	f.t.Fatal(err)
	return ""
}

// cut lets the power go: bytes that were not synced are gone, and names that were not
// are taken back, the last first, but for those below kept: a disk may have written
// some things of its own accord, and in any order.
func (f *forgetful) cut(root string, kept func(path string) bool) {
	f.t.Helper()
	if err := f.forgetBytes(root); err != nil {
		f.t.Fatal(err)
	}
	now := func(path string) string { return path } // where an earlier path is, by what was kept
	for _, n := range slices.Backward(f.names) {
		stays := n.lasts || kept(now(n.to))
		was := now
		if stays {
			now = movedBy(n, now)
		}
		n.from, n.to = was(n.from), was(n.to)
		if err := n.undo(stays, kept); err != nil && !nowhere(err) {
			f.t.Logf("take back %s %s %s: %v", n.operation, n.from, n.to, err)
		}
	}
}

// nowhere: a stage that was forgotten as a whole, and a directory in whose place a file was
// kept, are no place to which a name could go back.
func nowhere(err error) bool {
	return os.IsNotExist(err) || os.IsExist(err) || errors.Is(err, syscall.ENOTDIR)
}

func (f *forgetful) forgetBytes(root string) error {
	if len(f.bytes) == 0 {
		return nil
	}
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && f.bytes[inode(path)] {
			return os.Truncate(path, 0)
		}
		return err
	})
}

// undo takes back what of an operation was forgotten. A rename is two facts: one directory
// has lost the name, another has got it, and each is on disk when that one was synced.
func (n renaming) undo(stays bool, kept func(path string) bool) error {
	moved := n.operation == "rename" || n.operation == "renamenew"
	switch {
	case stays && moved && n.lasts && !n.gone && !kept(n.from):
		return linger(n.to, n.from)
	case stays:
		return nil
	case moved && n.gone:
		return errors.Join(os.RemoveAll(n.to), n.bringBack())
	}
	return n.takeBack()
}

// linger gives a file that has moved its former name besides. A directory has one name
// only, and its rename is one fact.
func linger(now, before string) error {
	if info, err := os.Lstat(now); err != nil || info.IsDir() {
		return err
	}
	return os.Link(now, before)
}

func (n renaming) takeBack() error {
	switch n.operation {
	case "write", "mkdir":
		return os.Remove(n.from)
	case "exchange":
		return swap(n.from, n.to)
	case "rename", "renamenew":
		if err := os.Rename(n.to, n.from); err != nil {
			return err
		}
		return n.bringBack()
	case "remove":
		return n.bringBack()
	case "removeall":
		return os.Rename(n.saved, n.from)
	case "rmdir":
		return os.Mkdir(n.from, 0o755)
	}
	return nil
}

// bringBack is for the file whose name was removed, or taken by another.
func (n renaming) bringBack() error {
	if n.saved == "" {
		return nil
	}
	return os.Link(n.saved, n.to)
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
