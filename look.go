package gsgit

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// sight is what one look at the pending paths brought.
type sight struct {
	edits  []xmlcatalog.Edit
	wrong  map[string]string // edits that leave a file which can not be parsed, and why
	unread map[string]string // what could not be read for now, a file or a directory, and why
	seen   map[string]bool   // what was looked at
}

// paths is what must be looked at again as long as nothing is committed: all else equals the head. Of a
// layer that is its directory, where the half that it may lack will come.
func (s sight) paths() map[string]bool {
	all := map[string]bool{}
	for _, e := range s.edits {
		all[placeOf(e.Path)] = true
	}
	for path := range s.unread {
		all[path] = true
	}
	return all
}

func placeOf(file string) string {
	if strings.HasPrefix(file, "workspaces/") && strings.Count(file, "/") == 4 {
		return path.Dir(file)
	}
	return file
}

// look compares the directory with the head at what is pending. A file that changed by noise alone is not
// among the edits: it keeps its old blob, whatever else is committed. What can not be read stands in the
// way of nothing but itself.
func (p *Publisher) look(batch pending) (sight, error) {
	s := sight{wrong: map[string]string{}, unread: map[string]string{}, seen: map[string]bool{}}
	c := comparison{dir: p.Dir, store: p.Store, commit: p.head, same: xmlcatalog.Noise, skip: s.skip}
	candidates := map[string]bool{}
	for _, at := range batch.list() {
		if err := c.candidates(at, candidates); err != nil {
			return s, err
		}
	}
	if err := p.guard(c, batch, candidates); err != nil {
		return s, err
	}
	for found := range c.compareAll(slices.Sorted(maps.Keys(candidates))) {
		if s.below(found.edit.Path) {
			continue
		}
		if err := s.note(c, found, candidates[found.edit.Path]); err != nil {
			return s, err
		}
	}
	return s, nil
}

// note takes in what one file was found to be, which is on disk or in the head alone.
func (s *sight) note(c comparison, found compared, onDisk bool) error {
	path := found.edit.Path
	s.seen[path] = true
	if !onDisk {
		if link := c.dir.link(path); link != "" {
			s.unread[link] = errLink.Error()
			return nil
		}
	}
	switch {
	case found.err != nil && s.skip(path, found.err):
		return nil
	case found.err != nil:
		return found.err
	case !found.differs:
		return nil
	}
	s.edits = append(s.edits, found.edit)
	if found.edit.New != nil {
		if what := xmlcatalog.Unreadable(path, found.edit.New); what != "" {
			s.wrong[path] = what
		}
	}
	return nil
}

// skip notes what lies in the file itself; any other error is one of the whole look.
func (s *sight) skip(path string, err error) bool {
	switch {
	case errors.Is(err, errMoving):
		s.unread[path] = errMoving.Error()
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EIO), errors.Is(err, syscall.ELOOP):
		s.unread[path] = "it can not be read: " + reason(err)
	default:
		return false
	}
	return path != "" // without the root nothing is known
}

// below tells whether a path is, or lies in, something that could not be read.
func (s *sight) below(file string) bool {
	for at := file; at != "."; at = path.Dir(at) {
		if _, ok := s.unread[at]; ok {
			return true
		}
	}
	return false
}

// reason is an error of the file system without the path, which stands beside it.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
