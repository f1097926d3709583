package resync

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	keepTarget = unix.RENAME_NOREPLACE
	swapTarget = unix.RENAME_EXCHANGE

	canSyncVolume = true
)

func factsOf(info fs.FileInfo) facts {
	f := facts{mode: info.Mode(), size: info.Size(), mtime: info.ModTime(), ctime: info.ModTime(), uid: -1, gid: -1}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		f.uid, f.gid = int(s.Uid), int(s.Gid)
		f.dev, f.ino = s.Dev, s.Ino
		f.ctime = time.Unix(s.Ctim.Unix())
	}
	return f
}

// readRegular reads a file, and neither follows a symbolic link that took its place a
// moment ago nor waits for the writer of a named pipe.
func readRegular(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: no regular file", path)
	}
	content := make([]byte, 0, info.Size()+1)
	return readInto(file, content)
}

func readInto(file io.Reader, content []byte) ([]byte, error) {
	for {
		if len(content) == cap(content) {
			content = append(content, 0)[:len(content)]
		}
		n, err := file.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		if err == io.EOF {
			return content, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func renameFlags(from, to string, flags uint) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP):
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: errUnsupported}
	}
	return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}

// topOfTrees is ext4's FS_TOPDIR_FL, the T of chattr.
const topOfTrees = 0x20000

// apart calls make, which makes a directory in parent, and asks the file system to put
// it somewhere else than its neighbours. That is a hint, which ext4 alone knows.
func apart(parent string, make func() error) error {
	dir, err := os.Open(parent)
	if err != nil {
		return err
	}
	defer dir.Close()
	flags, err := unix.IoctlGetUint32(int(dir.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil || unix.IoctlSetPointerInt(int(dir.Fd()), unix.FS_IOC_SETFLAGS, int(flags|topOfTrees)) != nil {
		return make()
	}
	err = make()
	_ = unix.IoctlSetPointerInt(int(dir.Fd()), unix.FS_IOC_SETFLAGS, int(flags)) // the next may be wanted close by
	return err
}

// beginWriting has the disk begin with what a file holds, without waiting for it.
func beginWriting(file *os.File) {
	_ = unix.SyncFileRange(int(file.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE) // the sync that follows tells of errors
}

func syncVolume(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.Syncfs(int(file.Fd())); err != nil {
		return &fs.PathError{Op: "syncfs", Path: dir, Err: err}
	}
	return nil
}

// volume tells file systems apart, and two mounts of one: no rename crosses either.
type volume struct{ dev, mount uint64 }

func (k disk) volume(dir string) (volume, error) {
	if err := k.ask("look", dir); err != nil {
		return volume{}, err
	}
	var x unix.Statx_t
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_STATX_DONT_SYNC
	err := unix.Statx(unix.AT_FDCWD, dir, flags, unix.STATX_MNT_ID, &x)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return deviceOf(dir) // an old kernel, or a container that forbids what it does not know
	}
	if err != nil {
		return volume{}, &fs.PathError{Op: "statx", Path: dir, Err: err}
	}
	return volume{dev: unix.Mkdev(x.Dev_major, x.Dev_minor), mount: x.Mnt_id}, nil
}

func deviceOf(dir string) (volume, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return volume{}, err
	}
	return volume{dev: factsOf(info).dev}, nil
}

// room is what a file system has left.
type room struct {
	bytes, files int64 // files is -1 where there is no such limit
	longestName  int
}

func (k disk) room(dir string) (room, error) {
	if err := k.ask("look", dir); err != nil {
		return room{}, err
	}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return room{}, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	r := room{bytes: int64(s.Bavail) * s.Bsize, files: -1, longestName: int(s.Namelen)}
	if s.Files > 0 {
		r.files = int64(s.Ffree)
	}
	return r, nil
}

// writable reports whether this process may make and remove names in a directory.
func (k disk) writable(dir string) error {
	if err := k.ask("look", dir); err != nil {
		return err
	}
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return &fs.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil
}

// unwritten is how many bytes the machine has not written to its disks yet. Where the
// kernel does not say, it is taken for too many.
func unwritten() int64 {
	content, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return math.MaxInt64
	}
	var pages int64
	for _, name := range []string{"Dirty:", "Writeback:"} {
		_, line, _ := strings.Cut(string(content), "\n"+name)
		var kib int64
		if _, err := fmt.Sscan(line, &kib); err != nil {
			return math.MaxInt64
		}
		pages += kib
	}
	return pages << 10
}
