package xmlcatalog

import (
	"bytes"
	"errors"
	"path"
	"strings"
)

// record is what the catalog remembers of one file: enough to name it, to find
// who refers to it and to judge damage. A hundred thousand layers make two
// hundred thousand of them, so there is nothing else in it. Records never
// change once they are linked into a catalog.
type record struct {
	dir, base string
	kind      fileKind
	plain     bool // holds a password in plain text
	slots     bool // a group with an empty member, that is a style's place
	id, name  string
	refs      []ref
	wrong     string // why GeoServer can not read the file; "" where it can
}

// ref is one reference by id; for a style's body, by path.
type ref struct {
	role role
	to   string
}

type role uint8

const (
	toWorkspace role = iota
	toNamespace
	toStore
	toResource
	toDefaultStyle
	toFurtherStyle
	toMember
	toMemberStyle
	toTiled // from a tile cache to the layer or group it caches
	toBody
)

func (r *record) path() string {
	if r.dir == "" {
		return r.base
	}
	return r.dir + "/" + r.base
}

// to is the target of the first reference of a role, "" if there is none.
func (r *record) to(role role) string {
	for _, ref := range r.refs {
		if ref.role == role {
			return ref.to
		}
	}
	return ""
}

// readRecord reads a file as far as the catalog needs it. What can not be read
// is remembered as that; it is no error.
func readRecord(name string, data []byte) *record {
	row := rowOf(name)
	r := &record{dir: dirOf(name), base: lastName(name)}
	if row == nil {
		return r
	}
	r.kind = row.kind
	if row.root == "" {
		r.readPlain(data)
		return r
	}
	if err := r.readXML(row, data); err != nil && r.kind != opaqueFile {
		r.refs = nil
		r.wrong = whyUnreadable(data, err)
	}
	return r
}

func (r *record) readPlain(data []byte) {
	if r.kind == bodyFile && len(bytes.TrimSpace(data)) == 0 {
		r.wrong = "file is empty"
		return
	}
	r.wrong = conflictMarkers(data)
}

func whyUnreadable(data []byte, err error) string {
	if len(bytes.TrimSpace(data)) == 0 {
		return "file is empty"
	}
	if why := conflictMarkers(data); why != "" {
		return why
	}
	return "XML can not be read: " + err.Error()
}

// conflictMarkers finds what a merge by hand left behind.
func conflictMarkers(data []byte) string {
	if lineStart(data, "<<<<<<< ") && lineStart(data, ">>>>>>> ") {
		return "file holds conflict markers"
	}
	return ""
}

func lineStart(data []byte, mark string) bool {
	return bytes.HasPrefix(data, []byte(mark)) || bytes.Contains(data, []byte("\n"+mark))
}

// readXML walks through the document once; the elements it stops at are those
// that wanted names.
func (r *record) readXML(row *fileRow, data []byte) error {
	text, err := utf8Text(data)
	if err != nil {
		if text, err = r.lenient(data, err); err != nil {
			return err
		}
	}
	s := newScanner(text)
	var value gathered
	for {
		t, err := s.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case endOfFile:
			return nil
		case startTag, emptyTag:
			if err := r.begin(row, s, t); err != nil {
				return err
			}
			value.begin(t)
		case textRun:
			value.add(t)
		case endTag:
			if value.wanted {
				r.take(s.open, t.name, &value)
			}
			value.wanted = false
		}
	}
}

// lenient accepts broken UTF-8 in a catalog file, as GeoServer does: its reader
// puts U+FFFD in its place. The reader of style bodies is strict.
func (r *record) lenient(data []byte, err error) ([]byte, error) {
	if r.kind == bodyFile || len(data) > maxSize {
		return nil, err
	}
	return bytes.ToValidUTF8(data, []byte("\uFFFD")), nil
}

var errOtherRoot = errors.New("document starts with another element than GeoServer expects")

// begin checks the outermost element. Where it is a stranger, the file is
// broken if GeoServer goes by its name, and opaque if it takes any *.xml.
func (r *record) begin(row *fileRow, s *scanner, t token) error {
	outermost := len(s.open) == 0 || len(s.open) == 1 && t.kind == startTag
	if outermost && string(t.name) != row.root && row.kind != bodyFile {
		if strings.Contains(row.pattern, "*.xml") {
			r.kind = opaqueFile
			return nil
		}
		return errOtherRoot
	}
	if t.kind == emptyTag && r.kind == groupFile && string(t.name) == "published" {
		r.slots = true
	}
	return nil
}

