//go:build !linux

package resync

import (
	"io/fs"
	"os"
)

// Outside Linux the package serves development alone: owners are not kept, one file
// system is assumed, and a replaced file is read before the rename instead of after.
const (
	keepTarget uint = 1
	swapTarget uint = 2

	canSyncVolume = false
)

func factsOf(info fs.FileInfo) facts {
	return facts{mode: info.Mode(), size: info.Size(), mtime: info.ModTime(), ctime: info.ModTime(), uid: -1, gid: -1}
}

func readRegular(path string) ([]byte, error) { return os.ReadFile(path) }

func renameFlags(from, to string, _ uint) error {
	return &os.LinkError{Op: "rename", Old: from, New: to, Err: errUnsupported}
}

func (k disk) attributes(string) ([]attribute, error) { return nil, nil }

func (k disk) defaultACL(string) (acl, error) { return nil, nil }

func setAttribute(*os.File, attribute) error { return nil }

func inheritNothing(string) error { return nil }

func apart(_ string, make func() error) error { return make() }

func beginWriting(*os.File) {}

func unwritten() int64 { return 0 }

func syncVolume(dir string) error {
	return &fs.PathError{Op: "syncfs", Path: dir, Err: errUnsupported}
}

type volume struct{}

func (k disk) volume(string) (volume, error) { return volume{}, nil }

type room struct {
	bytes, files int64
	longestName  int
}

func (k disk) room(string) (room, error) {
	return room{bytes: 1 << 62, files: -1, longestName: maxName}, nil
}

func (k disk) writable(string) error { return nil }
