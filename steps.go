package gsgit

import (
	"strings"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// files are the steps of a plan: tracked paths alone. own is what the paths hold instead of the commit's
// bytes; a catalog file of it that the head lacks goes, since GeoServer would load it.
func (f *Follower) files(differences []gitstore.Difference, own []xmlcatalog.Edit, after *xmlcatalog.Catalog) []resync.File {
	var files []resync.File
	had := map[string]xmlcatalog.Edit{}
	for _, e := range own {
		had[e.Path] = e
	}
	for _, d := range differences {
		old := resync.Blob(d.Old)
		if e, ok := had[d.Path]; ok {
			old = blobOf(e.New)
			delete(had, d.Path)
		}
		if f.Dir.Rules.Tracked(d.Path) && old != resync.Blob(d.New) {
			files = append(files, resync.File{Path: d.Path, Old: old, New: resync.Blob(d.New), Mode: d.NewMode})
		}
	}
	for _, e := range had {
		if e.Old != nil || removable(after, e) {
			files = append(files, resync.File{Path: e.Path, Old: blobOf(e.New), New: blobOf(e.Old), Mode: regularFile})
		}
	}
	return files
}

// blobOf is the id of a file's bytes, and zero of no file.
func blobOf(content []byte) resync.Blob {
	if content == nil {
		return resync.Blob{}
	}
	return resync.HashBlob(content)
}

// removable tells whether a file that was never written here may be removed, once it stands in a drift commit:
// a catalog object too many. The tile settings of a layer that is there are GeoServer's own doing.
func removable(catalog *xmlcatalog.Catalog, extra xmlcatalog.Edit) bool {
	if !xmlcatalog.IsCatalog(extra.Path) || xmlcatalog.LeftAlone(extra.Path) {
		return false
	}
	if !strings.HasPrefix(extra.Path, "gwc-layers/") {
		return true
	}
	alone := []xmlcatalog.Edit{extra}
	return len(notable(xmlcatalog.NewDamage(catalog, catalog.With(alone), alone))) > 0
}
