package xmlcatalog

import "strings"

// NewDamage lists the damage that a tree has and the one before it has not, by
// [Damage.Key]. It costs what the edits cost and what stands on them, not the
// tree. A style body that can not be read counts as broken here even where no
// style names it yet: GeoServer writes the body of a new style first.
func NewDamage(before, after *Catalog, edits []Edit) []Damage {
	s := spread{old: newJudge(before), new: newJudge(after), paths: map[string]bool{}, ids: map[string]bool{}}
	for _, e := range edits {
		s.path(e.Path)
	}
	s.run()
	had := make(map[string]bool)
	var found []Damage
	for path := range s.paths {
		s.had(before.at(path), had)
		if r := after.at(path); r != nil {
			found = append(found, s.new.at(r)...)
			// The same object may have stood elsewhere, with the same damage.
			for twin := range before.defs(r.id) {
				s.had(twin, had)
			}
			for twin := range before.referrers(r.to(toTiled)) {
				s.had(twin, had)
			}
		}
	}
	found = append(found, s.new.unmerged(edits)...)
	if touchesSecurity(edits) {
		for _, d := range s.old.security() {
			had[d.key] = true
		}
		found = append(found, s.new.security()...)
	}
	found = unknownDamage(told(found), had)
	raiseBodies(after, found)
	sortDamage(found)
	return found
}

// unmerged finds opaque files that a merge by hand has left half done. Only
// edits show their bytes, so this is never found in a whole tree.
func (j *judge) unmerged(edits []Edit) []Damage {
	var found []Damage
	for _, e := range edits {
		r := j.c.at(e.Path)
		if r == nil || r.kind != opaqueFile || conflictMarkers(e.Old) != "" {
			continue
		}
		if why := conflictMarkers(e.New); why != "" {
			found = append(found, j.damage(Broken, r, why, "unreadable"))
		}
	}
	return found
}

func (s *spread) had(r *record, keys map[string]bool) {
	for _, d := range s.old.at(r) {
		keys[d.key] = true
	}
}

func unknownDamage(found []Damage, had map[string]bool) []Damage {
	var fresh []Damage
	for _, d := range found {
		if !had[d.key] {
			had[d.key] = true
			fresh = append(fresh, d)
		}
	}
	return fresh
}

func raiseBodies(after *Catalog, found []Damage) {
	for i, d := range found {
		if r := after.at(d.Path); r != nil && r.kind == bodyFile && r.wrong != "" {
			found[i].Class = Broken
		}
	}
}

func touchesSecurity(edits []Edit) bool {
	for _, e := range edits {
		if strings.HasPrefix(e.Path, "security/") {
			return true
		}
	}
	return false
}

// spread finds the files that some edits can harm: those edited, those that
// refer to an id which has come, gone, or stopped to load, and so on upwards.
type spread struct {
	old, new *judge
	paths    map[string]bool
	ids      map[string]bool
	todo     []string // ids to look at
}

// path takes up a file, the other half of its pair, and what they define.
func (s *spread) path(path string) {
	if s.paths[path] {
		return
	}
	s.paths[path] = true
	s.id(path) // a body is referred to by its path
	for _, j := range [...]*judge{s.old, s.new} {
		if r := j.c.at(path); r != nil {
			s.id(r.id)
			s.sameName(r)
		}
	}
	for _, other := range otherHalf(path) {
		s.path(other)
	}
}

func (s *spread) sameName(r *record) {
	key, ok := r.nameKey()
	if !ok {
		return
	}
	for _, j := range [...]*judge{s.old, s.new} {
		for other := range j.c.named(key) {
			s.path(other.path())
		}
	}
}

func otherHalf(path string) []string {
	dir := dirOf(path)
	switch kindOf(path) {
	case workspaceFile:
		return []string{dir + "/namespace.xml", "workspaces/default.xml"}
	case namespaceFile:
		return []string{dir + "/workspace.xml"}
	case resourceFile:
		return []string{dir + "/layer.xml"}
	case layerFile:
		var paths []string
		for _, name := range resourceNames {
			paths = append(paths, dir+"/"+name)
		}
		return paths
	}
	return nil
}

func (s *spread) id(id string) {
	if id != "" && !s.ids[id] {
		s.ids[id] = true
		s.todo = append(s.todo, id)
	}
}

func (s *spread) run() {
	for len(s.todo) > 0 {
		id := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		if s.state(s.old, id) == s.state(s.new, id) {
			continue
		}
		for _, j := range [...]*judge{s.old, s.new} {
			for r := range j.c.referrers(id) {
				s.path(r.path())
			}
			for r := range j.c.defs(id) {
				s.path(r.path())
			}
		}
	}
}

// idState is all that those who refer to an id can notice.
type idState struct {
	defs  int
	loads bool
	body  bool // a file of this path is there and can be read
	found bool
}

func (s *spread) state(j *judge, id string) idState {
	state := idState{loads: j.loadsID(id)}
	for range j.c.defs(id) {
		state.defs++
	}
	if r := j.c.at(id); r != nil {
		state.found, state.body = true, r.wrong == ""
	}
	return state
}

// Removes says whether the edits take an object away: an id that stood in the
// tree stands nowhere in it any more. A move or rename removes nothing, nor
// does a file that can not be read, and opaque files do not count.
func Removes(before, after *Catalog, edits []Edit) bool {
	for _, e := range edits {
		r := before.at(e.Path)
		if r == nil || !r.defines() || !identified(r.kind) || first(after.defs(r.id)) != nil {
			continue
		}
		if now := after.at(e.Path); now == nil || now.wrong == "" {
			return true
		}
	}
	return false
}

func identified(kind fileKind) bool {
	switch kind {
	case workspaceFile, namespaceFile, storeFile, resourceFile, layerFile, groupFile, styleFile:
		return true
	}
	return false
}
