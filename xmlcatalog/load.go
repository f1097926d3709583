package xmlcatalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"sync"
)

// Load reads the catalog of a whole tree, which must hold tracked files only.
// Files that can not be parsed are remembered as such; an error means that the
// tree itself could not be read. A file that goes away meanwhile is not there.
func Load(fsys fs.FS) (*Catalog, error) {
	l := loader{fsys: fsys, names: make(chan string, 256), records: make(chan *record, 256)}
	var readers sync.WaitGroup
	for range max(2, runtime.GOMAXPROCS(0)) {
		readers.Go(l.read)
	}
	go func() {
		l.walkErr = l.walk(".")
		close(l.names)
		readers.Wait()
		close(l.records)
	}()
	c := l.collect()
	if l.walkErr != nil {
		return nil, fmt.Errorf("walk the data directory: %w", l.walkErr)
	}
	if l.readErr != nil {
		return nil, l.readErr
	}
	return c, nil
}

func (l *loader) collect() *Catalog {
	c := Empty()
	names := make(map[string]string)
	for r := range l.records {
		r.share(names)
		c.put(r)
	}
	return c
}

// loader is one walker, some readers and one collector. The walker's error is
// read after the records are at their end.
type loader struct {
	fsys    fs.FS
	names   chan string
	records chan *record
	walkErr error

	mu      sync.Mutex
	readErr error
}

// walk is fs.WalkDir without the cleaning of each path.
func (l *loader) walk(dir string) error {
	entries, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		if isGone(err) && dir != "." {
			return nil
		}
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if dir != "." {
			name = dir + "/" + name
		}
		switch {
		case e.Type().IsRegular():
			l.names <- name
		case e.IsDir():
			if err := l.walk(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loader) read() {
	var buffer []byte
	for name := range l.names {
		r, err := l.readOne(name, &buffer)
		if err != nil {
			l.fail(err)
		} else if r != nil {
			l.records <- r
		}
	}
}

func (l *loader) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readErr == nil {
		l.readErr = err
	}
}

// readOne is nil for a file that is gone. Opaque files are not opened.
func (l *loader) readOne(name string, buffer *[]byte) (*record, error) {
	if kindOf(name) == opaqueFile {
		return &record{dir: dirOf(name), base: lastName(name)}, nil
	}
	data, err := readInto(l.fsys, name, buffer)
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return readRecord(name, data), nil
}

func isGone(err error) bool { return err != nil && errors.Is(err, fs.ErrNotExist) }

// readInto reads a file into a buffer that the next file will use again. Of a
// file that is too large it reads no more than shows that.
func readInto(fsys fs.FS, name string, buffer *[]byte) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	data := (*buffer)[:0]
	for len(data) <= maxSize {
		if len(data) == cap(data) {
			data = append(data, make([]byte, max(8<<10, len(data)))...)[:len(data)]
		}
		n, err := file.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	*buffer = data
	return data, nil
}

// share lets the files of one directory share its name, and files of one name
// that too; then the path that the walk made can go.
func (r *record) share(seen map[string]string) {
	own := func(s string) string {
		if kept, ok := seen[s]; ok {
			return kept
		}
		kept := string(append([]byte(nil), s...))
		seen[kept] = kept
		return kept
	}
	r.dir, r.base = own(r.dir), own(r.base)
	r.name = r.shared(r.name)
}
