package xmlcatalog

import (
	"bytes"
	"iter"
	"strings"
)

// comparison gathers the edits by the object that they belong to.
type comparison struct {
	before, after *Catalog
	groups        map[string]*group
	moved         map[string]string // directory before -> directory after
	read          map[extent]reading
}

// extent tells the bytes of one file from those of all others.
type extent struct {
	first  *byte
	length int
}

// reading is the canonical form of a file. It is needed twice, and is most of
// the work.
type reading struct {
	element *element
	err     error
}

func (c *comparison) canonical(data []byte) (*element, error) {
	if len(data) == 0 {
		return nil, errNotWhole
	}
	at := extent{&data[0], len(data)}
	known, ok := c.read[at]
	if !ok {
		known.element, known.err = canonical(data)
		c.read[at] = known
	}
	return known.element, known.err
}

// noise is [Noise] with the forms kept.
func (c *comparison) noise(e Edit) bool {
	if !e.byForm() {
		return Noise(e.Path, e.Old, e.New)
	}
	a, errA := c.canonical(e.Old)
	b, errB := c.canonical(e.New)
	return errA == nil && errB == nil && a.sum == b.sum
}

// byForm says that only the canonical forms tell whether an edit is noise.
func (e Edit) byForm() bool {
	row := rowOf(e.Path)
	return row != nil && row.root != "" && row.kind != bodyFile && len(e.Old) > 0 && len(e.New) > 0 && !bytes.Equal(e.Old, e.New)
}

// group is one object with its edited files. Identity is the id: the same
// object may lie at another path, and another object at the same path.
type group struct {
	id       string
	old, new *record // main file on either side, nil where the object is not
	olds     []Edit  // edits whose old side belongs to the object
	news     []Edit
}

func (c *comparison) take(e Edit) {
	if e.Old != nil {
		if r := c.before.at(e.Path); r != nil {
			key, main := identify(c.before, c.after, r)
			g := c.group(key, main)
			g.old, g.olds = main, append(g.olds, e)
		}
	}
	if e.New != nil {
		if r := c.after.at(e.Path); r != nil {
			key, main := identify(c.after, c.before, r)
			g := c.group(key, main)
			g.new, g.news = main, append(g.news, e)
		}
	}
}

func (c *comparison) group(key string, main *record) *group {
	g := c.groups[key]
	if g == nil {
		g = &group{}
		c.groups[key] = g
	}
	if g.id == "" {
		g.id = main.id
	}
	return g
}

// identify gives the key of the object that a file belongs to, in one of two
// catalogs. A file that can not be read is what it was on the other side.
func identify(c, other *Catalog, r *record) (string, *record) {
	main := c.mainOf(r)
	named := main
	if main.wrong != "" {
		if was := other.at(main.path()); was != nil && was.wrong == "" {
			named = was
		}
	}
	o := c.objectOf(named)
	switch named.kind {
	case resourceFile:
		// A resource alone: the layer that it had, or is about to have.
		for layer := range other.referrers(named.id) {
			if layer.kind == layerFile {
				return objectKey(other, c, layer), main
			}
		}
		return string(Layer) + "|" + named.identity(), main
	case layerFile, workspaceFile, namespaceFile, storeFile, groupFile, styleFile, settingsFile, tilesFile:
		return objectKey(c, other, named), main
	case workspaceServiceFile:
		if strings.Contains(named.id, ":") {
			return string(o.Kind) + "|" + named.id, main
		}
	}
	return string(o.Kind) + "|" + main.path(), main
}

func objectKey(c, other *Catalog, main *record) string {
	key := string(c.objectOf(main).Kind) + "|" + main.identity()
	if stays(c, other, main) {
		key += "|" + main.path()
	}
	return key
}

// stays is true for one of several files with the same id that is where it was:
// what comes or goes is another one.
func stays(c, other *Catalog, main *record) bool {
	if !main.defines() || !twice(c.defs(main.id)) && !twice(other.defs(main.id)) {
		return false
	}
	same := other.at(main.path())
	return same != nil && same.id == main.id
}

func twice(records iter.Seq[*record]) bool {
	n := 0
	for range records {
		if n++; n > 1 {
			return true
		}
	}
	return false
}

// complete finds the side of an object that no edit touched. A second file with
// the same id that stands on both sides is another copy, not this one.
func (c *comparison) complete(g *group) {
	if g.old == nil {
		g.old = c.counterpart(c.before, c.after, g.new)
	} else if g.new == nil {
		g.new = c.counterpart(c.after, c.before, g.old)
	}
}

func (c *comparison) counterpart(in, other *Catalog, of *record) *record {
	if r := in.at(of.path()); r != nil && r.id == of.id {
		return r
	}
	if !of.defines() {
		return nil
	}
	r := first(in.defs(of.id))
	if r == nil {
		return nil
	}
	if same := other.at(r.path()); same != nil && same.id == r.id {
		return nil
	}
	return in.mainOf(r)
}

// joinMoved finds the directories that moved with their object, and joins the
// two halves of each opaque file in them. Elsewhere a file that looks like one
// that went is still another file.
func (c *comparison) joinMoved() {
	c.moved = make(map[string]string)
	for _, g := range c.groups {
		if g.old != nil && g.new != nil && g.old.dir != g.new.dir && g.old.kind != styleFile && g.old.kind != groupFile {
			c.moved[g.old.dir] = g.new.dir
		}
	}
	for key, g := range c.groups {
		if g.new != nil || g.old.kind != opaqueFile && g.old.kind != bodyFile {
			continue
		}
		to := string(File) + "|" + c.movedPath(g.old.path())
		if other := c.groups[to]; other != nil && to != key && other.old == nil {
			other.old, other.olds = g.old, g.olds
			delete(c.groups, key)
		}
	}
}

