package xmlcatalog

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the pages that are made from code")

// docs/tracked-files.md is made from the table; go test -update writes it.
func TestTrackedFilesPage(t *testing.T) {
	path := filepath.Join("..", "docs", "tracked-files.md")
	if *update {
		if err := os.WriteFile(path, []byte(trackedFilesPage()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != trackedFilesPage() {
		t.Errorf("%s is not what the table says; go test ./xmlcatalog -update", path)
	}
}

func trackedFilesPage() string {
	var b strings.Builder
	b.WriteString(pageTop)
	for _, row := range fileTable {
		root := ""
		if row.root != "" {
			root = "`<" + row.root + ">`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", row.pattern, root, row.object, row.says)
	}
	b.WriteString(pageEnd)
	return b.String()
}

const pageTop = `# Tracked files

This page is made from the table in the package xmlcatalog (` + "`go test ./xmlcatalog -update`" + `).

Every file of the data directory is tracked, but:

- ` + "`logs/` `tmp/` `temp/` `tmp_wps*/` `legendsamples/` `cluster/` `data/` `coverages/` `filelocks/`" + `, uploads of the importer;
- of ` + "`gwc/`" + ` everything but ` + "`geowebcache.xml` and `geowebcache-diskquota.xml`" + `: never a tile;
- of ` + "`security/`" + ` everything but ` + "`layers.properties`, `services.properties` and `rest.properties`; with `--security all`" + ` all of it is tracked.
  There is nothing in between: with a part of it GeoServer does not start;
- the embedded databases of monitoring, geofence, importer and notifier;
- ` + "`geoserver-environment.properties`" + `, which holds the values of one site;
- ` + "`*.tmp` `*.lock` `*.bak` `*.bak.N` `.nfs*`" + ` and ` + "`.git`" + ` at any depth;
- what ` + "`--local`" + ` names.

## Files that gsgit understands

Their changes are told by object and field. All other tracked files are opaque: their bytes travel, a change is told by path.

| path | starts with | object | what it is |
|---|---|---|---|
`

const pageEnd = `
## What makes no commit

A file whose content says the same as before keeps its old bytes in history. Changes that say nothing:

- ` + "`<updateSequence>` of `global.xml`" + `; ` + "`<dateCreated>`, `<dateModified>`, `<modifiedBy>`" + ` of an object;
- the order of maps (connection parameters, metadata, GML versions), of further styles of a layer, of grid sets, formats and parameter filters;
- the order of the fields of an object, layout, the class that holds a collection;
- line ends in the body of a style; the date that Java writes at the top of a properties file; the order of access rules.

Order counts where it means something: members of a group with their styles, attributes, keywords.
A password under another ciphertext is a change: it may have been rotated. On a replica it is no drift.
`
