package xmlcatalog

import (
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// element is an XML element in canonical form: what GeoServer changes without
// anybody's wish is gone or put in order, so that two elements say the same
// exactly if their sums are equal.
type element struct {
	name  string
	attrs string // sorted, "" for none
	text  string
	key   string // of an entry of a map
	kids  []*element
	order orderKind
	sum   string // canonical text of all of it
}

type orderKind uint8

const (
	asList orderKind = iota
	asSet
	asMap
)

// maxCanonical bounds the memory of a comparison. A larger file differs if its
// bytes do.
const maxCanonical = 8 << 20

var errTooLarge = errors.New("file is too large to be compared by content")

// canonical reads a document and takes the noise out.
func canonical(data []byte) (*element, error) {
	if len(data) > maxCanonical {
		return nil, errTooLarge
	}
	text, err := utf8Text(data)
	if err != nil {
		return nil, err
	}
	// The scanner goes first: it bounds the depth, which etree does not.
	if err := wellFormed(text); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	doc.ReadSettings.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	if err := doc.ReadFromBytes(text); err != nil {
		return nil, err
	}
	if doc.Root() == nil {
		return nil, errNotWhole
	}
	return canon(doc.Root(), nil), nil
}

func wellFormed(text []byte) error {
	s := newScanner(text)
	for {
		t, err := s.next()
		if err != nil || t.kind == endOfFile {
			return err
		}
	}
}

// canon makes the canonical form of one element; around are the names of those
// that it stands in, outermost first.
func canon(from *etree.Element, around []string) *element {
	to := &element{name: from.FullTag(), attrs: canonAttrs(from)}
	around = append(around, to.name)
	for _, child := range from.ChildElements() {
		if !noisy(around, child.Tag) {
			to.kids = append(to.kids, canon(child, around))
		}
	}
	to.text = ownText(from, len(from.ChildElements()) > 0)
	if to.refers() && to.kids[0].blank() {
		to.kids = nil // <style><id></id></style>: what REST makes of <style/>
	}
	if to.name == "layerGroup" && len(around) == 1 {
		to.pairMembers()
	}
	to.arrange(around)
	to.sum = to.write()
	return to
}

// noisy names the elements that change by themselves: dates and author of an
// object, also in the copy of a workspace that settings hold, and the counter
// of changes in global.xml.
func noisy(around []string, name string) bool {
	parent := around[len(around)-1]
	switch name {
	case "dateCreated", "dateModified", "modifiedBy":
		return len(around) == 1 || parent == "workspace"
	case "updateSequence":
		return len(around) == 1 && parent == "global"
	}
	return false
}

// ownText keeps the text of a leaf as it is; between elements white space is
// layout.
func ownText(from *etree.Element, kids bool) string {
	var b strings.Builder
	for _, child := range from.Child {
		if data, ok := child.(*etree.CharData); ok {
			b.WriteString(data.Data)
		}
	}
	if kids {
		return strings.TrimSpace(b.String())
	}
	return b.String()
}

// canonAttrs leaves out which Java class holds a collection or a coordinate
// system: a newer GeoServer writes another one for the same content.
func canonAttrs(from *etree.Element) string {
	var kept []string
	for _, a := range from.Attr {
		if a.Key == "class" && collectionClass(from.Tag, a.Value) || a.Space == "xmlns" || a.Key == "xmlns" {
			continue
		}
		kept = append(kept, a.FullKey()+"="+a.Value)
	}
	slices.Sort(kept)
	return strings.Join(kept, "\x00")
}

func collectionClass(tag, class string) bool {
	return tag == "nativeCRS" || tag == "crs" || strings.HasSuffix(class, "-set") || strings.HasSuffix(class, "-list") ||
		class == "set" || class == "list" || class == "java.util.Collections$UnmodifiableRandomAccessList"
}

// arrange brings the children of maps and sets into one order.
func (e *element) arrange(around []string) {
	switch {
	case e.isMap():
		e.order = asMap
		for _, kid := range e.kids {
			kid.key = entryKey(kid)
		}
		slices.SortStableFunc(e.kids, func(a, b *element) int { return strings.Compare(a.key, b.key) })
	case isSet(e.name, around):
		e.order = asSet
		slices.SortStableFunc(e.kids, func(a, b *element) int { return strings.Compare(a.sum, b.sum) })
	case e.name == "entry": // key, then value
	default:
		e.arrangeFields()
	}
}

// arrangeFields sorts the fields of an object by name. XStream reads them in
// any order, and a newer GeoServer writes them in another one. Elements of one
// name keep their order among themselves.
func (e *element) arrangeFields() {
	slices.SortStableFunc(e.kids, func(a, b *element) int { return strings.Compare(a.name, b.name) })
}

func (e *element) isMap() bool {
	for _, kid := range e.kids {
		if kid.name != "entry" {
			return false
		}
	}
	return len(e.kids) > 0
}

func entryKey(entry *element) string {
	for _, a := range strings.Split(entry.attrs, "\x00") {
		if key, ok := strings.CutPrefix(a, "key="); ok {
			return key
		}
	}
	if len(entry.kids) > 0 {
		return entry.kids[0].text
	}
	return ""
}

// isSet names the collections whose order GeoServer neither keeps nor means.
func isSet(name string, around []string) bool {
	switch name {
	case "gridSubsets", "mimeFormats", "parameterFilters", "cacheWarningSkips", "jaiExtOperations":
		return true
	case "styles":
		return len(around) == 2 && around[0] == "layer"
	}
	return false
}

// pairMembers joins the members of a group with their styles, which stand in a
// second list at the same place. Only together does their order mean anything.
func (e *element) pairMembers() {
	members, styles := e.kid("publishables"), e.kid("styles")
	if members == nil || styles == nil || len(members.kids) != len(styles.kids) {
		return
	}
	for i, member := range members.kids {
		pair := &element{name: "member", kids: []*element{member, styles.kids[i]}}
		pair.sum = pair.write()
		members.kids[i] = pair
	}
	members.sum = members.write()
	e.kids = slices.DeleteFunc(e.kids, func(kid *element) bool { return kid == styles })
}

func (e *element) kid(name string) *element {
	if e == nil {
		return nil
	}
	for _, kid := range e.kids {
		if kid.name == name {
			return kid
		}
	}
	return nil
}

// write is the sum. XML allows no control characters in a text, so they can
// stand between its parts. A long one is hashed: sums are made at every level.
func (e *element) write() string {
	var b strings.Builder
	b.WriteString("<" + e.name + "\x01" + e.attrs + "\x01" + e.text + "\x02")
	for _, kid := range e.kids {
		b.WriteString(kid.sum)
	}
	b.WriteString(">")
	if b.Len() <= 256 {
		return b.String()
	}
	hash := sha256.Sum256([]byte(b.String()))
	return "\x03" + string(hash[:])
}

func (e *element) leaf() bool { return len(e.kids) == 0 }

func (e *element) blank() bool { return e.leaf() && strings.TrimSpace(e.text) == "" && e.attrs == "" }
