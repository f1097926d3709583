package xmlcatalog

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Message is what a commit says of its changes, without the trailer lines
// themselves.
type Message struct {
	// Subject has at most 72 characters and names an object.
	Subject string
	// Body has a line for each change; empty where the subject says it all.
	Body string
	// Objects are the values of Gsgit-Object trailers: at most 100, then one
	// that counts the rest.
	Objects []string
	// Author is the user that GeoServer wrote into the files; "" if none.
	Author string
	// How many objects came, changed, went, or got another name.
	Created, Modified, Deleted, Renamed int
	// Touched names every object once: "layer:topp:states".
	Touched []string
}

const (
	maxSubject = 72
	maxLine    = 400
	maxLines   = 200
	maxObjects = 100
)

// Describe puts changes into words. The edits tell the author.
func Describe(changes []Change, edits []Edit) Message {
	m := Message{Author: author(edits)}
	for _, c := range changes {
		m.count(c.Op)
		m.Touched = append(m.Touched, flat(c.Object.String()))
		m.Objects = append(m.Objects, flat(strings.TrimSuffix(c.Object.String()+" "+c.Object.ID, " ")))
	}
	slices.Sort(m.Touched)
	m.Touched = slices.Compact(m.Touched)
	if extra := len(m.Objects) - maxObjects; extra > 0 {
		m.Objects = append(m.Objects[:maxObjects:maxObjects], "… and "+strconv.Itoa(extra)+" more")
	}
	m.Subject = subject(leading(changes), edits)
	m.Body = body(listed(changes), m.Subject)
	return m
}

func (m *Message) count(op Op) {
	switch op {
	case Create:
		m.Created++
	case Delete:
		m.Deleted++
	case Rename, Move:
		m.Renamed++
	default:
		m.Modified++
	}
}

// listed leaves out what goes without saying: what follows from another change,
// the tile cache of a layer that changed, the defaults that GeoServer writes
// beside a real edit.
func listed(changes []Change) []Change {
	named := make(map[string]bool)
	for _, c := range changes {
		if c.Object.Kind != Tiles {
			named[c.Object.ID] = true
		}
	}
	upgrades := allUpgrades(changes)
	return leaveOut(changes, func(c Change) bool {
		return c.follows || c.Object.Kind == Tiles && named[c.Object.ID] || c.Op == Reserialise && !upgrades
	})
}

// leading is what a subject is made of: not the contents of a workspace that
// came or went, nor a tile cache beside anything else.
func leading(changes []Change) []Change {
	return leaveOut(listed(changes), func(c Change) bool { return c.inside || c.Object.Kind == Tiles })
}

// leaveOut takes changes out of a list, but for when none would be left.
func leaveOut(changes []Change, out func(Change) bool) []Change {
	left := slices.DeleteFunc(slices.Clone(changes), out)
	if len(left) == 0 {
		return changes
	}
	return left
}

func subject(changes []Change, edits []Edit) string {
	if len(changes) == 0 {
		return nothingSaid(edits)
	}
	for _, say := range [...]func([]Change) string{fullLines, briefLines, bareLines, grouped, firstGroup} {
		if s := say(changes); s != "" && utf8.RuneCountInString(s) <= maxSubject {
			return s
		}
	}
	return cut(firstGroup(changes), maxSubject)
}

// nothingSaid names a file where no object changed, as after noise that
// somebody wants committed.
func nothingSaid(edits []Edit) string {
	if len(edits) == 0 {
		return "no change"
	}
	return cut("record file "+edits[0].Path, maxSubject)
}

func fullLines(changes []Change) string {
	return joined(changes, func(c Change) string { return line(c, func(f Field) string { return f.words() }) })
}

// briefLines name the fields without their values.
func briefLines(changes []Change) string {
	return joined(changes, func(c Change) string { return line(c, Field.short) })
}

func bareLines(changes []Change) string {
	return joined(changes, func(c Change) string {
		c.Fields, c.detail = nil, ""
		return line(c, Field.short)
	})
}

func joined(changes []Change, say func(Change) string) string {
	if len(changes) > 4 || len(changes) > 1 && allUpgrades(changes) {
		return ""
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, say(c))
	}
	return strings.Join(lines, "; ")
}

