package xmlcatalog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gsgit/gsgit/xmlcatalog"
)

func TestOnDiskIsADirectoryLikeAnother(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"global.xml": "<global/>", "styles/empty.sld": "", "styles/long.sld": strings.Repeat("long ", 20_000)}
	for name, body := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree := xmlcatalog.OnDisk(dir)
	if err := fstest.TestFS(tree, "global.xml", "styles/empty.sld", "styles/long.sld"); err != nil {
		t.Error(err)
	}
	for name, body := range files {
		f, err := tree.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := got.ReadFrom(f); err != nil || got.String() != body {
			t.Errorf("%s: read were %d bytes, %v", name, got.Len(), err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