// movedPath is where a file went with the directory it lies in.
func (c *comparison) movedPath(path string) string {
	for dir := dirOf(path); dir != ""; dir = dirOf(dir) {
		if to, ok := c.moved[dir]; ok {
			return to + strings.TrimPrefix(path, dir)
		}
	}
	return path
}

// change says what happened to the object of a group. It is false where nothing
// did: a file that only moved along with the directory around it.
func (c *comparison) change(g *group) (Change, bool) {
	c.complete(g)
	g.published()
	switch {
	case g.old == nil:
		o := c.after.objectOf(g.new)
		return Change{Op: Create, Object: o, detail: c.detail(g.new)}, true
	case g.new == nil:
		return Change{Op: Delete, Object: c.before.objectOf(g.old)}, true
	}
	change := Change{Op: Modify, Object: c.after.objectOf(g.new), Fields: c.fields(g)}
	if g.old.defines() && g.new.defines() && g.old.id != g.new.id {
		// Resources that took each other's layer: rare, and never a rename.
		change.Op, change.Was = Replace, c.before.objectOf(g.old)
		return change, true
	}
	if op, ok := c.renamed(g); ok {
		change.Op, change.Was = op, c.before.objectOf(g.old)
		change.detail = c.holds(g.new)
		return change, true
	}
	if len(change.Fields) == 0 {
		return change, c.opaqueEdit(g)
	}
	change.Op = opOf(change.Fields)
	return change, true
}

// published: a resource alone is no layer yet, or no longer one.
func (g *group) published() {
	switch {
	case g.old == nil || g.new == nil:
	case g.old.kind == resourceFile && g.new.kind == layerFile:
		g.old = nil
	case g.old.kind == layerFile && g.new.kind == resourceFile:
		g.new = nil
	}
}

// opaqueEdit: a file that nobody parses has no fields, and yet has changed; all
// others without a changed field only moved, or follow what was renamed.
func (c *comparison) opaqueEdit(g *group) bool {
	if g.new.kind != opaqueFile && g.new.kind != bodyFile && g.new.kind != rulesFile {
		return false
	}
	return g.old.path() == g.new.path() || !sameBytes(g)
}

func sameBytes(g *group) bool {
	return len(g.olds) == 1 && len(g.news) == 1 && string(g.olds[0].Old) == string(g.news[0].New)
}

func opOf(fields []Field) Op {
	order, upgrade := 0, 0
	for _, f := range fields {
		switch f.what {
		case orderField:
			order++
		case upgradeField:
			upgrade++
		}
	}
	switch {
	case upgrade == len(fields):
		return Reserialise
	case order+upgrade == len(fields):
		return Reorder
	}
	return Modify
}

// renamed compares the own name of an object and the workspace that it is in,
// each by what it is itself: when a workspace is renamed, its layers are not.
func (c *comparison) renamed(g *group) (Op, bool) {
	if g.old.wrong != "" || g.new.wrong != "" {
		return "", false // the name of a broken file is a guess
	}
	if !c.before.main(g.old) || !c.after.main(g.new) {
		return "", false // half of an object is left
	}
	switch g.new.kind {
	case storeFile, layerFile, resourceFile, styleFile, groupFile:
		if home(c.before, g.old) != home(c.after, g.new) {
			return Move, true
		}
	case workspaceFile, namespaceFile:
	default:
		return "", false
	}
	return Rename, ownName(c.before, g.old) != ownName(c.after, g.new)
}

// home is the identity of the workspace around a file.
func home(c *Catalog, r *record) string {
	space := workspaceDir(r.dir)
	if r.kind == styleFile || r.kind == groupFile {
		if id := r.to(toWorkspace); id != "" {
			return id
		}
	}
	if at := c.file(fileKey{space, "workspace.xml"}); at != nil && at.id != "" {
		return at.id
	}
	if store := first(c.defs(r.to(toStore))); store != nil {
		return store.to(toWorkspace)
	}
	if id := r.to(toWorkspace); id != "" {
		return id
	}
	return space
}

func ownName(c *Catalog, r *record) string {
	name := c.objectOf(r).Name
	if workspaceDir(r.dir) != "" && r.kind != workspaceFile && r.kind != namespaceFile {
		_, name, _ = strings.Cut(name, ":")
	}
	return name
}

// detail is what a message says of a new object beside its name.
func (c *comparison) detail(r *record) string {
	if r.kind != layerFile {
		return ""
	}
	var words []string
	if resource := c.after.resourceIn(r.dir); resource != nil {
		if store := first(c.after.defs(resource.to(toStore))); store != nil {
			words = append(words, "store "+ownName(c.after, store))
		}
	}
	if style := first(c.after.defs(r.to(toDefaultStyle))); style != nil {
		words = append(words, "style "+c.after.objectOf(style).Name)
	}
	return strings.Join(words, ", ")
}

// holds counts what lies in a workspace or store that was renamed.
func (c *comparison) holds(r *record) string {
	count := make(map[Kind]int)
	switch r.kind {
	case workspaceFile:
		for store := range c.after.referrers(r.id) {
			if store.kind == storeFile {
				count[Store]++
				count[Layer] += c.layersOf(store)
			}
		}
	case storeFile:
		count[Layer] = c.layersOf(r)
	}
	return countWords(count, Store, Layer)
}

func (c *comparison) layersOf(store *record) int {
	n := 0
	for resource := range c.after.referrers(store.id) {
		if resource.kind == resourceFile {
			n++
		}
	}
	return n
}