func allUpgrades(changes []Change) bool {
	return !slices.ContainsFunc(changes, func(c Change) bool { return c.Op != Reserialise })
}

// line says one change.
func line(c Change, say func(Field) string) string {
	text := verb(c) + " " + c.Object.words()
	switch c.Op {
	case Rename, Move:
		if c.Was.words() == c.Object.words() {
			text = "move files of " + c.Object.words()
			break
		}
		text = string(c.Op) + " " + c.Was.words() + " -> " + c.Object.Name
	case Replace:
		text += " (new id)"
	case Reserialise:
		text += " (GeoServer upgrade)"
	}
	if c.detail != "" {
		text += " (" + c.detail + ")"
	}
	var words []string
	for _, f := range c.Fields {
		switch {
		case c.Op == Reorder && f.what == orderField:
			words = append(words, f.short())
		case f.what != upgradeField || c.Op == Reserialise:
			words = append(words, say(f))
		}
	}
	words = slices.Compact(words)
	if len(words) > 0 {
		text += ": " + strings.Join(words, ", ")
	}
	return flat(text)
}

func verb(c Change) string {
	switch {
	case c.Op == Create && c.Object.Kind == Layer:
		return "publish"
	case c.Op == Create && c.Object.Kind == File:
		return "add"
	case c.Op == Reserialise:
		return "re-serialise"
	case c.Op == Modify && c.Object.Kind == Style && onlyBody(c.Fields):
		return "edit"
	}
	return string(c.Op)
}

func onlyBody(fields []Field) bool {
	return len(fields) == 1 && kindOf("styles/x."+fields[0].Name) == bodyFile
}

// grouped counts the changes of one kind: "publish 212 layers in topp".
func grouped(changes []Change) string {
	return strings.Join(groupWords(changes), ", ")
}

// firstGroup names the first of many kinds of change and counts the rest.
func firstGroup(changes []Change) string {
	words := groupWords(changes)[0]
	n := 1
	for n < len(changes) && alike(changes[0], changes[n]) {
		n++
	}
	if rest := len(changes) - n; rest > 0 {
		return cut(words, maxSubject-22) + " and " + plural(rest, "more change")
	}
	return words
}

func alike(a, b Change) bool { return verb(a) == verb(b) && noun(a) == noun(b) }

// noun is the word for objects of the kind when they are counted.
func noun(c Change) string {
	if word, _, _ := strings.Cut(c.Object.words(), " "); c.Object.Kind == File {
		return word
	}
	return string(c.Object.Kind)
}

func groupWords(changes []Change) []string {
	if allUpgrades(changes) && len(changes) > 1 {
		return []string{upgradeWords(changes)}
	}
	var words []string
	for start := 0; start < len(changes); {
		end := start + 1
		for end < len(changes) && alike(changes[start], changes[end]) {
			end++
		}
		words = append(words, groupOf(changes[start:end]))
		start = end
	}
	return words
}

func groupOf(changes []Change) string {
	c := changes[0]
	if len(changes) == 1 {
		c.Fields, c.detail = nil, ""
		return line(c, Field.short)
	}
	text := verb(c) + " " + plural(len(changes), noun(c))
	if space := commonWorkspace(changes); space != "" {
		text += " in " + space
	}
	return flat(text)
}

func commonWorkspace(changes []Change) string {
	space := ""
	for i, c := range changes {
		dir := lastName(workspaceDir(dirOf(c.Object.Path)))
		if name, _, ok := strings.Cut(c.Object.Name, ":"); ok {
			dir = name
		}
		if i > 0 && dir != space {
			return ""
		}
		space = dir
	}
	return space
}

func upgradeWords(changes []Change) string {
	seen := make(map[string]bool)
	var fields []string
	for _, c := range changes {
		for _, f := range c.Fields {
			if word := f.words(); !seen[word] {
				seen[word] = true
				fields = append(fields, word)
			}
		}
	}
	text := "re-serialise " + plural(len(changes), "object") + " (GeoServer upgrade)"
	if len(fields) > 0 {
		text += ": " + strings.Join(fields, ", ")
	}
	return cut(text, maxSubject)
}
