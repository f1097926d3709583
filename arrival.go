package gsgit

import (
	"slices"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// arrival is a commit that was found good: what is known of it already is not read again to be written.
type arrival struct {
	catalog *xmlcatalog.Catalog    // that of the disk; or of the commit, where it comes without a view
	view    *xmlcatalog.Catalog    // the catalog as the commit makes it
	bytes   map[resync.Blob][]byte // of files that the commit brings
}

// source gives the bytes of an apply.
func (f *Follower) source(a arrival) resync.Source {
	return func(b resync.Blob) ([]byte, error) {
		if content, known := a.bytes[b]; known {
			return content, nil
		}
		return f.Store.Blob(gitstore.Hash(b))
	}
}

// arriving reads what a commit brings, as edits to be judged and as bytes to be written. What the catalog on disk
// knows of the old files is enough; only of those that it does not look into are the bytes of both sides compared.
func (f *Follower) arriving(before *xmlcatalog.Catalog, differences []gitstore.Difference) (arrival, []xmlcatalog.Edit, error) {
	sides := slices.Clone(differences)
	for i, d := range sides {
		if !d.Old.IsZero() && !xmlcatalog.Opaque(d.Path) {
			sides[i].Old = gitstore.Hash{}
		}
	}
	edits, err := editsOf(f.Store, sides)
	if err != nil {
		return arrival{}, nil, err
	}
	a := arrival{catalog: before, view: before.With(edits), bytes: make(map[resync.Blob][]byte, len(edits))}
	for i, d := range differences {
		if !d.New.IsZero() {
			a.bytes[resync.Blob(d.New)] = edits[i].New
		}
		if !d.Old.IsZero() && edits[i].Old == nil {
			edits[i].Old = []byte{} // it was there
		}
	}
	return a, edits, nil
}
