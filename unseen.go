package gsgit

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"syscall"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// unseen is what could not be looked at, by path, and why: a file in motion, one without the right to read it.
type unseen map[string]error

// skip leaves out what lies in the path itself; any other error is one of the whole look, as is one of the root.
func (u unseen) skip(path string, err error) bool {
	lies := errors.Is(err, errMoving) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ELOOP)
	if lies && path != "" {
		u[path] = err
	}
	return lies && path != ""
}

// nameError is a name that a file system takes and no commit can carry.
type nameError struct{ error }

// carriable tells that every node can hold a path in its history and write it: what one of them refuses would
// stop all of them.
func carriable(path string) error {
	err := gitstore.CheckPath(path)
	if err == nil {
		err = resync.CheckPath(path)
	}
	if err != nil {
		return nameError{err}
	}
	return nil
}

// withoutUnnamable takes out of drift what could not be kept as a commit, and so must not go.
func (u unseen) withoutUnnamable(drifted []xmlcatalog.Edit) []xmlcatalog.Edit {
	return slices.DeleteFunc(drifted, func(e xmlcatalog.Edit) bool {
		err := carriable(e.Path)
		if err != nil {
			u[e.Path] = err
		}
		return err != nil
	})
}

func (u unseen) err() error {
	var all []string
	moving, unnamable := true, false
	for _, path := range slices.Sorted(maps.Keys(u)) {
		all = append(all, fmt.Sprintf("%s: %v", path, u[path]))
		moving = moving && errors.Is(u[path], errMoving)
		unnamable = unnamable || errors.As(u[path], new(nameError))
	}
	switch {
	case len(all) == 0:
		return nil
	case unnamable:
		return &Problem{State: Held, Why: "look for drift: " + few(all), Help: "give the file another name or remove it: it can not be kept as a commit, and so it stays"}
	case moving:
		return &Problem{State: Syncing, Why: "look for drift: " + few(all), Help: "somebody is writing: it is looked at again"}
	}
	return &Problem{State: Degraded, Why: "look for drift: " + few(all), Help: "let gsgit read what the GeoServer reads: run it as the same user"}
}