// take keeps the value of an element that has just ended, if it is one of those
// that matter; open are the elements around it.
func (r *record) take(open [][]byte, name []byte, value *gathered) {
	if r.kind == opaqueFile || r.kind == bodyFile {
		return
	}
	switch string(name) {
	case "id":
		r.takeID(open, value)
	case "name", "prefix", "filename":
		r.takeName(open, string(name), value)
	case "entry":
		if r.kind == storeFile && secretName(value.key) && plainPassword(value.String()) {
			r.plain = true
		}
	case "password":
		if r.kind == storeFile && plainPassword(value.String()) {
			r.plain = true
		}
	}
}

// plainPassword tells a password in clear from a ciphertext and from a
// placeholder that GeoServer fills in from its environment.
func plainPassword(value string) bool {
	rest, plain := strings.CutPrefix(strings.TrimSpace(value), "plain:")
	return plain && rest != "" && !strings.Contains(rest, "${")
}

func (r *record) takeName(open [][]byte, name string, value *gathered) {
	if len(open) != 1 {
		return
	}
	switch {
	case name == "name" && r.kind != namespaceFile, name == "prefix" && r.kind == namespaceFile:
		r.name = r.shared(value.String())
	case name == "filename" && r.kind == styleFile:
		r.refs = append(r.refs, ref{toBody, path.Join(r.dir, value.String())})
	}
}

// shared takes a name from the path where it stands there, which it does in all
// but a few files: one allocation less for each layer.
func (r *record) shared(name string) string {
	if last := lastName(r.dir); last == name {
		return last
	}
	if strings.HasPrefix(r.base, name) {
		return r.base[:len(name)]
	}
	return name
}

func (r *record) takeID(open [][]byte, value *gathered) {
	if len(open) == 1 {
		r.takeOwnID(value.String())
		return
	}
	if role, ok := roleOf(r.kind, open); ok {
		if id := value.String(); id != "" {
			r.refs = append(r.refs, ref{role, id})
		}
	}
}

// takeOwnID: two kinds of files carry the id of another object as their own.
func (r *record) takeOwnID(id string) {
	switch r.kind {
	case tilesFile:
		r.refs = append(r.refs, ref{toTiled, id})
	case defaultFile:
		r.refs = append(r.refs, ref{toWorkspace, id})
	default:
		r.id = id
	}
}

// roleOf tells what an <id> refers to, from the elements around it.
func roleOf(kind fileKind, open [][]byte) (role, bool) {
	if len(open) == 2 {
		return nearRole(kind, string(open[1]))
	}
	if kind != layerFile && kind != groupFile {
		return 0, false
	}
	inner, outer := string(open[len(open)-1]), string(open[len(open)-2])
	styled := len(open) == 5 && string(open[1]) == "layerGroupStyles"
	switch {
	case kind == layerFile && len(open) == 3 && outer == "styles" && inner == "style":
		return toFurtherStyle, true
	case kind == groupFile && (len(open) == 3 || styled):
		return memberRole(outer, inner)
	}
	return 0, false
}

// memberRole: groups of GeoServer before 2.3 have layers/layer.
func memberRole(outer, inner string) (role, bool) {
	switch {
	case outer == "publishables" && inner == "published", outer == "layers" && inner == "layer":
		return toMember, true
	case outer == "styles" && inner == "style":
		return toMemberStyle, true
	}
	return 0, false
}

func nearRole(kind fileKind, element string) (role, bool) {
	switch {
	case element == "workspace" && kind != resourceFile && kind != layerFile:
		return toWorkspace, true
	case element == "namespace" && kind == resourceFile:
		return toNamespace, true
	case element == "store" && kind == resourceFile:
		return toStore, true
	case element == "resource" && kind == layerFile:
		return toResource, true
	case element == "defaultStyle" && kind == layerFile:
		return toDefaultStyle, true
	case element == "rootLayer" && kind == groupFile:
		return toMember, true
	case element == "rootLayerStyle" && kind == groupFile:
		return toMemberStyle, true
	}
	return 0, false
}

// gathered is the text of the element that opened last, if its name is one that
// may matter: almost always one run.
type gathered struct {
	wanted bool
	key    string // key attribute of the element
	run    token
	more   string
}

func (g *gathered) begin(t token) {
	switch string(t.name) {
	case "id", "name", "prefix", "filename", "password", "modifiedBy", "dateModified":
		*g = gathered{wanted: true}
	case "entry":
		*g = gathered{wanted: true, key: string(t.attr("key"))}
	default:
		g.wanted = false
	}
}

func (g *gathered) add(t token) {
	switch {
	case !g.wanted:
	case g.run.data == nil:
		g.run = t
	default:
		g.more += unescape(t.data, t.raw)
	}
}

func (g *gathered) String() string {
	return strings.TrimSpace(unescape(g.run.data, g.run.raw) + g.more)
}
