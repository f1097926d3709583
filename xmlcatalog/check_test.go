package xmlcatalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/xmlcatalog"
)

func loadReal(t testing.TB, name string) *xmlcatalog.Catalog {
	t.Helper()
	dir := filepath.Join(realData(t, name), "data_dir")
	c, err := xmlcatalog.Load(xmlcatalog.Rules{}.FS(os.DirFS(dir)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What check says of the real directories is a golden file, and of most of them
// it says nothing. Each line of it, and that there are no more, was verified
// against the files by other means: ids that stand twice or nowhere, bodies and
// halves that lack, documents that are empty or no XML, passwords in clear.
func TestCheckOfRealDirectories(t *testing.T) {
	var said strings.Builder
	for _, name := range realDirectories {
		fmt.Fprintln(&said, name)
		for _, d := range loadReal(t, name).Damage() {
			fmt.Fprintf(&said, "    %s\n", d)
		}
	}
	golden(t, filepath.Join("testdata", "check.txt"), said.String())
}

func TestCountsOfRealDirectories(t *testing.T) {
	for name, want := range map[string]string{
		"geoserver-release-3.0": "import data directory: 8 workspaces, 24 layers, 10 stores, 4 groups …",
		"geoserver-minimal-3.0": "import data directory: 2 workspaces, 5 styles",
		"imas-2.28":             "import data directory: 16 workspaces, 1268 layers, 514 stores …",
	} {
		if got := xmlcatalog.DescribeImport(loadReal(t, name)).Subject; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
