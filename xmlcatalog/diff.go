package xmlcatalog

import (
	"slices"
	"strings"
)

// Field is one thing that an object says differently than before. Values are
// fit for a person: ids are resolved to names, long ones cut, secrets absent.
// Name is a dotted path, such as "metadata.cachingEnabled".
type Field struct {
	Name, Old, New string

	what fieldKind
	say  string // the whole of it in words, where "old -> new" does not serve
}

// Words say the whole of it where Old and New do not: a password rewritten, a file that can not be read. "" where
// they do.
func (f Field) Words() string {
	if f.Old != "" || f.New != "" {
		return ""
	}
	return f.say
}

type fieldKind uint8

const (
	plainField   fieldKind = iota
	orderField             // the same members in another order
	cipherField            // the same parameter under another ciphertext
	upgradeField           // what a newer GeoServer adds or rewrites by itself
)

// differ compares two canonical documents. The resolvers give the name of an id
// on either side.
type differ struct {
	oldName, newName func(id string) string
	fields           []Field
}

func (d *differ) diff(name string, a, b *element) {
	switch {
	case a != nil && b != nil && a.sum == b.sum:
	case boxName(name):
		d.box(name, a, b)
	case a == nil || b == nil:
		d.oneSided(name, a, b)
	case definesCRS(a) && definesCRS(b):
		d.crs(name, a, b)
	case a.refers() && b.refers():
		d.add(Field{Name: name, Old: d.old(a), New: d.new(b)})
	case a.leaf() && b.leaf():
		d.leaf(name, a, b)
	case a.order == asMap && (b.order == asMap || b.blank()), b.order == asMap && a.blank():
		d.entries(name, a, b)
	case a.fieldLike() && b.fieldLike():
		d.kids(name, a, b)
	default:
		d.list(name, a, b)
	}
}

func (d *differ) add(f Field) { d.fields = append(d.fields, f) }

// fieldLike says that an element has fields: no two children of one name, as a
// list has them.
func (e *element) fieldLike() bool {
	for i := 1; i < len(e.kids); i++ {
		if e.kids[i].name == e.kids[i-1].name {
			return false
		}
	}
	return e.order == asList && (len(e.kids) != 1 || !listItem(e.kids[0].name))
}

// listItem names elements that stand in lists even where they stand alone.
func listItem(name string) bool {
	switch name {
	case "string", "style", "member", "published", "attribute", "keyword", "gridSubset", "metadataLink", "layer", "int", "double":
		return true
	}
	return strings.Contains(name, ".")
}

func (d *differ) kids(name string, a, b *element) {
	seen := make(map[string]bool)
	for _, kid := range append(slices.Clone(a.kids), b.kids...) {
		if !seen[kid.name] {
			seen[kid.name] = true
			d.diff(join(name, kid.name), a.kid(kid.name), b.kid(kid.name))
		}
	}
}

func (d *differ) entries(name string, a, b *element) {
	seen := make(map[string]bool)
	for _, kid := range append(slices.Clone(a.kids), b.kids...) {
		if !seen[kid.key] {
			seen[kid.key] = true
			d.diff(join(name, kid.key), a.entry(kid.key).value(), b.entry(kid.key).value())
		}
	}
}

func (e *element) entry(key string) *element {
	for _, kid := range e.kids {
		if kid.key == key {
			return kid
		}
	}
	return nil
}

// value is what an entry holds besides its key.
func (e *element) value() *element {
	switch {
	case e == nil || strings.Contains(e.attrs, "key="):
		return e
	case len(e.kids) == 2:
		return e.kids[1]
	}
	return e
}

func (d *differ) oneSided(name string, a, b *element) {
	there := a
	if there == nil {
		there = b
	}
	if byUpgrade(name, there) {
		d.add(Field{Name: name, Old: d.old(a), New: d.new(b), what: upgradeField, say: signOf(b) + " " + lastPart(name)})
		return
	}
	if there.order == asMap {
		d.entries(name, orNothing(a), orNothing(b))
		return
	}
	if !there.leaf() && !there.refers() && there.order == asList && there.fieldLike() {
		d.kids(name, orNothing(a), orNothing(b))
		return
	}
	if secretLeaf(name, there) {
		d.add(secretField(name, a, b))
		return
	}
	if !there.leaf() && !there.refers() {
		d.list(name, orNothing(a), orNothing(b))
		return
	}
	d.add(Field{Name: name, Old: d.old(a), New: d.new(b)})
}

// signOf tells what came from what went.
func signOf(b *element) string {
	if b != nil {
		return "+"
	}
	return "-"
}

func orNothing(e *element) *element {
	if e == nil {
		return &element{}
	}
	return e
}

func (d *differ) leaf(name string, a, b *element) {
	if secretLeaf(name, a) || secretLeaf(name, b) {
		d.add(secretField(name, a, b))
		return
	}
	f := Field{Name: name, Old: d.old(a), New: d.new(b)}
	if !definesCRS(a) && !definesCRS(b) {
		f.Old, f.New = apart(redact(a.text), redact(b.text), maxValue)
	}
	d.add(f)
}

