package xmlcatalog

import (
	"slices"
	"strings"
)

// Class says how far a damage reaches in a GeoServer that loads it.
type Class string

// The classes, worst first.
const (
	Outage  Class = "outage"  // a whole service, or the whole catalog, is down
	Broken  Class = "broken"  // one object fails when it is asked for
	Dropped Class = "dropped" // an object is not there, often without a log line
	Note    Class = "note"    // works, but somebody should know; never holds or refuses anything
)

// Damage is something in a tree that GeoServer stumbles over.
type Damage struct {
	Class  Class
	Object Object
	// Path is the file at which it is to be mended.
	Path string
	// What is wrong, in words without a secret.
	What string

	key string
	// covered marks a reference whose target most likely is the unreadable file
	// above it: that one is the damage to mend, and the one to be told.
	covered bool
}

// String is the damage as check prints it and as the Gsgit-Damage trailer has
// it: "class kind:name path: what".
func (d Damage) String() string {
	return string(d.Class) + " " + d.Object.String() + " " + d.Path + ": " + d.What
}

// Key tells one damage from another and stays when objects are renamed or
// moved: it is made of the kind of damage and the ids that it is about.
func (d Damage) Key() string { return d.key }

// Damage looks through the whole catalog. The result is sorted, worst first.
func (c *Catalog) Damage() []Damage {
	return told(c.everyDamage())
}

func (c *Catalog) everyDamage() []Damage {
	j := newJudge(c)
	var all []Damage
	for r := range c.all() {
		all = append(all, j.at(r)...)
	}
	return append(all, j.security()...)
}

// told is the damage worth telling, worst first.
func told(all []Damage) []Damage {
	all = slices.DeleteFunc(all, func(d Damage) bool { return d.covered })
	sortDamage(all)
	return all
}

func sortDamage(all []Damage) {
	rank := map[Class]int{Outage: 0, Broken: 1, Dropped: 2, Note: 3}
	slices.SortFunc(all, func(a, b Damage) int {
		if rank[a.Class] != rank[b.Class] {
			return rank[a.Class] - rank[b.Class]
		}
		if n := strings.Compare(a.String(), b.String()); n != 0 {
			return n
		}
		return strings.Compare(a.key, b.key)
	})
}

// judge finds the damage of one catalog.
type judge struct {
	c     *Catalog
	known map[*record]bool // memory of loads
}

func newJudge(c *Catalog) *judge { return &judge{c: c, known: make(map[*record]bool)} }

// at lists the damage whose place is one file.
func (j *judge) at(r *record) []Damage {
	if r == nil {
		return nil
	}
	if r.wrong != "" {
		return []Damage{j.unreadable(r)}
	}
	found := j.twice(r)
	switch r.kind {
	case workspaceFile, namespaceFile:
		found = append(found, j.workspace(r)...)
	case storeFile:
		found = append(found, j.store(r)...)
	case resourceFile:
		found = append(found, j.resource(r)...)
	case layerFile:
		found = append(found, j.layer(r)...)
	case styleFile:
		found = append(found, j.style(r)...)
	case groupFile:
		found = append(found, j.group(r)...)
	case tilesFile:
		found = append(found, j.tiles(r)...)
	case defaultFile:
		found = append(found, j.defaultWorkspace(r)...)
	}
	return found
}

func (j *judge) damage(class Class, r *record, what, key string, ids ...string) Damage {
	return Damage{
		Class: class, Object: j.c.objectOf(r), Path: r.path(), What: what,
		key: key + "|" + strings.Join(append([]string{r.identity()}, ids...), "|"),
	}
}

// identity is the id of an object, or the path where it has none.
func (r *record) identity() string {
	if r.id != "" {
		return r.id
	}
	if id := r.to(toTiled); id != "" {
		return id
	}
	return r.path()
}

// unreadable is what GeoServer does with a file that it can not parse: without
// global.xml it has no catalog, without a service file no service, and all
// other objects are left out.
func (j *judge) unreadable(r *record) Damage {
	class, what := Dropped, r.wrong
	switch r.kind {
	case globalFile:
		class, what = Outage, what+"; the catalog stays empty"
	case serviceFile:
		class, what = Outage, what+"; the service is down"
	case workspaceServiceFile, loggingFile, gwcFile, tilesFile, rulesFile, defaultFile, settingsFile:
		class = Broken
	case workspaceFile, namespaceFile:
		what += "; the workspace is ignored"
	case bodyFile:
		class = Broken
		if first(j.c.referrers(r.path())) == nil {
			class = Note
		}
	}
	d := j.damage(class, r, what, "unreadable")
	d.key = "unreadable|" + r.path()
	return d
}

// twice finds a second object with one id, which GeoServer leaves out, and a
// second one with one name, of which only one can be asked for.
func (j *judge) twice(r *record) []Damage {
	var found []Damage
	if r.id != "" && r.kind != serviceFile && r.kind != workspaceServiceFile && r.kind != settingsFile {
		if other := first(j.c.defs(r.id)); other != nil && other != r {
			found = append(found, j.damage(Dropped, r, "its id is also that of "+other.path(), "id twice"))
		}
	}
	if key, ok := r.nameKey(); ok {
		if other := first(j.c.named(key)); other != nil && other != r && other.id != r.id {
			found = append(found, j.damage(Note, r, "its name is also that of "+other.path(), "name twice", other.identity()))
		}
	}
	return found
}

func (j *judge) workspace(r *record) []Damage {
	other := "namespace.xml"
	if r.kind == namespaceFile {
		other = "workspace.xml"
	}
	if j.c.file(fileKey{r.dir, other}) != nil {
		return nil
	}
	return []Damage{j.damage(Dropped, r, other+" is not there; the workspace is ignored", "half")}
}

