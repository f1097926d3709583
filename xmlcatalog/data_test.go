package xmlcatalog_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// realData is a folder of the real data directories, which are no part of the
// project: without them a test says so and is skipped.
func realData(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("GSGIT_TEST_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	dir := filepath.Join(root, filepath.FromSlash(name))
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real data directories here (GSGIT_TEST_DATA): %v", err)
	}
	return dir
}

var realDirectories = []string{
	"geoserver-release-3.0", "geoserver-minimal-3.0", "georchestra-minimal-2.25",
	"imas-2.28", "geonode-2.27", "osm-styles-2.2x",
}

// readTree reads the tracked files of a directory; a missing directory is empty.
func readTree(t testing.TB, dir string, rules xmlcatalog.Rules) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	if _, err := os.Stat(dir); err != nil {
		return files
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !rules.Tracked(name) {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if data == nil {
			data = []byte{}
		}
		files[name] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// editsBetween lists the files that differ between two trees.
func editsBetween(before, after map[string][]byte) []xmlcatalog.Edit {
	var edits []xmlcatalog.Edit
	for name, old := range before {
		if new, ok := after[name]; !ok || !bytes.Equal(old, new) {
			edits = append(edits, xmlcatalog.Edit{Path: name, Old: old, New: after[name]})
		}
	}
	for name, new := range after {
		if _, ok := before[name]; !ok {
			edits = append(edits, xmlcatalog.Edit{Path: name, New: new})
		}
	}
	slices.SortFunc(edits, func(a, b xmlcatalog.Edit) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	return edits
}

// catalogOf builds a catalog of files in memory.
func catalogOf(files map[string][]byte) *xmlcatalog.Catalog {
	c := xmlcatalog.Empty()
	c.Absorb(editsBetween(nil, files))
	return c
}

func describe(before, after map[string][]byte) xmlcatalog.Message {
	edits := editsBetween(before, after)
	old := catalogOf(before)
	return xmlcatalog.Describe(xmlcatalog.Compare(old, old.With(edits), edits), edits)
}
