package gitstore

import (
	"os"
	"path/filepath"
	"sync/atomic"
)

// disk is the thin layer that every durable step goes through, so that tests can count syncs and replay what a power cut
// would leave.
type disk struct {
	syncs   atomic.Int64
	observe func(operation, path string) // nil outside tests; called after the operation
	lazy    bool                         // tests only: syncs are counted, the device is not waited for
}

func (d *disk) seen(operation, path string) {
	if d.observe != nil {
		d.observe(operation, path)
	}
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
	d.seen("sync", f.Name())
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
	d.seen("syncdir", dir)
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
	return d.syncDir(parent)
}

// replaceFile writes a whole file by way of one in the temporary directory: readers see the old content or the new.
func (d *disk) replaceFile(temporary, path string, content []byte) error {
	f, err := os.CreateTemp(temporary, temporaryPrefix+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := d.fill(f, content, 0o644); err != nil {
		return err
	}
	if err := d.rename(f.Name(), path); err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(path))
}

// fill writes, syncs and closes a new file.
func (d *disk) fill(f *os.File, content []byte, mode os.FileMode) error {
	_, err := f.Write(content)
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

// temporaryPrefix marks files that a crash may leave and Recover may take away. Git clears old tmp_* files as well.
const temporaryPrefix = "tmp_gsgit_"

func (d *disk) rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	d.seen("rename", to)
	return nil
}

func (d *disk) remove(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	d.seen("remove", path)
	return nil
}
