package xmlcatalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gsgit/gsgit/xmlcatalog"
	"pgregory.net/rapid"
)

// files draws small data directories in which ids, names and files collide,
// dangle and break more often than in any real one.
type files struct{ t *rapid.T }

func (f files) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(f.t, label)
}

func (f files) id(kind string) string { return kind + f.pick("id", "1", "2", "3") }

var drawnPaths = func() []string {
	paths := []string{"global.xml", "wms.xml", "styles/a.xml", "styles/b.xml", "styles/a.sld", "styles/b.sld", "layergroups/g.xml",
		"layergroups/h.xml", "gwc-layers/L1.xml", "gwc-layers/L2.xml", "workspaces/default.xml", "templates/header.ftl"}
	for _, ws := range []string{"w", "v"} {
		ws = "workspaces/" + ws
		paths = append(paths, ws+"/workspace.xml", ws+"/namespace.xml", ws+"/styles/a.xml", ws+"/styles/a.sld", ws+"/layergroups/g.xml")
		for _, store := range []string{"s", "t"} {
			paths = append(paths, ws+"/"+store+"/datastore.xml")
			for _, layer := range []string{"k", "l"} {
				dir := ws + "/" + store + "/" + layer
				paths = append(paths, dir+"/featuretype.xml", dir+"/layer.xml", dir+"/title.ftl")
			}
		}
	}
	return paths
}()

// content draws one file: whole nearly always, else empty or cut off.
func (f files) content(path string) []byte {
	whole := f.whole(path)
	switch rapid.IntRange(0, 15).Draw(f.t, "state") {
	case 0:
		return []byte{}
	case 1:
		return []byte(whole[:len(whole)*2/3])
	}
	return []byte(whole)
}

func (f files) whole(path string) string {
	base := path[strings.LastIndexByte(path, '/')+1:]
	name := f.pick("name", "k", "l", "m")
	switch {
	case base == "global.xml":
		return "<global><updateSequence>1</updateSequence></global>"
	case base == "wms.xml":
		return "<wms><id>wms</id></wms>"
	case base == "workspace.xml", base == "default.xml":
		return "<workspace><id>" + f.id("W") + "</id><name>" + name + "</name></workspace>"
	case base == "namespace.xml":
		return "<namespace><id>" + f.id("N") + "</id><prefix>" + name + "</prefix></namespace>"
	case base == "datastore.xml":
		return "<dataStore><id>" + f.id("S") + "</id><name>" + name + "</name><workspace><id>" + f.id("W") + "</id></workspace></dataStore>"
	case base == "featuretype.xml":
		return "<featureType><id>" + f.id("F") + "</id><name>" + name + "</name><namespace><id>" + f.id("N") + "</id></namespace><store><id>" + f.id("S") + "</id></store></featureType>"
	case base == "layer.xml":
		return "<layer><id>" + f.id("L") + "</id><name>" + name + "</name><defaultStyle><id>" + f.id("Y") + "</id></defaultStyle><resource><id>" + f.id("F") + "</id></resource></layer>"
	case strings.HasPrefix(path, "gwc-layers"):
		return "<GeoServerTileLayer><id>" + f.id("L") + "</id><name>w:" + name + "</name></GeoServerTileLayer>"
	case strings.Contains(path, "layergroups"):
		return f.group(name)
	case strings.HasSuffix(path, ".sld"):
		return "<StyledLayerDescriptor>" + name + "</StyledLayerDescriptor>"
	case strings.Contains(path, "styles"):
		return f.style(path, name)
	}
	return name
}

func (f files) group(name string) string {
	members := ""
	for range rapid.IntRange(0, 2).Draw(f.t, "members") {
		members += "<published><id>" + f.pick("member", "L1", "L2", "L3", "G1", "G2") + "</id></published>"
	}
	return "<layerGroup><id>" + f.id("G") + "</id><name>" + name + "</name><publishables>" + members + "</publishables></layerGroup>"
}

func (f files) style(path, name string) string {
	space := ""
	if strings.HasPrefix(path, "workspaces") {
		space = "<workspace><id>" + f.id("W") + "</id></workspace>"
	}
	return "<style><id>" + f.id("Y") + "</id><name>" + name + "</name>" + space + "<filename>" + f.pick("body", "a.sld", "b.sld") + "</filename></style>"
}

