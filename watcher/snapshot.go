package watcher

import (
	"cmp"
	"slices"
	"strings"
)

// snapshot is what is known of the tree: of each directory its inode and the
// marks of its tracked files. It is compact, as trees may have 225,000 files:
// a mark is a digest of size, times and inode, equal names are one string.
type snapshot struct {
	top     *folder
	folders int // how many, the root included
	names   map[string]string
}

type folder struct {
	inode   uint64
	files   []file // sorted by name
	folders []sub  // sorted by name
}

type file struct {
	name string
	mark uint64
}

type sub struct {
	name string
	*folder
}

func newSnapshot() *snapshot {
	return &snapshot{top: &folder{}, folders: 1, names: map[string]string{}}
}

// intern makes equal names share their bytes: most files have one of a few.
func (s *snapshot) intern(name string) string {
	if known, ok := s.names[name]; ok {
		return known
	}
	name = strings.Clone(name) // a part of a path would keep all of it
	if len(s.names) < 4096 {
		s.names[name] = name
	}
	return name
}

func (f *folder) file(name string) (int, bool) {
	return slices.BinarySearchFunc(f.files, name, func(f file, n string) int { return cmp.Compare(f.name, n) })
}

func (f *folder) folder(name string) (int, bool) {
	return slices.BinarySearchFunc(f.folders, name, func(s sub, n string) int { return cmp.Compare(s.name, n) })
}

// find is the folder of a directory, nil if it is not known.
func (s *snapshot) find(dir string) *folder {
	f := s.top
	for dir != "" {
		var name string
		name, dir, _ = strings.Cut(dir, "/")
		i, ok := f.folder(name)
		if !ok {
			return nil
		}
		f = f.folders[i].folder
	}
	return f
}

// learn is the folder of a directory, new and empty if it is not known; nil if
// the directory above it is not known either.
func (s *snapshot) learn(dir string) *folder {
	if dir == "" {
		return s.top
	}
	above := s.find(parent(dir))
	if above == nil {
		return nil
	}
	name := base(dir)
	i, ok := above.folder(name)
	if !ok {
		above.folders = slices.Insert(above.folders, i, sub{s.intern(name), &folder{}})
		s.folders++
	}
	return above.folders[i].folder
}

// drop forgets a directory with all below it.
func (s *snapshot) drop(dir string) {
	above := s.find(parent(dir))
	if above == nil {
		return
	}
	if i, ok := above.folder(base(dir)); ok {
		s.folders -= above.folders[i].count()
		above.folders = slices.Delete(above.folders, i, i+1)
	}
}

// set notes the mark of a file; 0 forgets it. A file of a directory that is
// not known is not noted.
func (s *snapshot) set(path string, mark uint64) {
	f := s.find(parent(path))
	if f == nil {
		return
	}
	name := base(path)
	switch i, ok := f.file(name); {
	case ok && mark == 0:
		f.files = slices.Delete(f.files, i, i+1)
	case ok:
		f.files[i].mark = mark
	case mark != 0:
		f.files = slices.Insert(f.files, i, file{s.intern(name), mark})
	}
}

// knows tells whether a tracked file was there when last looked at.
func (s *snapshot) knows(path string) bool {
	f := s.find(parent(path))
	if f == nil {
		return false
	}
	_, ok := f.file(base(path))
	return ok
}

// count is the number of folders at and below this one.
func (f *folder) count() int {
	n := 1
	for _, s := range f.folders {
		n += s.count()
	}
	return n
}

// holds tells whether a tracked file lies at or below this folder.
func (f *folder) holds() bool {
	return len(f.files) > 0 || slices.ContainsFunc(f.folders, func(s sub) bool { return s.holds() })
}

// each calls fn with the path of dir, which is this folder, and of all below.
func (f *folder) each(dir string, fn func(string)) {
	fn(dir)
	for _, s := range f.folders {
		s.each(join(dir, s.name), fn)
	}
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