func (j *judge) store(r *record) []Damage {
	found := j.dangling(r, toWorkspace, "workspace")
	if r.plain {
		found = append(found, j.damage(Note, r, "password stands in plain text", "plain password"))
	}
	return found
}

func (j *judge) resource(r *record) []Damage {
	found := append(j.dangling(r, toStore, "store"), j.dangling(r, toNamespace, "namespace")...)
	if j.c.file(fileKey{r.dir, "layer.xml"}) == nil {
		found = append(found, j.damage(Dropped, r, "layer.xml is not there; the layer is left out", "half"))
	}
	return found
}

func (j *judge) layer(r *record) []Damage {
	var found []Damage
	if j.c.resourceIn(r.dir) == nil {
		found = append(found, j.damage(Dropped, r, "its resource (featuretype.xml, coverage.xml …) is not there", "half"))
	} else {
		found = append(found, j.dangling(r, toResource, "resource")...)
	}
	for _, ref := range r.refs {
		if j.loadsStyle(ref.to) || !j.loads(r) {
			continue
		}
		switch ref.role {
		case toDefaultStyle:
			found = append(found, j.damage(Broken, r, "default style "+ref.to+" is not there", "default style", ref.to))
		case toFurtherStyle:
			found = append(found, j.damage(Note, r, "further style "+ref.to+" is not there", "further style", ref.to))
		}
	}
	return found
}

func (j *judge) style(r *record) []Damage {
	var found []Damage
	if !j.atHome(r) {
		d := j.damage(Dropped, r, "its workspace is not the one that it lies in", "foreign workspace", r.to(toWorkspace))
		d.covered = workspaceDir(r.dir) != "" && j.space(r) == nil
		found = append(found, d)
	}
	body := r.to(toBody)
	if body != "" && j.c.at(body) == nil {
		found = append(found, j.damage(Broken, r, "its body "+lastName(body)+" is not there", "body"))
	}
	return found
}

// group: one member that is not there makes GetCapabilities of the whole WMS
// fail, unless the group itself is left out.
func (j *judge) group(r *record) []Damage {
	found := j.dangling(r, toWorkspace, "workspace")
	members := 0
	for _, ref := range r.refs {
		if ref.role == toMember {
			members++
		}
	}
	if members == 0 && !r.slots {
		return append(found, j.damage(Dropped, r, "it has no members", "no members"))
	}
	if !j.loads(r) {
		return found
	}
	for _, ref := range r.refs {
		switch {
		case ref.role == toMember && !j.loadsMember(ref.to):
			found = append(found, j.damage(Outage, r, "member "+j.name(ref.to)+" is not there; GetCapabilities of the whole WMS fails", "member", ref.to))
		case ref.role == toMemberStyle && !j.loadsStyle(ref.to):
			found = append(found, j.damage(Broken, r, "style "+ref.to+" of a member is not there", "member style", ref.to))
		}
	}
	return found
}

func (j *judge) tiles(r *record) []Damage {
	id := r.to(toTiled)
	if id == "" || j.loadsMember(id) {
		return nil
	}
	return []Damage{j.damage(Outage, r, "layer or group "+j.name(id)+" is not there; GetCapabilities of the whole WMTS fails", "orphan")}
}

func (j *judge) defaultWorkspace(r *record) []Damage {
	id := r.to(toWorkspace)
	if id == "" || first(j.c.defs(id)) != nil || first(j.c.named(nameKey{Workspace, "", r.name})) != nil {
		return nil
	}
	return []Damage{j.damage(Note, r, "default workspace "+r.name+" is not there", "default workspace", id)}
}

// name is what a target is called, where it is there but left out.
func (j *judge) name(id string) string {
	if r := first(j.c.defs(id)); r != nil {
		return j.c.objectOf(r).Name
	}
	return id
}

// dangling finds a reference whose target is not there.
func (j *judge) dangling(r *record, role role, word string) []Damage {
	id := r.to(role)
	if id == "" || first(j.c.defs(id)) != nil {
		return nil
	}
	d := j.damage(Dropped, r, word+" "+id+" is not there", "no "+word, id)
	d.covered = j.unreadableAbove(r, role)
	return []Damage{d}
}

func (j *judge) unreadableAbove(r *record, role role) bool {
	space := workspaceDir(r.dir)
	var above []*record
	switch role {
	case toWorkspace:
		above = append(above, j.c.file(fileKey{space, "workspace.xml"}))
	case toNamespace:
		above = append(above, j.c.file(fileKey{space, "namespace.xml"}))
	case toResource:
		above = append(above, j.c.resourceIn(r.dir))
	case toStore:
		for _, name := range [...]string{"datastore.xml", "coveragestore.xml", "wmsstore.xml", "wmtsstore.xml"} {
			above = append(above, j.c.file(fileKey{dirOf(r.dir), name}))
		}
	}
	return slices.ContainsFunc(above, func(a *record) bool { return a != nil && a.wrong != "" })
}

// security: with a part of its files GeoServer does not start at all. The three
// rule files alone are no part of it.
func (j *judge) security() []Damage {
	config := j.c.at("security/config.xml")
	if config == nil {
		return nil
	}
	var found []Damage
	for _, name := range [...]string{"security/masterpw.xml", "security/masterpw/default/config.xml", "security/masterpw/default/passwd", "security/geoserver.jceks"} {
		if j.c.at(name) == nil {
			found = append(found, j.damage(Outage, config, name+" is not there; GeoServer does not start", "security", name))
		}
	}
	return found
}
