//go:build unix

package xmlcatalog

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// OnDisk is os.DirFS for many small files: an os.File asks the system ten times
// to be read and closed, this one four times. It waits for nobody: a pipe is
// empty.
func OnDisk(root string) fs.FS { return onDisk{os.DirFS(root), root} }

type onDisk struct {
	fs.FS
	root string
}

func (d onDisk) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(d.FS, name) }

func (d onDisk) ReadFile(name string) ([]byte, error) { return fs.ReadFile(d.FS, name) }

func (d onDisk) Stat(name string) (fs.FileInfo, error) { return fs.Stat(d.FS, name) }

func (d onDisk) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	path := d.root + "/" + name
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		switch {
		case err == nil:
			return &diskFile{fd: fd, name: name, in: d}, nil
		case !errors.Is(err, unix.EINTR):
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// diskFile must be closed: nothing does it in its place.
type diskFile struct {
	fd   int
	name string
	in   onDisk

	entries []fs.DirEntry // that ReadDir has not given yet
}

func (f *diskFile) Stat() (fs.FileInfo, error) { return f.in.Stat(f.name) }

func (f *diskFile) Read(into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	for {
		n, err := unix.Read(f.fd, into)
		switch {
		case err == nil && n == 0:
			return 0, io.EOF
		case err == nil:
			return n, nil
		case !errors.Is(err, unix.EINTR):
			return 0, &fs.PathError{Op: "read", Path: f.name, Err: err}
		}
	}
}

// ReadDir makes it a directory's file, too.
func (f *diskFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if f.entries == nil {
		entries, err := f.in.ReadDir(f.name)
		if err != nil {
			return nil, err
		}
		f.entries = append([]fs.DirEntry{}, entries...)
	}
	if n > 0 && len(f.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.entries) {
		n = len(f.entries)
	}
	next := f.entries[:n:n]
	f.entries = f.entries[n:]
	return next, nil
}

func (f *diskFile) Close() error { return unix.Close(f.fd) }
