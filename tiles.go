package gsgit

import (
	"strings"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/watcher"
)

// lookAfterTiles asks for a look at the tile settings that this node's own GeoServer made of layers and groups
// which a commit takes away. Nobody else knows of them, and one such file without its layer takes WMTS down.
func (f *Follower) lookAfterTiles(disk, target gitstore.Hash, differences []gitstore.Difference) error {
	if disk.IsZero() {
		return nil // an adoption looks at all files
	}
	before, err := f.catalogFor(disk)
	if err != nil {
		return err
	}
	var own []string
	for _, d := range differences {
		o, known := before.Object(d.Path)
		if !known || o.ID == "" || d.Path != o.Path || !tiled(d.Path) {
			continue
		}
		tiles := "gwc-layers/" + strings.ReplaceAll(o.ID, ":", "_") + ".xml"
		if _, tracked, err := f.Store.Lookup(target, tiles); err != nil {
			return err
		} else if !tracked && f.Dir.Has(tiles) {
			own = append(own, tiles)
		}
	}
	if len(own) > 0 {
		now := time.Now()
		f.Observe(watcher.Batch{Paths: own, First: now, Last: now})
	}
	return nil
}

// tiled tells whether a file is of what a tile cache is kept.
func tiled(file string) bool {
	return strings.HasSuffix(file, "/layer.xml") || strings.HasPrefix(file, "layergroups/") || strings.Contains(file, "/layergroups/")
}