func secretLeaf(name string, e *element) bool {
	return secretName(lastPart(name)) || e != nil && secretValue(e.text)
}

// secretField never shows a value, not even its length.
func secretField(name string, a, b *element) Field {
	f := Field{Name: name, say: lastPart(name) + " changed"}
	switch {
	case a == nil || a.blank():
		f.say = "password set"
	case b == nil || b.blank():
		f.say = "password removed"
	case cipher(b.text) || strings.HasPrefix(b.text, "plain:") || strings.Contains(strings.ToLower(lastPart(name)), "passw"):
		f.say = "password rewritten"
	}
	// GeoServer encrypts a password that stands in clear when it next saves.
	if a != nil && b != nil && cipher(b.text) && !a.blank() && !strings.Contains(a.text, "${") {
		f.what = cipherField
	}
	return f
}

// refers says that an element is nothing but a reference: <style><id>…</id></style>.
func (e *element) refers() bool {
	return len(e.kids) == 1 && e.kids[0].name == "id" && e.kids[0].leaf()
}

func (d *differ) old(e *element) string { return show(e, d.oldName) }
func (d *differ) new(e *element) string { return show(e, d.newName) }

// show puts a value on one line.
func show(e *element, name func(string) string) string {
	switch {
	case e == nil:
		return ""
	case e.refers():
		return name(e.kids[0].text)
	case definesCRS(e):
		return shortCRS(e.text)
	case e.leaf():
		return cut(redact(e.text), maxValue)
	}
	var parts []string
	for _, kid := range e.kids {
		if text := showNamed(kid, name); text != "" {
			parts = append(parts, text)
		}
	}
	return cut(strings.Join(parts, ", "), maxValue)
}

const maxValue = 200

// showNamed leaves out secrets wherever they stand.
func showNamed(e *element, name func(string) string) string {
	label := e.name
	if e.key != "" {
		label = e.key
	}
	if secretLeaf(label, e) {
		return label + " …"
	}
	text := show(e, name)
	if listItem(e.name) || e.name == "id" || e.refers() || text == "" {
		return text
	}
	return label + " " + text
}

// box reports a recomputed extent as one field; its five numbers say nothing to
// a reader of history.
func (d *differ) box(name string, a, b *element) {
	words := " recomputed"
	switch {
	case a == nil || a.blank():
		words = " set"
	case b == nil || b.blank():
		words = " removed"
	}
	d.add(Field{Name: name, Old: d.extent(a), New: d.extent(b), say: lastPart(name) + words})
}

func boxName(name string) bool {
	last := lastPart(name)
	return strings.HasSuffix(last, "BoundingBox") || last == "bounds"
}

func (d *differ) extent(e *element) string {
	if e == nil {
		return ""
	}
	var parts []string
	for _, side := range [...]string{"minx", "miny", "maxx", "maxy", "crs"} {
		if kid := e.kid(side); kid != nil {
			parts = append(parts, shortCRS(kid.text))
		}
	}
	return strings.Join(parts, " ")
}

// definesCRS finds the page of text (WKT) that defines a coordinate system.
func definesCRS(e *element) bool {
	if !e.leaf() {
		return false
	}
	for _, kind := range [...]string{"GEOGCS[", "PROJCS[", "GEOCCS[", "LOCAL_CS[", "COMPD_CS[", "VERT_CS[", "FITTED_CS["} {
		if strings.HasPrefix(strings.TrimSpace(e.text), kind) {
			return true
		}
	}
	return false
}

func (d *differ) crs(name string, a, b *element) {
	f := Field{Name: name, Old: shortCRS(a.text), New: shortCRS(b.text)}
	// A definition without an authority gets that of the system it describes.
	if lastPart(name) == "nativeCRS" && (f.Old == f.New || strings.Contains(a.text, "AUTHORITY[") != strings.Contains(b.text, "AUTHORITY[")) {
		f.what, f.say = upgradeField, "nativeCRS rewritten"
	}
	d.add(f)
}

// shortCRS gives "EPSG:4326" for the definition of a coordinate system, by its
// outermost authority, which is the last one; else its name.
func shortCRS(wkt string) string {
	wkt = strings.TrimSpace(wkt)
	if at := strings.LastIndex(wkt, "AUTHORITY["); at >= 0 && strings.Count(wkt[at:], "]") <= 2 {
		parts := strings.Split(wkt[at:], `"`)
		if len(parts) >= 4 {
			return parts[1] + ":" + parts[3]
		}
	}
	if parts := strings.SplitN(wkt, `"`, 3); len(parts) == 3 && strings.Contains(parts[0], "[") {
		return parts[1]
	}
	return cut(wkt, 40)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	if name == "map" && strings.HasSuffix(path, "metadata") {
		return path // <metadata><map><entry>: an older way to write the same
	}
	return path + "." + name
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
