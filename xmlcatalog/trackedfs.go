package xmlcatalog

import (
	"io/fs"
	"slices"
)

// FS shows only the tracked files of a data directory, as [Load] wants it. It
// opens no directory that holds none, so a tile cache costs nothing. Symbolic
// links are not shown.
func (r Rules) FS(dir fs.FS) fs.FS { return trackedFS{dir, r} }

type trackedFS struct {
	fs.FS
	rules Rules
}

func (f trackedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	return slices.DeleteFunc(entries, func(d fs.DirEntry) bool { return !f.shows(name, d) }), err
}

func (f trackedFS) shows(dir string, d fs.DirEntry) bool {
	path := d.Name()
	if dir != "." {
		path = dir + "/" + path
	}
	if d.IsDir() {
		return f.rules.Descend(path)
	}
	return d.Type().IsRegular() && f.rules.Tracked(path)
}
