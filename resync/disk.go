package resync

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// errUnsupported: the file system knows no rename that exchanges or keeps a target, or
// keeps nothing beside its files.
var errUnsupported = errors.New("not supported by the file system")

// disk is every file operation of the package, so that a test can break each of them.
type disk struct {
	gate func(operation string, paths ...string) error
}

// facts is what one lstat tells of a path.
type facts struct {
	mode         fs.FileMode
	size         int64
	mtime, ctime time.Time
	uid, gid     int // -1 where the system does not say
	dev, ino     uint64
}

func (f facts) regular() bool { return f.mode.IsRegular() }

// looks is how a file is to look: whose it is, who may read it, how old it is, and what
// its file system keeps beside it.
type looks struct {
	mode       fs.FileMode
	uid, gid   int
	mtime      time.Time
	attributes []attribute
}

func (k disk) ask(operation string, paths ...string) error {
	if k.gate == nil {
		return nil
	}
	if err := k.gate(operation, paths...); err != nil {
		return &fs.PathError{Op: operation, Path: paths[len(paths)-1], Err: err}
	}
	return nil
}

func (k disk) look(path string) (facts, error) {
	if err := k.ask("look", path); err != nil {
		return facts{}, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return facts{}, err
	}
	return factsOf(info), nil
}

func (k disk) read(path string) ([]byte, error) {
	if err := k.ask("read", path); err != nil {
		return nil, err
	}
	return readRegular(path)
}

func (k disk) list(path string) ([]fs.DirEntry, error) {
	if err := k.ask("list", path); err != nil {
		return nil, err
	}
	return os.ReadDir(path)
}

// durability says when what is written has to reach the disk.
type durability int

const (
	syncLater durability = iota // somebody else sees to it
	syncSoon                    // the same, a little later: the disk may begin now
	syncNow
)

// write makes a new file, and says what it is now. It never opens one that is there.
func (k disk) write(path string, content []byte, as looks, when durability) (made facts, err error) {
	refused := k.ask("write", path)
	if refused != nil {
		content = content[:len(content)/2] // a full disk takes a part before it refuses
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return facts{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(content); err != nil {
		return facts{}, err
	}
	if refused != nil {
		return facts{}, refused
	}
	if err := dress(file, as); err != nil {
		return facts{}, err
	}
	if err := k.begin(file, when); err != nil {
		return facts{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return facts{}, err
	}
	return factsOf(info), nil
}

// begin has a file written to the disk, as soon as it has to be.
func (k disk) begin(file *os.File, when durability) error {
	switch when {
	case syncSoon:
		beginWriting(file)
	case syncNow:
		if err := k.ask("sync", file.Name()); err != nil {
			return err
		}
		return file.Sync()
	}
	return nil
}

// dress gives an open file or directory its looks: the owner first, since a change of
// owner takes bits of the mode away, and then the mode, which is a part of an access list.
func dress(file *os.File, as looks) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	now := factsOf(info)
	if as.uid >= 0 && (now.uid != as.uid || now.gid != as.gid) {
		if err := file.Chown(as.uid, as.gid); err != nil {
			return err
		}
	}
	if err := file.Chmod(as.mode); err != nil {
		return err
	}
	for _, a := range as.attributes {
		if err := setAttribute(file, a); err != nil {
			return err
		}
	}
	if as.mtime.IsZero() {
		return nil
	}
	return os.Chtimes(file.Name(), as.mtime, as.mtime)
}

func (k disk) mkdir(path string, as looks) error {
	if err := k.ask("mkdir", path); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dress(dir, as), dir.Close())
}

// renameNew moves to a place that must be free: fs.ErrExist where it is not.
func (k disk) renameNew(from, to string) error {
	if err := k.ask("renamenew", from, to); err != nil {
		return err
	}
	return renameFlags(from, to, keepTarget)
}

// exchange swaps two paths in one step, so that nothing that stands there is lost.
func (k disk) exchange(a, b string) error {
	if err := k.ask("exchange", a, b); err != nil {
		return err
	}
	return renameFlags(a, b, swapTarget)
}

// rename moves over whatever file stands there.
func (k disk) rename(from, to string) error {
	if err := k.ask("rename", from, to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (k disk) touch(path string, mtime time.Time) error {
	if err := k.ask("touch", path); err != nil {
		return err
	}
	return os.Chtimes(path, mtime, mtime)
}

// rmdir removes an empty directory and nothing else: after a crash a file of ours can
// stand where a directory was.
func (k disk) rmdir(path string) error {
	if err := k.ask("rmdir", path); err != nil {
		return err
	}
	if err := syscall.Rmdir(path); err != nil {
		return &fs.PathError{Op: "rmdir", Path: path, Err: err}
	}
	return nil
}

// remove unlinks a file.
func (k disk) remove(path string) error {
	if err := k.ask("remove", path); err != nil {
		return err
	}
	return os.Remove(path)
}

func (k disk) removeAll(path string) error {
	if err := k.ask("removeall", path); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// sync makes a file's bytes, or a directory's entries, survive a power cut.
func (k disk) sync(path string) error {
	if err := k.ask("sync", path); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// syncVolume makes everything on the file system of a directory survive a power cut.
func (k disk) syncVolume(dir string) error {
	if err := k.ask("syncfs", dir); err != nil {
		return err
	}
	return syncVolume(dir)
}
