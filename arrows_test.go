package gsgit_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gsgit/gsgit"

// arrows is docs/architecture.md's table of who may import whom: a package of the project, and the packages
// of the project that its production code may import. A new package needs a row.
var arrows = map[string][]string{
	"cmd/gsgit":          {".", "xmlcatalog", "gitstore", "kafkabus", "watcher", "resync", "geoserver", "fixtures"},
	".":                  {"xmlcatalog", "gitstore", "kafkabus", "watcher", "resync"},
	"watcher":            {},
	"xmlcatalog":         {},
	"gitstore":           {},
	"kafkabus":           {},
	"kafkabus/bustest":   {"kafkabus"},
	"kafkabus/testkafka": {},
	"resync":             {},
	"geoserver":          {},
	"fixtures":           {},
}

func TestImportArrows(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range listPackages(t) {
		name := local(p.ImportPath)
		seen[name] = true
		allowed, known := arrows[name]
		if !known {
			t.Errorf("package %s has no row in the table of arrows", name)
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, module) && !slices.Contains(allowed, local(imported)) {
				t.Errorf("%s must not import %s", name, local(imported))
			}
		}
	}
	for name := range arrows {
		if !seen[name] {
			t.Errorf("the table of arrows has a row for %s, which is not there", name)
		}
	}
}

func TestOnlyPicksLibrariesInTheirPlaces(t *testing.T) {
	places := map[string][]string{
		"github.com/fsnotify/fsnotify":  {"watcher"},
		"github.com/beevik/etree":       {"xmlcatalog"},
		"github.com/go-git/go-git/":     {"gitstore"},
		"github.com/segmentio/kafka-go": {"kafkabus"},
		"github.com/twmb/franz-go/":     {"kafkabus"},
		"github.com/urfave/cli/":        {"cmd/gsgit"},
	}
	for _, p := range listPackages(t) {
		for _, imported := range p.Imports {
			for library, allowed := range places {
				if strings.HasPrefix(imported, library) && !slices.Contains(allowed, local(p.ImportPath)) {
					t.Errorf("%s must not import %s", local(p.ImportPath), imported)
				}
			}
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// local is a package's path in the project, "." for its root.
func local(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}
