package watcher

import (
	"io/fs"
	"syscall"
)

// identity is what the inode says of a file beside size and time: a restored
// file may have both of them as before, but not these.
func identity(info fs.FileInfo) []uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return []uint64{st.Ino, uint64(st.Dev), uint64(st.Ctimespec.Nano())}
}

func inodeOf(info fs.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return st.Ino ^ uint64(st.Dev)<<40 // another file system may have the same number
}

// networked is not asked on macOS, which is for development.
func networked(string) string { return "" }

// raise is the setting that must be raised where open files have run out.
func raise(bool) string { return "ulimit -n" }
