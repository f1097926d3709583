package xmlcatalog

import (
	"strconv"
	"strings"
)

// body has a line for each change that the subject does not say in full.
func body(changes []Change, subject string) string {
	if len(changes) == 0 || fullLines(changes) == subject {
		return ""
	}
	most := maxLines
	var lines []string
	if allUpgrades(changes) && len(changes) > 1 {
		most = 10
	}
	for i, c := range changes {
		if i == most {
			lines = append(lines, "… and "+plural(len(changes)-most, "more change"))
			break
		}
		lines = append(lines, cut(line(c, Field.words), maxLine))
	}
	return strings.Join(lines, "\n")
}

// DescribeImport is the message of a first commit: what there is, in numbers.
func DescribeImport(c *Catalog) Message {
	count := c.Count()
	kinds := []Kind{Workspace, Layer, Store, Group, Style, File}
	words := countWords(count, kinds...)
	for len("import data directory: "+words) > maxSubject {
		kinds = kinds[:len(kinds)-1]
		words = countWords(count, kinds...) + " …"
	}
	if words == "" {
		words = "no files"
	}
	m := Message{Subject: "import data directory: " + words}
	if strings.HasSuffix(words, "…") {
		m.Body = countWords(count, Workspace, Layer, Store, Group, Style, File)
	}
	for _, n := range count {
		m.Created += n
	}
	return m
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	if strings.HasPrefix(word, "more ") || word == "rules" || word == "tiles" || word == "settings" || word == "global" || word == "logging" {
		return strconv.Itoa(n) + " " + strings.TrimSuffix(word, "s") + "s"
	}
	return strconv.Itoa(n) + " " + word + "s"
}

// flat keeps a text on one line, whatever stands in a name.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// author is the user whom GeoServer names as the last to have changed a file:
// of several, the one of the newest change.
func author(edits []Edit) string {
	name, newest := "", ""
	for _, e := range edits {
		if e.New == nil || !identified(kindOf(e.Path)) {
			continue
		}
		by, when := signature(e.New)
		if by != "" && when >= newest {
			name, newest = by, when
		}
	}
	return name
}

// signature reads <modifiedBy> and <dateModified> of an object, as far as the
// document can be read.
func signature(data []byte) (by, when string) {
	text, err := utf8Text(data)
	if err != nil {
		return "", ""
	}
	s := newScanner(text)
	var value gathered
	for {
		t, err := s.next()
		if err != nil || t.kind == endOfFile {
			return by, when
		}
		closes := t.kind == endTag && len(s.open) == 1 && value.wanted
		switch {
		case t.kind == startTag:
			value.begin(t)
		case t.kind == textRun:
			value.add(t)
		case closes && string(t.name) == "modifiedBy":
			by = person(value.String())
		case closes && string(t.name) == "dateModified":
			when = value.String()
		}
	}
}

// person leaves out what would break the author line of a commit.
func person(name string) string {
	return cut(strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune("<>\x7f", r) {
			return -1
		}
		return r
	}, name), 80)
}
