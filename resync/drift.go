package resync

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"strings"
)

// Drift is a path whose bytes on disk are not those that were written there.
type Drift struct {
	Path       string
	Want       Blob   // zero: no file is expected
	Have       []byte // nil: the file is missing, or is no regular one
	NotRegular bool   // a link, a directory or a device stands there, or a link on the way
}

// Drifts compares the disk with New of each file, in the order of the files. It reads
// those whose size, time or inode changed since they were last read, and all others
// not at all. Files that vanish meanwhile are missing, which is no error.
func (d *Directory) Drifts(ctx context.Context, files iter.Seq2[File, error]) ([]Drift, error) {
	var drifts []Drift
	way := d.way()
	for f, err := range files {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		drift, found, err := d.drift(way, f)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", f.Path, err)
		}
		if found {
			drifts = append(drifts, drift)
		}
	}
	return drifts, nil
}

func (d *Directory) drift(way *way, f File) (Drift, bool, error) {
	drift := Drift{Path: f.Path, Want: f.New}
	there, stand, err := d.stand(way, f.Path)
	if err != nil {
		return drift, false, err
	}
	switch stand {
	case standsNothing:
		return drift, true, nil
	case standsOdd:
		drift.NotRegular = true
		return drift, true, nil
	}
	seen, err := d.observe(f.Path, there)
	if err == nil && seen.blob != f.New && seen.content == nil {
		seen, err = d.readAnew(f.Path, there)
	}
	if absent(err) {
		return drift, true, nil
	}
	drift.Have = seen.content
	return drift, seen.blob != f.New, err
}

// Before returns what the plan would overwrite or remove though nobody put it into
// history: bytes on disk that are neither the plan's old nor its new ones. The caller
// keeps them, then applies: the Apply that follows takes them for kept and does not hand
// them to Options.Displaced again. A file that is missing is nothing to keep.
func (d *Directory) Before(plan Plan) ([]Drift, error) {
	files, way := plan.Files(), d.way()
	for _, f := range files {
		if _, err := way.at(parent(f.Path)); err != nil {
			return nil, fmt.Errorf("look at the way to %s: %w", f.Path, err)
		}
	}
	found := make([]*Drift, len(files))
	err := each(d.hands(), len(files), func(i int) (err error) {
		if found[i], err = d.before(way, files[i]); err != nil {
			return fmt.Errorf("look at %s before it is replaced: %w", files[i].Path, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var drifts []Drift
	d.told = make(map[string]Blob)
	for _, drift := range found {
		if drift == nil {
			continue
		}
		drifts = append(drifts, *drift)
		if !drift.NotRegular {
			d.told[drift.Path] = HashBlob(drift.Have)
		}
	}
	return drifts, nil
}

// before reads one file, unless it is the very one that was put there last. The way is
// known: it is only read.
func (d *Directory) before(way *way, f File) (*Drift, error) {
	there, stand, err := d.stand(way, f.Path)
	if err != nil || stand == standsNothing {
		return nil, err
	}
	if there.mode.IsDir() {
		return nil, nil // it has no bytes; Check looks for files in it
	}
	if stand == standsOdd {
		return &Drift{Path: f.Path, Want: f.Old, NotRegular: true}, nil
	}
	if wrote, known := d.wrote[f.Path]; known && wrote.blob == f.Old && wrote.same(there) {
		return nil, nil
	}
	content, err := d.disk.read(d.at(f.Path))
	if err != nil {
		return nil, ignoreAbsent(err)
	}
	if blob := HashBlob(content); blob == f.Old || blob == f.New {
		return nil, nil
	}
	return &Drift{Path: f.Path, Want: f.Old, Have: content}, nil
}

// stands is what a tracked path turns out to be.
type stands int

const (
	standsNothing stands = iota
	standsFile
	standsOdd
)

func (d *Directory) stand(way *way, file string) (facts, stands, error) {
	above, err := way.at(parent(file))
	switch {
	case err != nil:
		return facts{}, standsNothing, err
	case above.station == linked:
		return facts{}, standsOdd, nil
	case above.station != folder:
		return facts{}, standsNothing, nil
	}
	there, err := d.disk.look(d.at(file))
	switch {
	case absent(err):
		return facts{}, standsNothing, nil
	case err != nil:
		return facts{}, standsNothing, err
	case !there.regular():
		return there, standsOdd, nil
	}
	return there, standsFile, nil
}

// Extra returns the regular files on disk that are tracked by their name and not known
// to the tree, in the order of their paths. It goes into the directories for which
// descend says so, never into a repository, and never through a link.
func (d *Directory) Extra(ctx context.Context, descend, tracked, known func(path string) bool) ([]string, error) {
	var extra []string
	var walk func(dir string) error
	walk = func(dir string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := d.disk.list(d.at(dir))
		if err != nil {
			return ignoreAbsent(err)
		}
		for _, entry := range entries {
			name := path.Join(dir, entry.Name())
			switch {
			case strings.EqualFold(entry.Name(), ".git"), isLitter(entry.Name()):
			case entry.IsDir() && descend(name):
				if err := walk(name); err != nil {
					return err
				}
			case entry.Type() == fs.FileMode(0) && tracked(name) && !known(name):
				extra = append(extra, name)
			}
		}
		return nil
	}
	if err := walk(""); err != nil {
		return nil, fmt.Errorf("look for files that are not in the tree: %w", err)
	}
	return extra, nil
}
