package xmlcatalog

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// fields compares the files of an object pair by pair. A layer and a workspace
// have two, a style has its body.
func (c *comparison) fields(g *group) []Field {
	olds, news := byKind(g.olds, true), byKind(g.news, false)
	kinds := maps.Clone(olds)
	maps.Copy(kinds, news)
	var all []Field
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		old, hadOld := olds[kind]
		new, hasNew := news[kind]
		switch {
		case hadOld && hasNew:
			all = append(all, c.fileFields(g, kind, old, new)...)
		case hasNew && c.stood(c.before, g.old, kind, new.Path):
		case kind == bodyFile && old.New != nil, kind == bodyFile && new.Old != nil && g.new.kind == bodyFile:
			// It was or is the body of another style: <filename> says that.
		case kind == bodyFile && hasNew && (new.Old != nil || c.otherName(g)):
			all = append(all, bodyField(new.Path))
		case kind == bodyFile && c.otherName(g):
			all = append(all, bodyField(old.Path))
		case hasNew:
			all = append(all, Field{Name: lastName(new.Path), say: "+ " + lastName(new.Path)})
		default:
			all = append(all, Field{Name: lastName(old.Path), say: "- " + lastName(old.Path)})
		}
	}
	all = withoutNewBody(all)
	sortFields(all)
	return all
}

// withoutNewBody takes out a body that came or went where <filename> says so.
func withoutNewBody(fields []Field) []Field {
	at := slices.IndexFunc(fields, func(f Field) bool { return f.Name == "filename" })
	if at < 0 {
		return fields
	}
	old, new := "- "+fields[at].Old, "+ "+fields[at].New
	return slices.DeleteFunc(fields, func(f Field) bool { return f.say == old || f.say == new })
}

// sortFields brings first what people ask for, and last what GeoServer makes up
// by itself whenever it saves.
func sortFields(fields []Field) {
	slices.SortStableFunc(fields, func(a, b Field) int { return a.rank() - b.rank() })
}

func (f Field) rank() int {
	if f.what == upgradeField {
		return 4
	}
	switch f.Name {
	case "defaultStyle", "enabled", "advertised":
		return 0
	case "supportedFormats", "requestSRS", "responseSRS", "metadata.cachingEnabled":
		return 3
	}
	if boxName(f.Name) {
		return 2
	}
	return 1
}

func (c *comparison) otherName(g *group) bool {
	return ownName(c.before, g.old) != ownName(c.after, g.new)
}

// stood is true for a file that belonged to another object before: it is
// reported there.
func (c *comparison) stood(in *Catalog, main *record, kind fileKind, path string) bool {
	r := in.at(path)
	return r != nil && r.kind == kind && in.mainOf(r) == main
}

func byKind(edits []Edit, old bool) map[fileKind]Edit {
	files := make(map[fileKind]Edit)
	for _, e := range edits {
		if old && e.Old != nil || !old && e.New != nil {
			files[kindOf(e.Path)] = e
		}
	}
	return files
}

func (c *comparison) fileFields(g *group, kind fileKind, old, new Edit) []Field {
	switch {
	case c.noise(Edit{Path: new.Path, Old: old.Old, New: new.New}):
		return nil
	case kind == bodyFile:
		return []Field{bodyField(new.Path)}
	case kind == opaqueFile:
		return nil
	case kind == rulesFile:
		return ruleFields(old.Old, new.New)
	}
	a, errA := c.canonical(old.Old)
	b, errB := c.canonical(new.New)
	switch {
	case errB != nil:
		return []Field{{Name: lastName(new.Path), say: lastName(new.Path) + " can not be read"}}
	case errA != nil:
		return []Field{{Name: lastName(new.Path), say: lastName(new.Path) + " can be read again"}}
	}
	if kind == defaultFile {
		return []Field{defaultField(a, b)}
	}
	d := differ{oldName: resolver(c.before), newName: resolver(c.after)}
	d.kids("", a, b)
	return c.withoutEchoes(g, kind, d.fields)
}

func bodyField(name string) Field {
	format := strings.TrimPrefix(path.Ext(name), ".")
	return Field{Name: format, say: format}
}

// defaultField: default.xml is a copy of the workspace, and GeoServer rewrites
// it when that one changes.
func defaultField(a, b *element) Field {
	text := func(e *element, name string) string {
		if kid := e.kid(name); kid != nil {
			return kid.text
		}
		return ""
	}
	if text(a, "id") == text(b, "id") {
		return Field{Name: "defaultWorkspace", say: "defaultWorkspace rewritten", what: upgradeField}
	}
	return Field{Name: "defaultWorkspace", Old: cut(text(a, "name"), maxValue), New: cut(text(b, "name"), maxValue)}
}

// resolver gives the name of an id as one catalog has it.
func resolver(c *Catalog) func(string) string {
	return func(id string) string {
		if r := first(c.defs(id)); r != nil {
			return c.objectOf(r).Name
		}
		return cut(id, maxValue)
	}
}

// withoutEchoes takes out the fields that only repeat what the change itself
// says, or what happened to the object that this one stands on.
func (c *comparison) withoutEchoes(g *group, kind fileKind, fields []Field) []Field {
	for i, f := range fields {
		if f.Name == "publishables" {
			fields[i].Name, fields[i].say = "members", "members"+strings.TrimPrefix(f.say, "publishables")
		}
	}
	moved := home(c.before, g.old) != home(c.after, g.new)
	return slices.DeleteFunc(fields, func(f Field) bool {
		switch f.Name {
		case "id":
			return true
		case "name":
			return kind == tilesFile || identified(kind)
		case "metadata.dirName":
			return c.otherName(g)
		case "prefix":
			return kind == namespaceFile
		case "uri":
			return kind == namespaceFile && f.Old == ownName(c.before, g.old) && f.New == ownName(c.after, g.new)
		case "connectionParameters.namespace":
			return moved || c.moved[workspaceDir(g.old.dir)] != ""
		case "workspace", "workspace.name":
			return moved && kind == storeFile || kind == settingsFile || kind == styleFile || kind == groupFile
		case "namespace":
			return moved && kind == resourceFile
		case "filename":
			return c.otherName(g)
		}
		return false
	})
}

// ruleFields compares access rules key by key. They hold roles, no secrets.
func ruleFields(old, new []byte) []Field {
	a, b := rules(old), rules(new)
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	var fields []Field
	for _, key := range sortedKeys(keys) {
		was, had := a[key]
		is, has := b[key]
		switch {
		case had && has && was == is:
		case has:
			fields = append(fields, Field{Name: key, Old: was, New: is, say: key + " = " + is})
		default:
			fields = append(fields, Field{Name: key, Old: was, say: "- " + key})
		}
	}
	return fields
}

func rules(data []byte) map[string]string {
	found := make(map[string]string)
	for _, line := range ruleLines(data) {
		key, value, ok := strings.Cut(line, "=")
		if ok && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			found[cut(key, maxValue)] = cut(value, maxValue)
		}
	}
	return found
}
