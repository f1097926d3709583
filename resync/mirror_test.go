package resync_test

import (
	"fmt"
	"maps"
	"testing"
)

// mirrored are two trees that are each other's image in a mirror: what one has as "a" the
// other has as "b". The way there and the way back take the same operations, on 300 files
// of every kind of change.
func mirrored() (a, b tree) {
	m := mirror{a: make(tree), b: make(tree)}
	for i := range 90 {
		m.replaced(fmt.Sprintf("workspaces/w%d/store/l%02d.xml", i/10, i))
	}
	for i := range 45 {
		m.swapped(fmt.Sprintf("styles/%%s-%02d.sld", i))
	}
	for i := range 5 {
		for _, file := range workspaceFiles {
			m.swapped(fmt.Sprintf("workspaces/%%s%d/%s", i, file))
		}
	}
	for i := range 5 {
		fileOrFolder(m.a, m.b, fmt.Sprintf("kinds/a%d", i))
		fileOrFolder(m.b, m.a, fmt.Sprintf("kinds/b%d", i))
	}
	for i := range 3 {
		m.respelled(i, fmt.Sprintf("styles/Road%d.sld", i), fmt.Sprintf("styles/road%d.sld", i))
	}
	m.respelled(0, "workspaces/Port/workspace.xml", "workspaces/port/workspace.xml")
	m.respelled(1, "workspaces/Quay/workspace.xml", "workspaces/quay/workspace.xml")
	for i := range 10 {
		m.same(fmt.Sprintf("styles/same%d.sld", i))
	}
	return m.a, m.b
}

// workspaceFiles are those of a workspace that comes or goes as a whole.
var workspaceFiles = []string{
	"workspace.xml", "namespace.xml", "store/datastore.xml", "store/l0/layer.xml", "store/l0/featuretype.xml",
	"store/l0/title.ftl", "store/l1/layer.xml", "store/l1/featuretype.xml",
}

// untracked are a node's own files: in directories that stay, come and go.
var untracked = tree{
	"workspaces/a0/store/own.shp": "a", "workspaces/b0/store/own.shp": "b", "workspaces/w0/store/own.shp": "w",
	"styles/own.png": "png", "data/own.tif": "tif", "logs/geoserver.log": "log", "workspaces/w1/own/": "",
}

type mirror struct{ a, b tree }

func (m mirror) same(path string)     { m.a[path], m.b[path] = "same", "same" }
func (m mirror) replaced(path string) { m.a[path], m.b[path] = "a of "+path, "b of "+path }

// swapped is a file that only one of the trees has, under its own name.
func (m mirror) swapped(pattern string) {
	a, b := fmt.Sprintf(pattern, "a"), fmt.Sprintf(pattern, "b")
	m.a[a], m.b[b] = a, b
}

// fileOrFolder is a path that is a file in one tree and a directory in the other.
func fileOrFolder(file, folder tree, path string) {
	file[path] = "a file"
	folder[path+"/x"], folder[path+"/y/z"] = "in it", "deep in it"
}

// respelled is a file that is renamed by the case of a letter, in turn this way and that.
func (m mirror) respelled(i int, upper, lower string) {
	if i%2 == 1 {
		upper, lower = lower, upper
	}
	m.a[upper], m.b[lower] = upper, lower
}

func (tr tree) with(more tree) tree {
	all := maps.Clone(tr)
	maps.Copy(all, more)
	return all
}

func TestMirroredTreesAre300FilesApart(t *testing.T) {
	a, b := mirrored()
	for _, plan := range []struct{ from, to tree }{{a, b}, {b, a}} {
		p := plan.from.plan(t, plan.to)
		if p.Len() != 300 || len(p.Clear) != 15 || len(p.Create) != 105 || len(p.Replace) != 90 || len(p.Remove) != 90 {
			t.Errorf("%d files: %d in the way, %d created, %d replaced, %d removed",
				p.Len(), len(p.Clear), len(p.Create), len(p.Replace), len(p.Remove))
		}
	}
}
