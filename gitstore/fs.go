package gitstore

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// FS is the tree of a commit as a read-only file system. Times are zero: git keeps none for files. What is no regular
// file (a symlink, another repository's commit) is shown with its type and does not open.
func (s *Store) FS(commit Hash) fs.FS { return treeFS{s, commit} }

type treeFS struct {
	store  *Store
	commit Hash
}

func (t treeFS) find(op, name string) (treeEntry, error) {
	if !fs.ValidPath(name) {
		return treeEntry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	inTree := name
	if name == "." {
		inTree = ""
	}
	e, ok, err := t.store.lookup(t.commit, inTree)
	if err == nil && !ok {
		err = fs.ErrNotExist
	}
	if err != nil {
		return e, &fs.PathError{Op: op, Path: name, Err: err}
	}
	e.name = path.Base(name)
	return e, nil
}

func (t treeFS) Open(name string) (fs.File, error) {
	e, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.isTree() {
		entries, err := t.ReadDir(name)
		return &openDir{info: treeInfo{entry: e}, entries: entries}, err
	}
	content, err := t.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{treeInfo{t.store, e, int64(len(content))}, bytes.NewReader(content)}, nil
}

func (t treeFS) ReadFile(name string) ([]byte, error) {
	e, err := t.find("read", name)
	if err != nil {
		return nil, err
	}
	if !e.isRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	content, err := t.store.Blob(e.id)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return content, nil
}

func (t treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !e.isTree() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	d, err := t.store.directory(e.id)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	out := make([]fs.DirEntry, len(d))
	for i, child := range d {
		out[i] = treeInfo{t.store, child, -1}
	}
	sortByName(out)
	return out, nil
}

func (t treeFS) Stat(name string) (fs.FileInfo, error) {
	e, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return treeInfo{t.store, e, -1}.Info()
}

// treeInfo is a tree entry as fs sees it; its size is -1 until Info reads it.
type treeInfo struct {
	store *Store
	entry treeEntry
	size  int64
}

func (i treeInfo) Name() string       { return i.entry.name }
func (i treeInfo) Size() int64        { return max(0, i.size) }
func (i treeInfo) IsDir() bool        { return i.entry.isTree() }
func (i treeInfo) Type() fs.FileMode  { return i.Mode().Type() }
func (i treeInfo) ModTime() time.Time { return time.Time{} }
func (i treeInfo) Sys() any           { return nil }

func (i treeInfo) Mode() fs.FileMode {
	switch i.entry.mode & modeKind {
	case modeDirectory:
		return fs.ModeDir | 0o555
	case modeRegular:
		return 0o444 | fs.FileMode(i.entry.mode&0o111)
	case 0o120000:
		return fs.ModeSymlink | 0o777
	}
	return fs.ModeIrregular
}

func (i treeInfo) Info() (fs.FileInfo, error) {
	if i.size < 0 && i.entry.isRegular() {
		content, err := i.store.objectOf(kindBlob, i.entry.id)
		if err != nil {
			return nil, err
		}
		i.size = int64(len(content))
	}
	return i, nil
}

type openFile struct {
	info treeInfo
	*bytes.Reader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	info    treeInfo
	entries []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.Name(), Err: fs.ErrInvalid}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.entries) {
		n = len(d.entries)
	}
	out := d.entries[:n:n]
	d.entries = d.entries[n:]
	return out, nil
}

// sortByName gives fs's order, in which a directory does not sort as if its name ended in a slash.
func sortByName(entries []fs.DirEntry) {
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
}
