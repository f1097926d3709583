package xmlcatalog

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// Catalog holds what a tree of files defines and refers to. It is read from a
// whole tree once ([Load]) and then follows it edit by edit.
//
// A catalog may lie over another one ([Catalog.With]): it then holds what is
// different, and asks the one below for the rest. Reading from several
// goroutines is safe; [Catalog.Absorb] and [Catalog.Settle] need the catalog for
// themselves.
type Catalog struct {
	below *Catalog
	// files holds each file of this layer; nil stands for a file that the
	// catalog below has and this one has not.
	files map[fileKey]*record
	ids   map[string]*node
	names map[nameKey][]*record
}

// fileKey is a path in two halves, so that the files of a directory share one
// string.
type fileKey struct{ dir, base string }

func keyOf(path string) fileKey { return fileKey{dirOf(path), lastName(path)} }

func (r *record) key() fileKey { return fileKey{r.dir, r.base} }

// node gathers who defines an id and who refers to it.
type node struct {
	id   string
	defs []*record
	refs []*record
}

// nameKey is a name within what it must be unique in: the directory of a
// workspace, since the name of that one may change without these files.
type nameKey struct {
	kind  Kind
	space string
	name  string
}

// Empty is the catalog of a tree without files.
func Empty() *Catalog {
	return &Catalog{files: map[fileKey]*record{}, ids: map[string]*node{}, names: map[nameKey][]*record{}}
}

// With is the catalog as it is after some edits. It costs what the edits cost;
// c must stay unchanged as long as the result is used.
func (c *Catalog) With(edits []Edit) *Catalog {
	over := Empty()
	over.below = c
	over.Absorb(edits)
	return over
}

// Absorb makes some edits part of the catalog itself.
func (c *Catalog) Absorb(edits []Edit) {
	for _, e := range edits {
		if e.New == nil {
			c.remove(keyOf(e.Path))
		}
	}
	for _, r := range readRecords(edits) {
		if r != nil {
			c.put(r)
		}
	}
}

// Settle makes a view that c.With gave, and that is not used any more, the catalog
// itself. Nothing is read again.
func (c *Catalog) Settle(view *Catalog) {
	for key, r := range view.files {
		if r == nil {
			c.remove(key)
		}
	}
	for _, r := range view.files {
		if r != nil {
			c.put(r)
		}
	}
}

func (c *Catalog) put(r *record) {
	c.unlink(c.files[r.key()])
	c.link(r)
	c.files[r.key()] = r
}

func (c *Catalog) remove(key fileKey) {
	c.unlink(c.files[key])
	if c.below != nil && c.below.file(key) != nil {
		c.files[key] = nil
		return
	}
	delete(c.files, key)
}

func (c *Catalog) link(r *record) {
	if r.defines() {
		n := c.node(r.id)
		r.id = n.id
		n.defs = append(n.defs, r)
	}
	for i, ref := range r.refs {
		n := c.node(ref.to)
		r.refs[i].to = n.id
		n.refs = append(n.refs, r)
	}
	if key, ok := r.nameKey(); ok {
		c.names[key] = append(c.names[key], r)
	}
}

// defines is false for a broken file: it may still show an id, to name it by.
func (r *record) defines() bool { return r.id != "" && r.wrong == "" }

func (c *Catalog) unlink(r *record) {
	if r == nil {
		return
	}
	if r.defines() {
		n := c.node(r.id)
		n.defs = without(n.defs, r)
		c.forget(n)
	}
	for _, ref := range r.refs {
		n := c.node(ref.to)
		n.refs = without(n.refs, r)
		c.forget(n)
	}
	if key, ok := r.nameKey(); ok {
		if c.names[key] = without(c.names[key], r); len(c.names[key]) == 0 {
			delete(c.names, key)
		}
	}
}

// node makes the node of an id. Its own copy of the id is the one that all
// records share.
func (c *Catalog) node(id string) *node {
	n := c.ids[id]
	if n == nil {
		n = &node{id: strings.Clone(id)}
		c.ids[n.id] = n
	}
	return n
}

func (c *Catalog) forget(n *node) {
	if len(n.defs) == 0 && len(n.refs) == 0 {
		delete(c.ids, n.id)
	}
}

