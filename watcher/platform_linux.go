package watcher

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// identity is what the inode says of a file beside size and time: a restored
// file may have both of them as before, but not these.
func identity(info fs.FileInfo) []uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return []uint64{st.Ino, uint64(st.Dev), uint64(st.Ctim.Nano())} //nolint:unconvert // Dev is narrower on other machines
}

func inodeOf(info fs.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return st.Ino ^ uint64(st.Dev)<<40 //nolint:unconvert // Dev is narrower elsewhere; another file system may have the same number
}

// remote are the file systems on which others may write without an event
// coming here.
var remote = map[uint32]string{
	unix.NFS_SUPER_MAGIC:   "NFS",
	unix.SMB_SUPER_MAGIC:   "SMB",
	unix.CIFS_SUPER_MAGIC:  "CIFS",
	unix.SMB2_SUPER_MAGIC:  "SMB",
	unix.AFS_SUPER_MAGIC:   "AFS",
	unix.CODA_SUPER_MAGIC:  "Coda",
	unix.CEPH_SUPER_MAGIC:  "CephFS",
	unix.FUSE_SUPER_MAGIC:  "FUSE",
	unix.V9FS_MAGIC:        "9P",
	unix.OCFS2_SUPER_MAGIC: "OCFS2",
	0x0bd00bd0:             "Lustre",
	0x47504653:             "GPFS",
}

// networked names the network file system that a directory lies on, "" if it
// lies on none.
func networked(dir string) string {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return ""
	}
	return remote[uint32(st.Type)]
}

// raise is the setting that must be raised where watches or instances of
// inotify have run out, with what it is now.
func raise(instances bool) string {
	name := "max_user_watches"
	if instances {
		name = "max_user_instances"
	}
	now, err := os.ReadFile("/proc/sys/fs/inotify/" + name)
	if err != nil {
		return "fs.inotify." + name
	}
	return fmt.Sprintf("fs.inotify.%s (now %s)", name, strings.TrimSpace(string(now)))
}
