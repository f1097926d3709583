package xmlcatalog

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// What a file must stay below to be read at all. GeoServer's own files are a
// few levels deep and some kilobytes long; beyond this lies an accident or an
// attack, and both must cost nothing.
const (
	maxDepth = 200
	maxSize  = 64 << 20
)

// scanner reads XML a tag at a time, without copying. It does the least that
// tells a whole document from a broken one: tags match, entities are the five
// of XML or numbers, one element holds all. It obeys no DOCTYPE, so an entity
// that a document declares is unknown, and a bomb of them never goes off.
type scanner struct {
	data []byte
	at   int
	open [][]byte   // names of the elements that are open
	seen bool       // the outermost element has begun
	few  [12][]byte // where open begins: deep enough for nearly every file
}

// token is a tag or a stretch of text. The bytes are those of the document:
// entities stand as they are written.
type token struct {
	kind tokenKind
	name []byte // element, for a tag
	data []byte // attributes as written, or text
	raw  bool   // text is from a CDATA section
}

type tokenKind uint8

const (
	endOfFile tokenKind = iota
	startTag
	endTag
	emptyTag // <x/>: it opens nothing
	textRun
)

var errNotWhole = errors.New("document ends before its last element does")

func newScanner(data []byte) *scanner {
	s := &scanner{data: data}
	s.open = s.few[:0]
	return s
}

// next moves on to the next tag or text; comments and the like are passed over.
func (s *scanner) next() (token, error) {
	for s.at < len(s.data) {
		if s.data[s.at] != '<' {
			return s.text()
		}
		switch s.second() {
		case '/':
			return s.closing()
		case '!':
			if bytes.HasPrefix(s.data[s.at:], []byte("<![CDATA[")) {
				return s.cdata()
			}
			if err := s.aside(); err != nil {
				return token{}, err
			}
		case '?':
			if err := s.instruction(); err != nil {
				return token{}, err
			}
		default:
			return s.opening()
		}
	}
	if len(s.open) > 0 || !s.seen {
		return token{}, errNotWhole
	}
	return token{}, nil
}

// second is the character after the < that begins a tag.
func (s *scanner) second() byte {
	if s.at+1 < len(s.data) {
		return s.data[s.at+1]
	}
	return 0
}

func (s *scanner) aside() error {
	if bytes.HasPrefix(s.data[s.at:], []byte("<!--")) {
		return s.comment()
	}
	return s.doctype()
}

func (s *scanner) text() (token, error) {
	from, plain := s.at, true
	for s.at < len(s.data) && s.data[s.at] != '<' {
		plain = plain && !special[s.data[s.at]]
		s.at++
	}
	run := s.data[from:s.at]
	if len(s.open) == 0 && len(bytes.TrimSpace(run)) > 0 {
		return token{}, errors.New("text stands outside of the document's element")
	}
	if plain {
		return token{kind: textRun, data: run}, nil
	}
	if bytes.Contains(run, []byte("]]>")) {
		return token{}, errors.New("]]> stands in a text")
	}
	return token{kind: textRun, data: run}, checkText(run)
}

// plain says that nothing in a text needs a second look, which is nearly always
// so.
func plain(run []byte) bool {
	for _, c := range run {
		if special[c] {
			return false
		}
	}
	return true
}

var special = byteSet(func(c byte) bool { return suspect[c] || c == '&' || c == ']' })

func (s *scanner) cdata() (token, error) {
	from := s.at + len("<![CDATA[")
	end := bytes.Index(s.data[from:], []byte("]]>"))
	if end < 0 || len(s.open) == 0 {
		return token{}, errNotWhole
	}
	s.at = from + end + len("]]>")
	return token{kind: textRun, data: s.data[from : from+end], raw: true}, checkRunes(s.data[from : from+end])
}

func (s *scanner) comment() error {
	from := s.at + len("<!--")
	end := bytes.Index(s.data[from:], []byte("--"))
	if end < 0 {
		return errNotWhole
	}
	if !bytes.HasPrefix(s.data[from+end:], []byte("-->")) {
		return errors.New("-- stands in a comment")
	}
	s.at = from + end + len("-->")
	return nil
}

func (s *scanner) instruction() error {
	from := s.at + len("<?")
	end := bytes.Index(s.data[from:], []byte("?>"))
	if end < 0 {
		return errNotWhole
	}
	body := s.data[from : from+end]
	if len(body) == 0 || nameLength(body) == 0 {
		return errors.New("a processing instruction has no name")
	}
	s.at = from + end + len("?>")
	if string(body[:nameLength(body)]) == "xml" {
		return checkVersion(token{data: body[len("xml"):]})
	}
	return nil
}

// checkVersion: the reader of style bodies knows two versions of XML.
func checkVersion(declaration token) error {
	switch version := string(declaration.attr("version")); version {
	case "", "1.0", "1.1":
		return nil
	default:
		return fmt.Errorf("XML version %s is not known", cut(version, 10))
	}
}

// doctype passes over <!DOCTYPE …> with everything in its brackets.
func (s *scanner) doctype() error {
	depth, quote := 0, byte(0)
	for i := s.at + 2; i < len(s.data); i++ {
		c := s.data[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			depth++
		case c == '>' && depth > 0:
			depth--
		case c == '>':
			s.at = i + 1
			return nil
		}
	}
	return errNotWhole
}

