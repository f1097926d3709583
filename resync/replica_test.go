package resync_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/resync"
)

// tree is a whole directory: content by path.
type tree map[string]string

// change returns the files that differ between two trees, in no order worth relying on.
func (before tree) change(after tree) []resync.File {
	var files []resync.File
	for path, content := range after {
		if old, there := before[path]; !there {
			files = append(files, create(path, content))
		} else if old != content {
			files = append(files, replace(path, old, content))
		}
	}
	for path, old := range before {
		if _, stays := after[path]; !stays {
			files = append(files, resync.File{Path: path, Old: blob(old)})
		}
	}
	return files
}

func (before tree) plan(t testing.TB, after tree) resync.Plan {
	t.Helper()
	plan, err := resync.Compare("target", before.change(after))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// source gives the blobs of a tree, as a git repository would.
func (tr tree) source() resync.Source {
	blobs := make(map[resync.Blob]string)
	for _, content := range tr {
		blobs[blob(content)] = content
	}
	return func(b resync.Blob) ([]byte, error) {
		content, there := blobs[b]
		if !there {
			return nil, fmt.Errorf("blob %s: not in the repository", b)
		}
		return []byte(content), nil
	}
}

// replica is a directory on disk, and what becomes of foreign bytes in it.
type replica struct {
	t         testing.TB
	options   resync.Options
	displaced map[string][]string
	marked    bool // the follower has moved its marker: it will not ask for this plan again
}

func newReplica(t testing.TB, content tree) *replica {
	t.Helper()
	root := fastDir(t)
	r := &replica{t: t, displaced: make(map[string][]string)}
	r.options = resync.Options{
		Root:  root,
		State: filepath.Join(root, ".git", "gsgit"),
		Displaced: func(path string, content []byte) error {
			r.displaced[path] = append(r.displaced[path], string(content))
			return nil
		},
	}
	if err := os.MkdirAll(r.options.State, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range content {
		r.write(path, text)
	}
	return r
}

// fastDir is a directory in memory where there is one: the tables of crashes sync
// thousands of times, and what a sync is worth is tested by the forgetful disk.
func fastDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "resync-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (r *replica) at(path string) string { return filepath.Join(r.options.Root, path) }

func (r *replica) write(path, content string) {
	r.t.Helper()
	dir := filepath.Dir(r.at(path))
	if strings.HasSuffix(path, "/") {
		dir = r.at(path) // an empty directory
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	if dir == r.at(path) {
		return
	}
	if err := os.WriteFile(r.at(path), []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *replica) open() *resync.Directory {
	r.t.Helper()
	d, err := resync.Open(r.options)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// apply is what a follower does: look, keep, apply, mark, done.
func (r *replica) apply(plan resync.Plan, read resync.Source) error {
	d := r.open()
	if err := d.Check(plan); err != nil {
		return err
	}
	if err := d.Apply(context.Background(), plan, read); err != nil {
		return err
	}
	if err := r.mark(); err != nil {
		return err
	}
	return d.Done()
}

// mark moves the follower's marker, which is one more operation that can be the last.
func (r *replica) mark() error {
	if r.options.Gate != nil {
		if err := r.options.Gate("mark", "refs/gsgit/disk"); err != nil {
			return err
		}
	}
	r.marked = true
	return nil
}

// restart is what a follower does at its start: end what a crash cut off.
func (r *replica) restart(read resync.Source) error {
	d := r.open()
	if err := d.Clean(); err != nil {
		return err
	}
	plan, pending, err := d.Pending()
	if err != nil || !pending {
		return err
	}
	if err := d.Apply(context.Background(), plan, read); err != nil {
		return err
	}
	return d.Done()
}

// content reads the directory, but for .git, with empty directories as "path/".
func (r *replica) content() tree {
	r.t.Helper()
	found := make(tree)
	err := filepath.WalkDir(r.options.Root, func(place string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(r.options.Root, place)
		if err != nil || rel == "." {
			return err
		}
		if rel == ".git" {
			return fs.SkipDir
		}
		if entry.IsDir() {
			below, err := os.ReadDir(place)
			if len(below) == 0 {
				found[rel+"/"] = ""
			}
			return err
		}
		text, err := os.ReadFile(place)
		found[rel] = string(text)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

// holds checks the invariant of every test: the directory is this tree, byte for byte,
// and nothing of ours lies about.
func (r *replica) holds(want tree) {
	r.t.Helper()
	got := r.content()
	if !maps.Equal(got, want) {
		r.t.Errorf("the directory holds\n%s\nwant\n%s", got.less(want), want.less(got))
	}
	r.clean()
}

func (r *replica) clean() {
	r.t.Helper()
	if left, _ := os.ReadDir(filepath.Join(r.options.State, "stage")); len(left) > 0 {
		r.t.Errorf("the stage still holds %v", left)
	}
	state, err := os.ReadDir(r.options.State)
	if err != nil {
		r.t.Error(err)
	}
	for _, entry := range state {
		if entry.Name() != "stage" {
			r.t.Errorf("the state still holds %s", entry.Name())
		}
	}
}

// less leaves out what both hold.
func (tr tree) less(other tree) tree {
	left := maps.Clone(tr)
	maps.DeleteFunc(left, func(path, content string) bool {
		theirs, there := other[path]
		return there && theirs == content
	})
	return left
}

func (tr tree) String() string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(tr)) {
		fmt.Fprintf(&b, "  %s: %.40q\n", path, tr[path])
	}
	return b.String()
}

// few and other differ in every kind too, by as few files as do: the tables that die at
// every operation go through them hundreds of times.
var (
	few   = tree{"g.xml": "g1", "s/same": "s", "w/x/a": "1", "w/x/b": "2", "folder": "f", "file/y/z": "z"}
	other = tree{"g.xml": "g2", "s/same": "s", "w/new": "n", "v/a": "1", "v/deep/b": "2", "folder/in": "i", "file": "f now"}
)

// before and after differ in every way that a plan knows.
var (
	before = tree{
		"global.xml":                     "g1",
		"styles/line.xml":                "line",
		"styles/line.sld":                "<sld/>",
		"styles/old.sld":                 "old",
		"workspaces/a/workspace.xml":     "wa",
		"workspaces/a/s/store.xml":       "sa",
		"workspaces/a/s/l/layer.xml":     "la",
		"workspaces/gone/workspace.xml":  "wg",
		"workspaces/gone/s/store.xml":    "sg",
		"workspaces/gone/s/l/layer.xml":  "lg",
		"workspaces/gone/s/l2/layer.xml": "lg2",
		"becomes-folder":                 "a file",
		"becomes-file/x/one":             "1",
		"becomes-file/two":               "2",
	}
	after = tree{
		"global.xml":                     "g2",
		"styles/line.xml":                "line",
		"styles/line.sld":                "<sld>new</sld>",
		"styles/new.sld":                 "new",
		"workspaces/a/workspace.xml":     "wa",
		"workspaces/a/s/store.xml":       "sa2",
		"workspaces/a/s/l/layer.xml":     "la",
		"workspaces/a/s/m/layer.xml":     "lm",
		"workspaces/a/s/m/type.xml":      "tm",
		"workspaces/new/workspace.xml":   "wn",
		"workspaces/new/s/store.xml":     "sn",
		"workspaces/new/s/l/layer.xml":   "ln",
		"workspaces/new/s/l/x/y/z.ftl":   "z",
		"layergroups/g.xml":              "g",
		"becomes-folder/a/one":           "1",
		"becomes-folder/two":             "2",
		"becomes-file":                   "a file now",
		"workspaces/a/s/l/footer.ftl":    "footer",
		"workspaces/a/s/l/header.ftl":    "",
		"workspaces/a/s/l/latin-\xe9.x":  "latin",
		"user_projections/epsg.props":    "1=2",
		"user_projections/deep/in/x.txt": "x",
	}
)