// without takes one r out. It looks from the end, where what has changed lately
// stands, and keeps no order.
func without(list []*record, r *record) []*record {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == r {
			last := len(list) - 1
			list[i], list[last] = list[last], nil
			return list[:last]
		}
	}
	return list
}

// nameKey is the name that must stand once; a layer has that of its resource.
func (r *record) nameKey() (nameKey, bool) {
	if r.name == "" || r.wrong != "" {
		return nameKey{}, false
	}
	switch r.kind {
	case storeFile, resourceFile, groupFile, styleFile:
		return nameKey{tableKind(r.kind), workspaceDir(r.dir), r.name}, true
	case workspaceFile:
		return nameKey{Workspace, "", r.name}, true
	}
	return nameKey{}, false
}

func tableKind(kind fileKind) Kind {
	switch kind {
	case storeFile:
		return Store
	case resourceFile, layerFile:
		return Layer
	case groupFile:
		return Group
	}
	return Style
}

// file is nil where there is no such file.
func (c *Catalog) file(key fileKey) *record {
	for ; c != nil; c = c.below {
		if r, ok := c.files[key]; ok {
			return r
		}
	}
	return nil
}

func (c *Catalog) at(path string) *record { return c.file(keyOf(path)) }

// defs gives the files that define an id: one, unless somebody copied files.
func (c *Catalog) defs(id string) iter.Seq[*record] {
	return c.each(func(layer *Catalog) []*record {
		if n := layer.ids[id]; n != nil {
			return n.defs
		}
		return nil
	})
}

// referrers gives the files that refer to an id, or to the path of a body.
func (c *Catalog) referrers(id string) iter.Seq[*record] {
	return c.each(func(layer *Catalog) []*record {
		if n := layer.ids[id]; n != nil {
			return n.refs
		}
		return nil
	})
}

func (c *Catalog) named(key nameKey) iter.Seq[*record] {
	return c.each(func(layer *Catalog) []*record { return layer.names[key] })
}

// each gives what a look into every layer finds and no layer above hides.
func (c *Catalog) each(look func(*Catalog) []*record) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		for layer := c; layer != nil; layer = layer.below {
			for _, r := range look(layer) {
				if !c.hidden(r.key(), layer) && !yield(r) {
					return
				}
			}
		}
	}
}

func (c *Catalog) hidden(key fileKey, under *Catalog) bool {
	for layer := c; layer != under; layer = layer.below {
		if _, ok := layer.files[key]; ok {
			return true
		}
	}
	return false
}

// all gives every file, in no order.
func (c *Catalog) all() iter.Seq[*record] {
	return func(yield func(*record) bool) {
		for layer := c; layer != nil; layer = layer.below {
			for key, r := range layer.files {
				if r != nil && !c.hidden(key, layer) && !yield(r) {
					return
				}
			}
		}
	}
}

// first is one file of a sequence, always the same one.
func first(records iter.Seq[*record]) *record {
	var least *record
	for r := range records {
		if least == nil || r.path() < least.path() {
			least = r
		}
	}
	return least
}

// Count says how many objects of each kind there are.
func (c *Catalog) Count() map[Kind]int {
	count := make(map[Kind]int)
	for r := range c.all() {
		if c.main(r) {
			count[c.objectOf(r).Kind]++
		}
	}
	return count
}

// Find gives the objects that a word names: "layer:topp:states" or, without the
// kind, "topp:states". A tile cache always has the name of its layer, so it must
// be asked for by kind where that layer is there. Find looks at every file.
func (c *Catalog) Find(word string) []Object {
	var found, tiles []Object
	for r := range c.all() {
		if !c.main(r) {
			continue
		}
		switch o := c.objectOf(r); {
		case o.String() != word && o.Name != word:
		case o.Kind == Tiles:
			tiles = append(tiles, o)
		default:
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		found = tiles
	}
	slices.SortFunc(found, compareObjects)
	return found
}

func compareObjects(a, b Object) int {
	if n := strings.Compare(a.String(), b.String()); n != 0 {
		return n
	}
	return strings.Compare(a.Path, b.Path)
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
