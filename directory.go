package gsgit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// Directory is a data directory seen through the rules of what is tracked. It only reads.
type Directory struct {
	Root  string
	Rules xmlcatalog.Rules

	reads, walks atomic.Int64
}

// Work is what a Directory was asked for so far; tests hold the promises about work against it.
type Work struct {
	Reads int64 // files read
	Walks int64 // directories listed
}

// Work counts since the start.
func (d *Directory) Work() Work { return Work{Reads: d.reads.Load(), Walks: d.walks.Load()} }

// NotDataDirectory is what CheckDirectory says of a directory without global.xml.
type NotDataDirectory struct{ Root string }

func (e *NotDataDirectory) Error() string {
	return fmt.Sprintf("%s is not a GeoServer data directory: it has no global.xml", e.Root)
}

// Hint says what a person can do.
func (e *NotDataDirectory) Hint() string {
	return "name the data directory with -d, or use --force if its GeoServer has not started yet"
}

// Permanent tells that a retry can not help.
func (e *NotDataDirectory) Permanent() bool { return true }

// CheckDirectory tells whether root is a directory that can be read and, unless forced, looks like a data directory.
func CheckDirectory(root string, force bool) error {
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Problem{State: Error, Why: "there is no directory " + root, Help: "gsgit never makes a data directory: check -d"}
	case err != nil:
		return &Problem{State: Error, Why: "look at the data directory", Help: "run gsgit as the user of the GeoServer", Cause: err}
	case !info.IsDir():
		return &Problem{State: Error, Why: root + " is not a directory", Help: "check -d"}
	}
	if _, err := os.ReadDir(root); err != nil {
		return &Problem{State: Error, Why: "read the data directory", Help: "run gsgit as the user of the GeoServer", Cause: err}
	}
	if _, err := os.Stat(filepath.Join(root, "global.xml")); err != nil && !force {
		return &NotDataDirectory{Root: root}
	}
	return nil
}

// abs is the place of a slash path on disk.
func (d *Directory) abs(path string) string { return filepath.Join(d.Root, filepath.FromSlash(path)) }

// Files lists the tracked regular files at or below a path ("" is everything), sorted. What vanishes
// meanwhile is left out: its event is still to come.
func (d *Directory) Files(at string) ([]string, error) { return d.files(at, nil) }

// skip is told of a path that can not be looked at; true leaves it out and goes on. A nil skip never does.
type skip func(path string, err error) bool

func (s skip) over(path string, err error) bool { return s != nil && s(path, err) }

func (d *Directory) files(at string, skip skip) ([]string, error) {
	info, err := os.Lstat(d.abs(at))
	switch {
	case vanished(err):
		return nil, nil
	case err != nil && skip.over(at, err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look at %s: %w", at, err)
	case info.Mode().IsRegular() && d.Rules.Tracked(at):
		return []string{at}, nil
	case !info.IsDir() || !d.Rules.Descend(at):
		return nil, nil
	}
	w := walk{Directory: d, skip: skip}
	w.others.SetLimit(runtime.GOMAXPROCS(0))
	err = errors.Join(w.list(at), w.others.Wait())
	slices.Sort(w.files)
	return w.files, err
}

// walk lists a tree on all processors. It does not follow links: a link may leave the directory or lead back into it.
type walk struct {
	*Directory
	skip   skip
	others errgroup.Group
	mu     sync.Mutex
	files  []string
}

func (w *walk) list(dir string) error {
	w.walks.Add(1)
	entries, err := os.ReadDir(w.abs(dir))
	if err != nil {
		return w.failed(dir, err)
	}
	var files []string
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		switch {
		case e.IsDir() && w.Rules.Descend(p):
			if w.others.TryGo(func() error { return w.list(p) }) {
				continue
			}
			if err := w.list(p); err != nil {
				return err
			}
		case e.Type().IsRegular() && w.Rules.Tracked(p):
			files = append(files, p)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files = append(w.files, files...)
	return nil
}

func (w *walk) failed(dir string, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if vanished(err) || w.skip.over(dir, err) {
		return nil
	}
	return fmt.Errorf("list %s: %w", dir, err)
}

// Links names the symbolic links that stand where tracked files or directories would: they are left alone.
func (d *Directory) Links() ([]string, error) {
	var links []string
	err := fs.WalkDir(os.DirFS(d.Root), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // what can not be listed is told by the walk that matters
		}
		if p == "." {
			return nil
		}
		if e.IsDir() && !d.Rules.Descend(p) {
			return fs.SkipDir
		}
		if e.Type()&fs.ModeSymlink != 0 && (d.Rules.Tracked(p) || d.Rules.Descend(p)) {
			links = append(links, p)
		}
		return nil
	})
	return links, err
}

// Has tells whether there is anything at a path, without opening it.
func (d *Directory) Has(path string) bool {
	_, err := os.Lstat(d.abs(path))
	return !vanished(err)
}

// errLink is a symbolic link where a file or one of its directories was: neither followed nor a deletion.
var errLink = errors.New("a symbolic link stands in its place")

// link is the symbolic link that a path is or lies below, "" where there is none.
func (d *Directory) link(path string) string {
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		info, err := os.Lstat(d.abs(path[:i]))
		if err != nil {
			return ""
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return path[:i]
		}
	}
	return ""
}

// heavy is how large a file may be that GeoServer does not read as configuration: 1 MiB where it is binary,
// since history is no place for data, and in any case what can be held in memory.
const (
	heavyBinary = 1 << 20
	heavyText   = 64 << 20
)

// heavy tells, by its size and first bytes, that a file is data rather than configuration.
func (d *Directory) heavy(path string) bool {
	info, err := os.Lstat(d.abs(path))
	if err != nil || !info.Mode().IsRegular() || info.Size() <= heavyBinary {
		return false
	}
	if info.Size() > heavyText {
		return true
	}
	f, err := os.Open(d.abs(path))
	if err != nil {
		return false
	}
	defer f.Close()
	d.reads.Add(1)
	first := make([]byte, 8000) // as many as git looks at
	n, _ := io.ReadFull(f, first)
	return bytes.IndexByte(first[:n], 0) >= 0
}

// Read gives the bytes of a tracked file; ok is false where there is no regular file.
func (d *Directory) Read(path string) (content []byte, ok bool, err error) {
	content, ok, err = readRegular(d.abs(path))
	if ok || err != nil {
		d.reads.Add(1)
	}
	return content, ok, err
}

// FS is the tracked files as a file system.
func (d *Directory) FS() fs.FS { return trackedFS{d, xmlcatalog.OnDisk(d.Root)} }

type trackedFS struct {
	d *Directory
	fs.FS
}

// ReadDir hides what is not tracked.
func (t trackedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	t.d.walks.Add(1)
	entries, err := fs.ReadDir(t.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		p := strings.TrimPrefix(path.Join(name, e.Name()), "./")
		if e.IsDir() {
			return !t.d.Rules.Descend(p)
		}
		return !e.Type().IsRegular() || !t.d.Rules.Tracked(p)
	}), err
}

// ReadFile counts as a read.
func (t trackedFS) ReadFile(name string) ([]byte, error) {
	t.d.reads.Add(1)
	return fs.ReadFile(t.FS, name)
}

// vanished tells that a path, or a directory on the way to it, is not there.
func vanished(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
