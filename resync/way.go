package resync

import (
	"errors"
	"io/fs"
	"path"
	"syscall"
)

// station is what stands at the place of a directory.
type station int

const (
	missing  station = iota
	folder           // a real directory, reached through real directories
	occupied         // a file, or something else that is no directory
	linked           // a symbolic link
)

// way remembers, during one look at the disk, what stands on the way to the files: a
// symbolic link there would lead every write somewhere else.
type way struct {
	d     *Directory
	known map[string]stop
}

type stop struct {
	station station
	facts   facts
	link    string // the symbolic link on the way, where there is one
	volume  *volume
}

func (d *Directory) way() *way { return &way{d: d, known: make(map[string]stop)} }

// at says what stands at the place of directory dir; "" is the root, which is one.
func (w *way) at(dir string) (stop, error) {
	if s, ok := w.known[dir]; ok {
		return s, nil
	}
	s, err := w.visit(dir)
	if err == nil {
		w.known[dir] = s
	}
	return s, err
}

func (w *way) visit(dir string) (stop, error) {
	if dir != "" {
		above, err := w.at(parent(dir))
		if err != nil || above.station == linked {
			return above, err
		}
		if above.station != folder {
			return stop{station: missing}, nil
		}
	}
	found, err := w.d.disk.look(w.d.at(dir))
	switch {
	case absent(err):
		return stop{station: missing}, nil
	case err != nil:
		return stop{}, err
	case found.mode.IsDir():
		return stop{station: folder, facts: found}, nil
	case found.mode&fs.ModeSymlink != 0:
		return stop{station: linked, facts: found, link: dir}, nil
	}
	return stop{station: occupied, facts: found}, nil
}

// home returns the nearest directory above a path that is there, and the topmost one
// that is not, "" where none is missing.
func (w *way) home(file string) (dir, lacking string, err error) {
	for dir = parent(file); ; dir = parent(dir) {
		s, err := w.at(dir)
		if err != nil {
			return "", "", err
		}
		switch {
		case s.station == folder:
			return dir, lacking, nil
		case s.station == linked:
			return "", "", &Error{what: quoted(s.link) + " is a symbolic link, which is not followed", hint: hintLink}
		case dir == "":
			return "", "", &Error{what: "the directory " + w.d.options.Root + " is gone", hint: "is its file system mounted?"}
		}
		lacking = dir
	}
}

const hintLink = "put a real directory or file in its place, or mount what it leads to there"

// volume says on which file system a directory on the way lies.
func (w *way) volume(dir string) (volume, error) {
	s, err := w.at(dir)
	if err != nil {
		return volume{}, err
	}
	if s.volume == nil {
		v, err := w.d.disk.volume(w.d.at(dir))
		if err != nil {
			return volume{}, err
		}
		s.volume = &v
		w.known[dir] = s
	}
	return *s.volume, nil
}

// parent is path.Dir with "" for the root.
func parent(file string) string {
	if dir := path.Dir(file); dir != "." {
		return dir
	}
	return ""
}

// absent reports that nothing stands at a path, also where a file stands above it.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
