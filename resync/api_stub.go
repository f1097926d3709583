package resync

import (
	"context"
	"errors"
	"iter"
)

type sighting struct{}
type disk struct {
	gate func(string, ...string) error
}

var errNotYet = errors.New("not built yet")

// Check looks, before the first write, for what would stop the plan half-way.
func (d *Directory) Check(plan Plan) error { return errNotYet }

// Apply carries the plan out.
func (d *Directory) Apply(ctx context.Context, plan Plan, read Source) error { return errNotYet }

// Done drops journal and stage.
func (d *Directory) Done() error { return errNotYet }

// Pending returns the plan that a crash left unfinished.
func (d *Directory) Pending() (Plan, bool, error) { return Plan{}, false, errNotYet }

// Clean removes litter.
func (d *Directory) Clean() error { return errNotYet }

// Drift is a path whose bytes on disk are not the tree's.
type Drift struct {
	Path       string
	Want       Blob
	Have       []byte // nil: the file is missing, or no regular file
	NotRegular bool
}

// Drifts compares the disk with New of each file.
func (d *Directory) Drifts(ctx context.Context, files iter.Seq2[File, error]) ([]Drift, error) {
	return nil, errNotYet
}

// Extra returns tracked files on disk that the tree does not know.
func (d *Directory) Extra(ctx context.Context, descend, tracked, known func(path string) bool) ([]string, error) {
	return nil, errNotYet
}

// Before returns what the plan would overwrite.
func (d *Directory) Before(plan Plan) ([]Drift, error) { return nil, errNotYet }
