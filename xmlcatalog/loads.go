package xmlcatalog

// loads says whether GeoServer takes the object of a file into its catalog. An
// object goes down with what it stands on: with its workspace go the stores,
// with a store its layers; groups and tile caches that name them stay, and
// fail.
func (j *judge) loads(r *record) bool {
	if known, ok := j.known[r]; ok {
		return known
	}
	// Files that refer to each other in a circle hold each other up.
	j.known[r] = true
	loads := r.wrong == "" && j.standsOn(r)
	j.known[r] = loads
	return loads
}

func (j *judge) standsOn(r *record) bool {
	switch r.kind {
	case workspaceFile:
		return j.whole(r.dir, "namespace.xml")
	case namespaceFile:
		return j.whole(r.dir, "workspace.xml")
	case storeFile:
		return j.target(r, toWorkspace)
	case resourceFile:
		return j.target(r, toStore) && j.target(r, toNamespace) && j.whole(r.dir, "layer.xml")
	case layerFile:
		return j.c.resourceIn(r.dir) != nil && j.target(r, toResource)
	case styleFile:
		return j.atHome(r)
	case groupFile:
		return j.target(r, toWorkspace) && (r.to(toMember) != "" || r.slots)
	}
	return true
}

func (j *judge) whole(dir, name string) bool {
	r := j.c.file(fileKey{dir, name})
	return r != nil && r.wrong == ""
}

// target says whether a reference leads to something that loads; one that is
// not given by id is taken for good.
func (j *judge) target(r *record, role role) bool {
	id := r.to(role)
	return id == "" || j.loadsID(id)
}

func (j *judge) loadsID(id string) bool {
	for r := range j.c.defs(id) {
		if j.loads(r) {
			return true
		}
	}
	return false
}

func (j *judge) loadsMember(id string) bool {
	for r := range j.c.defs(id) {
		if (r.kind == layerFile || r.kind == groupFile) && j.loads(r) {
			return true
		}
	}
	return false
}

func (j *judge) loadsStyle(id string) bool {
	for r := range j.c.defs(id) {
		if r.kind == styleFile && j.loads(r) {
			return true
		}
	}
	return false
}

// atHome says whether a style names the workspace that it lies in, or none.
func (j *judge) atHome(r *record) bool {
	id := r.to(toWorkspace)
	if id == "" {
		return true
	}
	space := j.space(r)
	return space != nil && space.id == id
}

// space is the workspace around a file, nil where that can not be read.
func (j *judge) space(r *record) *record {
	space := j.c.file(fileKey{workspaceDir(r.dir), "workspace.xml"})
	if space == nil || space.wrong != "" {
		return nil
	}
	return space
}