// tree draws a whole directory.
func (f files) tree() map[string][]byte {
	tree := make(map[string][]byte)
	for _, path := range drawnPaths {
		if rapid.IntRange(0, 3).Draw(f.t, "there") > 0 {
			tree[path] = f.content(path)
		}
	}
	return tree
}

// edited draws what somebody does to a directory: single files, and at times
// the rename of a workspace, store or layer.
func (f files) edited(tree map[string][]byte) map[string][]byte {
	tree = maps.Clone(tree)
	for range rapid.IntRange(0, 4).Draw(f.t, "edits") {
		path := f.pick("path", drawnPaths...)
		if rapid.IntRange(0, 2).Draw(f.t, "gone") == 0 {
			delete(tree, path)
		} else {
			tree[path] = f.content(path)
		}
	}
	if rapid.IntRange(0, 3).Draw(f.t, "rename") == 0 {
		from := f.pick("from", "workspaces/w", "workspaces/v/s", "workspaces/v/s/k")
		for _, path := range slices.Sorted(maps.Keys(tree)) {
			if rest, ok := strings.CutPrefix(path, from+"/"); ok {
				tree[from+"2/"+rest] = tree[path]
				delete(tree, path)
			}
		}
	}
	return tree
}

// seen is all that can be asked of a catalog.
func seen(c *xmlcatalog.Catalog, paths []string) string {
	var b strings.Builder
	fmt.Fprintln(&b, c.Count())
	for _, path := range paths {
		if o, ok := c.Object(path); ok {
			fmt.Fprintln(&b, path, o, o.ID, o.Path, c.Paths(o), c.Find(o.String()), c.Find(o.Name))
		}
	}
	for _, d := range c.Damage() {
		fmt.Fprintln(&b, d, d.Key())
	}
	return b.String()
}

// sameLines fails at the first line that differs.
func sameLines(t *rapid.T, what, got, want string) {
	t.Helper()
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Fatalf("%s:\n got %v\nwant %v", what, a[min(i, len(a)):min(i+1, len(a))], b[min(i, len(b)):min(i+1, len(b))])
		}
	}
}

// Following edits, in place or as a view, ends where a fresh read does, and a
// view leaves the catalog below it as it was.
func TestCatalogFollowsEdits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := files{t}
		tree := f.tree()
		followed := catalogOf(tree)
		view := followed
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			next := f.edited(tree)
			edits := editsBetween(tree, next)
			paths := slices.Sorted(maps.Keys(next))
			before := seen(followed, paths)
			view = view.With(edits)
			sameLines(t, "below a view", seen(followed, paths), before)
			fresh := seen(catalogOf(next), paths)
			sameLines(t, "view of a view", seen(view, paths), fresh)
			view = followed.With(edits)
			sameLines(t, "view", seen(view, paths), fresh)
			followed = catalogOf(tree)
			followed.Absorb(edits)
			sameLines(t, "absorbed", seen(followed, paths), fresh)
			settled := catalogOf(tree)
			settled.Settle(settled.With(edits))
			sameLines(t, "settled", seen(settled, paths), fresh)
			followed = rapid.SampledFrom([]*xmlcatalog.Catalog{followed, settled}).Draw(t, "followed")
			view, tree = followed, next
		}
	})
}

// NewDamage looks only at what the edits can reach, and finds all that two
// looks at everything find.
func TestNewDamageIsTheDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := files{t}
		tree := f.tree()
		next := f.edited(tree)
		edits := editsBetween(tree, next)
		before := catalogOf(tree)
		after := before.With(edits)
		known := xmlcatalog.EveryDamage(before)
		want := make(map[string]bool)
		for _, d := range after.Damage() {
			if !known[d.Key()] {
				want[d.Key()] = true
			}
		}
		got := make(map[string]bool)
		for _, d := range xmlcatalog.NewDamage(before, after, edits) {
			got[d.Key()] = true
		}
		if !maps.Equal(got, want) {
			t.Fatalf("got %v\nwant %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	})
}

// A file system and a list of files are read alike.
func TestLoadEqualsAbsorb(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := files{t}.tree()
		fsys := fstest.MapFS{}
		for path, data := range tree {
			fsys[path] = &fstest.MapFile{Data: data}
		}
		loaded, err := xmlcatalog.Load(fsys)
		if err != nil {
			t.Fatal(err)
		}
		paths := slices.Sorted(maps.Keys(tree))
		sameLines(t, "loaded", seen(loaded, paths), seen(catalogOf(tree), paths))
	})
}