func (s *scanner) closing() (token, error) {
	if top := len(s.open) - 1; top >= 0 {
		name := s.open[top]
		// As all but a few closing tags are written: the name, and the end.
		if rest := s.data[s.at+2:]; len(rest) > len(name) && rest[len(name)] == '>' && string(rest[:len(name)]) == string(name) {
			s.open = s.open[:top]
			s.at += 2 + len(name) + 1
			return token{kind: endTag, name: name}, nil
		}
	}
	end := bytes.IndexByte(s.data[s.at:], '>')
	if end < 0 {
		return token{}, errNotWhole
	}
	name := bytes.TrimRight(s.data[s.at+2:s.at+end], " \t\r\n")
	if len(s.open) == 0 || !bytes.Equal(s.open[len(s.open)-1], name) {
		return token{}, fmt.Errorf("</%s> closes nothing", cutBytes(name))
	}
	s.open = s.open[:len(s.open)-1]
	s.at += end + 1
	return token{kind: endTag, name: name}, nil
}

func (s *scanner) opening() (token, error) {
	length := nameLength(s.data[s.at+1:])
	if length == 0 {
		return token{}, fmt.Errorf("< is followed by no name at byte %d", s.at)
	}
	name := s.data[s.at+1 : s.at+1+length]
	from := s.at + 1 + length
	end, empty, err := from+1, false, error(nil)
	if from >= len(s.data) || s.data[from] != '>' {
		end, empty, err = attributesEnd(s.data, from)
	}
	if err != nil {
		return token{}, err
	}
	if len(s.open) == 0 && s.seen {
		return token{}, errors.New("a second element follows the document's")
	}
	s.seen = true
	s.at = end
	if empty {
		return token{kind: emptyTag, name: name, data: s.data[from : end-2]}, nil
	}
	if len(s.open) >= maxDepth {
		return token{}, fmt.Errorf("elements are nested deeper than %d", maxDepth)
	}
	s.open = append(s.open, name)
	return token{kind: startTag, name: name, data: s.data[from : end-1]}, nil
}

// attributesEnd finds the end of a tag and checks the attributes on the way.
func attributesEnd(data []byte, at int) (end int, empty bool, err error) {
	for {
		at = skipSpace(data, at)
		if at >= len(data) {
			return 0, false, errNotWhole
		}
		if data[at] == '>' {
			return at + 1, false, nil
		}
		if data[at] == '/' {
			if at+1 >= len(data) || data[at+1] != '>' {
				return 0, false, errors.New("/ stands in a tag")
			}
			return at + 2, true, nil
		}
		if _, _, at, err = attribute(data, at); err != nil {
			return 0, false, err
		}
	}
}

func attribute(data []byte, at int) (name, value []byte, next int, err error) {
	length := nameLength(data[at:])
	if length == 0 {
		return nil, nil, 0, fmt.Errorf("a tag holds something that is no attribute at byte %d", at)
	}
	name = data[at : at+length]
	at = skipSpace(data, at+length)
	if at >= len(data) || data[at] != '=' {
		return nil, nil, 0, fmt.Errorf("attribute %s has no value", cutBytes(name))
	}
	at = skipSpace(data, at+1)
	if at >= len(data) || data[at] != '"' && data[at] != '\'' {
		return nil, nil, 0, fmt.Errorf("attribute %s has no quoted value", cutBytes(name))
	}
	end := bytes.IndexByte(data[at+1:], data[at])
	if end < 0 {
		return nil, nil, 0, errNotWhole
	}
	value = data[at+1 : at+1+end]
	if bytes.IndexByte(value, '<') >= 0 {
		return nil, nil, 0, fmt.Errorf("< stands in the value of attribute %s", cutBytes(name))
	}
	if plain(value) {
		return name, value, at + 2 + end, nil
	}
	return name, value, at + 2 + end, checkText(value)
}

// attr is the value of an attribute as written, nil if it is not there.
func (t token) attr(name string) []byte {
	for at := skipSpace(t.data, 0); at < len(t.data); at = skipSpace(t.data, at) {
		key, value, next, err := attribute(t.data, at)
		if err != nil {
			return nil
		}
		if string(key) == name {
			return value
		}
		at = next
	}
	return nil
}

func skipSpace(data []byte, at int) int {
	for at < len(data) && (data[at] == ' ' || data[at] == '\n' || data[at] == '\r' || data[at] == '\t') {
		at++
	}
	return at
}

// nameLength takes any byte above ASCII for a letter: names are compared, not
// judged.
func nameLength(data []byte) int {
	if len(data) == 0 || !nameStart[data[0]] {
		return 0
	}
	for i, c := range data {
		if !namePart[c] {
			return i
		}
	}
	return len(data)
}

var (
	nameStart = byteSet(func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' || c >= utf8.RuneSelf
	})
	namePart = byteSet(func(c byte) bool {
		return nameStart[c] || c >= '0' && c <= '9' || c == '-' || c == '.'
	})
)

func cutBytes(b []byte) string { return cut(string(b), 40) }
