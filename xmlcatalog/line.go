package xmlcatalog

import (
	"slices"
	"strings"
)

// mostFields keeps the line of an object of which everything changed readable.
const mostFields = 8

const upgradeMark = " (GeoServer upgrade)"

// line says one change, the fields as say has them.
func line(c Change, say func(Field) string) string {
	text := headline(c, Object.words)
	if c.detail != "" {
		text += " (" + c.detail + ")"
	}
	if words := fieldWords(c, say); len(words) > 0 {
		text += ": " + strings.Join(atMost(words, mostFields), ", ")
	}
	return flat(text)
}

// headline is what happened to which object, without fields.
func headline(c Change, name func(Object) string) string {
	text := verb(c) + " " + name(c.Object)
	switch c.Op {
	case Rename, Move:
		if c.Was.words() == c.Object.words() {
			return flat("move files of " + name(c.Object))
		}
		text = string(c.Op) + " " + name(c.Was) + " -> " + c.Object.Name
	case Replace:
		text += " (new id)"
	case Reserialise:
		text += upgradeMark
	}
	return flat(text)
}

func fieldWords(c Change, say func(Field) string) []string {
	var words []string
	for _, f := range c.Fields {
		switch {
		case c.Op == Reorder && f.what == orderField:
			words = append(words, f.short())
		case c.Op == Reserialise:
			words = append(words, f.words())
		case f.what != upgradeField:
			words = append(words, say(f))
		}
	}
	return slices.Compact(words)
}

// atMost counts the words that are too many.
func atMost(words []string, most int) []string {
	extra := len(words) - most
	if extra <= 1 {
		return words
	}
	return append(words[:most:most], "… and "+plural(extra, "more field"))
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
