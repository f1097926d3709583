package gsgit

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// errMoving is a file that changed while it was read: the event of that change is still to come.
var errMoving = errors.New("the file changed while it was read")

// readRegular gives the bytes of a regular file; ok is false where there is none. It follows no link and waits for
// nobody at the other end of a pipe. It takes the fewest system calls that tell a torn read: half of what an import
// does is this. A file that is replaced meanwhile is read to its end as it was, as if a moment earlier.
func readRegular(name string) (content []byte, ok bool, err error) {
	fd, err := openRegular(name)
	if fd < 0 {
		return nil, false, err
	}
	defer func() { _ = unix.Close(fd) }() // it was only read
	var before, after unix.Stat_t
	if err := unix.Fstat(fd, &before); err != nil || before.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, false, pathError("look at", name, err)
	}
	content = make([]byte, before.Size)
	if err := readFull(fd, content); err != nil {
		return nil, false, pathError("read", name, err)
	}
	if err := unix.Fstat(fd, &after); err != nil || after.Size != before.Size || after.Mtim != before.Mtim {
		return nil, false, pathError("read", name, errors.Join(err, errMoving))
	}
	return content, true, nil
}

// openRegular gives a negative number where there is nothing, or something that is no regular file.
func openRegular(name string) (int, error) {
	for {
		fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		switch {
		case err == nil:
			return fd, nil
		case err == unix.EINTR:
			continue
		case vanished(err):
			return -1, nil
		}
		info, looked := os.Lstat(name)
		if vanished(looked) || looked == nil && !info.Mode().IsRegular() {
			return -1, nil
		}
		return -1, pathError("open", name, err)
	}
}

// readFull fills the buffer; a file that ends before is one that was cut meanwhile.
func readFull(fd int, to []byte) error {
	for len(to) > 0 {
		n, err := unix.Read(fd, to)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n == 0:
			return errMoving
		default:
			to = to[n:]
		}
	}
	return nil
}

func pathError(act, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: act, Path: name, Err: err}
}
