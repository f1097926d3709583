package gitstore

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
)

// disk is the thin layer that every change of the repository goes through, so that tests can count syncs, die after any
// one change, and replay what a power cut would leave. TestNothingChangesTheRepositoryBesideTheDisk holds that.
type disk struct {
	syncs   atomic.Int64
	observe func(operation, path, to string) // nil outside tests; called after the operation; to is empty but for renames and links
	lazy    bool                             // tests only: syncs are counted, the device is not waited for
}

func (d *disk) seen(operation, path, to string) {
	if d.observe != nil {
		d.observe(operation, path, to)
	}
}

// create makes a new file, open for reading too; one that is there is an error.
func (d *disk) create(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		d.seen("create", path, "")
	}
	return f, err
}

func (d *disk) write(f *os.File, content []byte) error {
	_, err := f.Write(content)
	d.seen("write", f.Name(), "")
	return err
}

// reopen opens a file that was closed after writing, to sync it.
func (d *disk) reopen(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDWR, 0) }

// writer is write as an io.Writer.
func (d *disk) writer(f *os.File) io.Writer { return diskWriter{d, f} }

type diskWriter struct {
	disk *disk
	file *os.File
}

func (w diskWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.disk.seen("write", w.file.Name(), "")
	return n, err
}

// appendTo adds to the end of a file, making it and its directory if need be, and syncs neither.
func (d *disk) appendTo(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if closing := f.Close(); err == nil {
		err = closing
	}
	d.seen("append", path, "")
	return err
}

func (d *disk) flush(f *os.File) error {
	d.syncs.Add(1)
	if d.lazy {
		return nil
	}
	return f.Sync()
}

func (d *disk) syncFile(f *os.File) error {
	if err := d.flush(f); err != nil {
		return err
	}
	d.seen("sync", f.Name(), "")
	return nil
}

// syncDir makes the names in a directory durable.
func (d *disk) syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.flush(f); err != nil {
		return err
	}
	d.seen("syncdir", dir, "")
	return nil
}

// makeDir makes a directory and its missing parents, each durable in its parent.
func (d *disk) makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := d.makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	d.seen("mkdir", dir, "")
	return d.syncDir(parent)
}

// replaceFile writes a whole file by way of one in the temporary directory: readers see the old content or the new.
func (d *disk) replaceFile(temporary, path string, content []byte) error {
	f, err := d.create(filepath.Join(temporary, temporaryPrefix+randomName()))
	if err != nil {
		return err
	}
	err = d.fill(f, content, 0o644)
	if err == nil {
		err = d.rename(f.Name(), path)
	}
	if err != nil {
		d.discard(f.Name())
		return err
	}
	return d.syncDir(filepath.Dir(path))
}

// fill writes, syncs and closes a new file.
func (d *disk) fill(f *os.File, content []byte, mode os.FileMode) error {
	err := d.write(f, content)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = d.syncFile(f)
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// temporaryPrefix marks files that a crash may leave and Recover may take away. It is none of git's own (tmp_): a git gc
// --prune=now takes away whatever is called so, also what is being written.
const temporaryPrefix = "gsgit_tmp_"

func (d *disk) rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	d.seen("rename", from, to)
	return nil
}

func (d *disk) chmod(path string, mode os.FileMode) error { return os.Chmod(path, mode) }

func (d *disk) link(path, to string) error {
	if err := os.Link(path, to); err != nil {
		return linkError(err)
	}
	d.seen("link", path, to)
	return nil
}

// linkError tells of file systems without hard links, such as exFAT and some network shares.
func linkError(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOSYS) {
		return &storeError{text: "the file system of the repository has no hard links", cause: err, permanent: true,
			hint: "put the repository on another one with --git-dir"}
	}
	return err
}

func (d *disk) remove(path string) error {
	err := os.Remove(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		d.seen("remove", path, "")
	}
	return err
}

// discard removes a temporary file whose work is done or has failed; what can not be removed now, Recover removes.
func (d *disk) discard(path string) { _ = d.remove(path) }

// removeEmptyDirs removes a directory in which nothing but directories is.
func (d *disk) removeEmptyDirs(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := d.removeEmptyDirs(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return d.remove(dir)
}
