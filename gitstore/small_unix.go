//go:build unix

package gitstore

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// readSmall is os.ReadFile for a file of a few bytes that is read at every turn, as a ref: three calls of the system
// where an os.File takes ten. The result is never nil without an error.
func readSmall(path string) ([]byte, error) {
	fd, err := again(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(fd) }() // it was only read
	content := make([]byte, 128)
	n, err := again(func() (int, error) { return unix.Read(fd, content) })
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	if n == len(content) {
		return os.ReadFile(path) // it is no small file
	}
	return content[:n], nil
}

// again repeats a call that a signal interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
