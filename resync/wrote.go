package resync

// Holds tells, without reading the file, whether a path still has the bytes that an Apply of this Directory
// put there: it is the very inode that was staged, untouched since. False is no news: the file may hold them
// all the same. It spares a replica the reading of its own writes when the events of those arrive.
func (d *Directory) Holds(path string, blob Blob) bool {
	wrote, known := d.wrote[path]
	if !known || wrote.blob != blob {
		return false
	}
	there, err := d.disk.look(d.at(path))
	return err == nil && there.regular() && wrote.same(there)
}

// remember keeps what was placed. The rename changed the ctime; had somebody else written by now, inode, size
// or mtime would not be those of the staged file, and nothing is remembered of it.
func (a *attempt) remember() {
	_ = each(a.d.hands(), len(a.files), func(i int) error {
		s := &a.staged[i]
		if s.blob.IsZero() {
			return nil
		}
		there, err := a.d.disk.look(a.d.at(a.files[i].Path))
		s.ctime = there.ctime
		if err != nil || !there.regular() || !s.same(there) {
			*s = sighting{}
		}
		return nil
	})
	for i, f := range a.files {
		delete(a.d.wrote, f.Path)
		if !a.staged[i].blob.IsZero() {
			a.d.wrote[f.Path] = a.staged[i]
		}
	}
}
