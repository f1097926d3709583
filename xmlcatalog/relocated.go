package xmlcatalog

import "strings"

// relocated reports those of the objects without a change whose files lie
// elsewhere now while nothing in them says so: a directory renamed by hand, or a look in the middle of a rename
// by GeoServer, which moves the directory first. Of a workspace, a store and
// its layers only the outermost is reported.
func (c *comparison) relocated(silent []*group) []Change {
	var changes []Change
	for _, g := range silent {
		if g.old == nil || g.new == nil || g.old.path() == g.new.path() || c.carried(g) {
			continue
		}
		changes = append(changes, Change{Op: Move, Object: c.after.objectOf(g.new), Was: c.before.objectOf(g.old)})
	}
	return changes
}

// carried says that a file only went along with the directory around that of
// its object, or with its object if it is opaque.
func (c *comparison) carried(g *group) bool {
	dir := g.old.dir
	if g.old.kind != opaqueFile && g.old.kind != bodyFile && c.moved[dir] == g.new.dir && ownDirectory(g.old.kind) {
		dir = dirOf(dir)
	}
	for ; dir != ""; dir = dirOf(dir) {
		if to, ok := c.moved[dir]; ok && strings.HasPrefix(g.new.dir+"/", to+"/") {
			return true
		}
	}
	return false
}

// ownDirectory: a workspace, a store and a layer have a directory each.
func ownDirectory(kind fileKind) bool {
	switch kind {
	case workspaceFile, namespaceFile, storeFile, layerFile, resourceFile:
		return true
	}
	return false
}
