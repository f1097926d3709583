package watcher

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// tree is the directory tree with what was last seen of it.
type tree struct {
	*snapshot
	root    string
	descend func(dir string) bool
	tracked func(path string) bool
	// young is how old a file must be for its mark to be trusted: two writes
	// within a tick of the file system's clock look alike. 0 where events
	// tell of each write.
	young time.Duration
}

// look is what one directory showed.
type look struct {
	changed  []string // tracked files that came, changed or went, or may have
	news     bool     // one of them did
	gone     []string // directories that went
	fresh    []string // directories that came, not looked at yet
	kept     []string // directories that stand as before
	replaced bool     // it is another directory than last time
}

func (t *tree) file(path string) string { return filepath.Join(t.root, filepath.FromSlash(path)) }

// inode is the inode of a directory, 0 if there is none.
func (t *tree) inode(dir string) uint64 {
	info, err := os.Lstat(t.file(dir))
	if err != nil || !info.IsDir() {
		return 0
	}
	return inodeOf(info)
}

// look reads a directory that is known, compares it with what was known, and
// notes what it is now. Directories that went are still known afterwards: the
// caller drops them when it has taken their watches away.
func (t *tree) look(dir string) (look, error) {
	f := t.find(dir)
	if f == nil {
		return look{}, nil
	}
	inode, files, folders, err := t.read(dir, f)
	if err != nil {
		return look{}, err
	}
	l := look{replaced: f.inode != 0 && f.inode != inode}
	f.inode = inode
	l.compareFiles(dir, f.files, files)
	l.compareFolders(dir, f, folders)
	if len(l.changed) > 0 {
		f.files = slices.Clip(files)
	}
	return l, nil
}

// read lists a directory: its inode, tracked files, and directories to look
// into. A file that can not be looked at keeps the mark it had.
func (t *tree) read(dir string, was *folder) (inode uint64, files []file, folders []string, err error) {
	d, err := os.Open(t.file(dir))
	if err != nil {
		return 0, nil, nil, err
	}
	defer d.Close()
	info, err := d.Stat()
	if err != nil {
		return 0, nil, nil, err
	}
	entries, err := d.ReadDir(-1)
	if err != nil {
		return 0, nil, nil, err
	}
	for _, e := range entries {
		path := join(dir, e.Name())
		switch {
		case e.IsDir():
			if t.descend(path) {
				folders = append(folders, e.Name())
			}
		case e.Type().IsRegular() && t.tracked(path):
			if mark := t.markOf(e, was); mark != 0 {
				files = append(files, file{t.intern(e.Name()), mark})
			}
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	slices.Sort(folders)
	return inodeOf(info), files, folders, nil
}

// markOf is the mark of a directory's entry, 0 if it has gone meanwhile.
func (t *tree) markOf(e fs.DirEntry, was *folder) uint64 {
	info, err := e.Info()
	if err == nil {
		return t.mark(info)
	}
	if i, ok := was.file(e.Name()); ok && !missing(err) {
		return was.files[i].mark
	}
	return 0
}

// youth is the bit of a mark that says: written just now.
const youth = 1

// mark is the mark of a file. One that was written just now has its own, so
// that the next scan reports it once more.
func (t *tree) mark(info fs.FileInfo) uint64 {
	if t.young > 0 && time.Since(info.ModTime()).Abs() < t.young {
		return digest(info) | youth // not so a time in the future, which would never get old
	}
	return digest(info)
}

// stat is the mark of a path, 0 if there is no regular file.
func (t *tree) stat(path string) uint64 {
	info, err := os.Lstat(t.file(path))
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return t.mark(info)
}

func (l *look) compareFiles(dir string, old, now []file) {
	for len(old) > 0 || len(now) > 0 {
		switch {
		case len(now) == 0 || len(old) > 0 && old[0].name < now[0].name:
			l.differs(join(dir, old[0].name), true)
			old = old[1:]
		case len(old) == 0 || now[0].name < old[0].name:
			l.differs(join(dir, now[0].name), true)
			now = now[1:]
		default:
			if was, is := old[0].mark, now[0].mark; was != is || is&youth != 0 {
				l.differs(join(dir, now[0].name), was&^youth != is&^youth)
			}
			old, now = old[1:], now[1:]
		}
	}
}

func (l *look) differs(path string, news bool) {
	l.changed = append(l.changed, path)
	l.news = l.news || news
}

func (l *look) compareFolders(dir string, f *folder, now []string) {
	for _, s := range f.folders {
		if _, ok := slices.BinarySearch(now, s.name); !ok {
			l.gone = append(l.gone, join(dir, s.name))
		}
	}
	for _, name := range now {
		if _, ok := f.folder(name); ok {
			l.kept = append(l.kept, join(dir, name))
		} else {
			l.fresh = append(l.fresh, join(dir, name))
		}
	}
}

// digest folds what tells one state of a file from another into 63 bits: a
// changed file has an equal one once in 2^63. It is not 0 and has no youth.
func digest(info fs.FileInfo) uint64 {
	h := uint64(14695981039346656037)
	for _, v := range append(identity(info), uint64(info.Size()), uint64(info.ModTime().UnixNano())) {
		h ^= v
		h *= 0x9e3779b97f4a7c15
		h ^= h >> 29
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 32
	}
	return max(h&^youth, youth<<1)
}

// missing tells whether an error says that there is nothing at a path. Any
// other error says nothing about the path: it is no deletion.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
