package xmlcatalog

// Edit is one file that differs between two trees. Nil bytes mean that the file
// is absent on that side; empty bytes that are not nil, an empty file.
type Edit struct {
	Path     string
	Old, New []byte
}

// Unfinished lists the files that were just created and are still empty.
// GeoServer makes each new file empty first and renames the full one over it,
// so these are about to change and not worth a commit yet.
func Unfinished(edits []Edit) []string {
	var paths []string
	for _, e := range edits {
		if e.Old == nil && e.New != nil && len(e.New) == 0 {
			paths = append(paths, e.Path)
		}
	}
	return paths
}
