package gitstore

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// cutDisk knows of a directory what a power cut would leave: of each file the content as of its last sync, of each
// directory the names as of its own.
type cutDisk struct {
	t     *testing.T
	root  string
	files map[string]*cutFile            // as everyone sees them
	names map[string]map[string]*cutFile // of each directory, synced
	since map[string][]cutName           // of each directory, in order, since its last sync
	draw  *rand.Rand
}

type cutFile struct {
	path   string // the last one
	synced []byte
	dirty  bool
	isDir  bool
}

// cutName is a name that a directory got, or lost where the file is nil.
type cutName struct {
	name string
	file *cutFile
}

// newCutDisk takes what there is for durable.
func newCutDisk(t *testing.T, root string, draw *rand.Rand) *cutDisk {
	t.Helper()
	d := &cutDisk{t, root, map[string]*cutFile{}, map[string]map[string]*cutFile{}, map[string][]cutName{}, draw}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		f := &cutFile{isDir: e.IsDir()}
		if !f.isDir {
			f = d.known(path)
			f.synced = must(os.ReadFile(path))(t)
		}
		d.name(path, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range maps.Clone(d.since) {
		d.syncDir(dir)
	}
	return d
}

// known gives a file that stands under another name already, or a new one.
func (d *cutDisk) known(path string) *cutFile {
	info := must(os.Lstat(path))(d.t)
	for other, f := range d.files {
		if os.SameFile(info, must(os.Lstat(other))(d.t)) {
			return f
		}
	}
	return &cutFile{}
}

func (d *cutDisk) observe(operation, path, to string) {
	switch operation {
	case "create":
		d.name(path, &cutFile{dirty: true})
	case "mkdir":
		d.name(path, &cutFile{isDir: true})
	case "append":
		if d.files[path] == nil {
			d.name(path, &cutFile{})
		}
		d.files[path].dirty = true
	case "write":
		d.files[path].dirty = true
	case "sync":
		d.files[path].synced, d.files[path].dirty = must(os.ReadFile(path))(d.t), false
	case "rename", "link":
		d.name(to, d.files[path])
		if operation == "rename" {
			d.name(path, nil)
		}
	case "remove":
		d.name(path, nil)
	case "syncdir":
		d.syncDir(path)
	default:
		d.t.Errorf("%s is unknown to the power cut", operation)
	}
}

func (d *cutDisk) name(path string, f *cutFile) {
	dir := filepath.Dir(path)
	d.since[dir] = append(d.since[dir], cutName{filepath.Base(path), f})
	if f == nil {
		delete(d.files, path)
		return
	}
	f.path, d.files[path] = path, f
}

func (d *cutDisk) syncDir(dir string) {
	d.names[dir] = d.left(dir, len(d.since[dir]))
	delete(d.since, dir)
}

// left gives the names of a directory if of the changes since its sync the first few reached the disk.
func (d *cutDisk) left(dir string, changes int) map[string]*cutFile {
	names := maps.Clone(d.names[dir])
	if names == nil {
		names = map[string]*cutFile{}
	}
	for _, c := range d.since[dir][:changes] {
		if c.file == nil {
			delete(names, c.name)
		} else {
			names[c.name] = c.file
		}
	}
	return names
}

// cut writes what is left: all that was synced and nothing else, or, by luck, some of the rest, too.
func (d *cutDisk) cut(luck bool, to string) {
	d.cutDir(luck, d.root, to, map[*cutFile]string{})
}

func (d *cutDisk) cutDir(luck bool, dir, to string, written map[*cutFile]string) {
	err := os.MkdirAll(to, 0o755)
	reached := 0
	if luck {
		reached = d.draw.IntN(len(d.since[dir]) + 1)
	}
	for name, f := range d.left(dir, reached) {
		path := filepath.Join(to, name)
		switch other, ok := written[f]; {
		case f.isDir:
			d.cutDir(luck, filepath.Join(dir, name), path, written)
		case ok:
			err = errors.Join(err, os.Link(other, path))
		default:
			err = errors.Join(err, os.WriteFile(path, d.content(f, luck), 0o644))
			written[f] = path
		}
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// content of a file that was not synced is anything: old, new, half of it, or zeroes.
func (d *cutDisk) content(f *cutFile, luck bool) []byte {
	if !f.dirty || !luck || d.files[f.path] != f {
		return f.synced
	}
	now := must(os.ReadFile(f.path))(d.t)
	return [][]byte{f.synced, now, now[:len(now)/2], make([]byte, len(now))}[d.draw.IntN(4)]
}

// A power cut after any change of any job, on a file system that keeps nothing but what was synced, and on one that keeps
// some of the rest: the next start finds everything that was acknowledged, whole.
func TestAPowerCutAtAnyPointLosesNothingAcknowledged(t *testing.T) {
	seed := seedOf(t)
	whole := template(t)
	for n, c := range crashes {
		if c.job == "push" {
			continue // it changes nothing that is to last
		}
		t.Run(c.job, func(t *testing.T) {
			t.Parallel()
			root := c.before(t, whole)
			dir, other := filepath.Join(root, ".git"), filepath.Join(root, "other")
			d := newCutDisk(t, root, rand.New(rand.NewPCG(seed, uint64(n))))
			cuts := 0
			all := func(operation, path, to string) {
				d.observe(operation, path, to)
				for _, luck := range []bool{false, true} {
					if cuts++; testing.Short() && cuts%7 > 0 || t.Failed() {
						continue
					}
					c.survive(t, d, luck, operation+" "+pointName(dir, path), other)
				}
			}
			if err := jobs[c.job](dir, other, &doom{dir: dir, also: all}); err != nil {
				t.Fatal(err)
			}
			c.lasts(t, d, other)
			if cuts < 2*len(newFile("", "")) {
				t.Errorf("only %d power cuts", cuts)
			}
		})
	}
}

// survive cuts the power and starts anew on what is left.
func (c crash) survive(t *testing.T, d *cutDisk, luck bool, at, other string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "left")
	d.cut(luck, root)
	c.start(t, filepath.Join(root, ".git"), other, at).Close()
}

// lasts: once a job has come to its end, a power cut takes none of it back.
func (c crash) lasts(t *testing.T, d *cutDisk, other string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "left")
	d.cut(false, root)
	left := c.start(t, filepath.Join(root, ".git"), other, "its end")
	defer left.Close()
	s := must(Open(filepath.Join(d.root, ".git"), Options{}))(t)
	defer s.Close()
	want, got := must(s.Refs("refs/"))(t), must(left.Refs("refs/"))(t)
	if !maps.Equal(want, got) {
		t.Errorf("the refs are %v, and were %v", got, want)
	}
	before, after := packNames(s.packs.list()), packNames(left.packs.list())
	if slices.Sort(before); !slices.Equal(before, slices.Sorted(slices.Values(after))) {
		t.Errorf("the packs are %v, and were %v", after, before)
	}
}

// What one job leaves unsynced meets the next ones.
func TestAPowerCutAfterManyJobsTakesNoneBack(t *testing.T) {
	draw := rand.New(rand.NewPCG(seedOf(t), 99))
	root := crash{ready: history}.before(t, template(t))
	dir, other := filepath.Join(root, ".git"), filepath.Join(root, "other")
	d := newCutDisk(t, root, draw)
	for range 20 {
		c := crash{job: []string{"commit", "commit", "import", "fetch", "roll-up", "maintain"}[draw.IntN(6)]}
		if err := jobs[c.job](dir, other, &doom{dir: dir, also: d.observe}); err != nil {
			t.Fatal(err)
		}
		c.lasts(t, d, other)
		c.survive(t, d, true, "after "+c.job, other)
	}
}
