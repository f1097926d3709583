package gsgit

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"syscall"
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

func (u unseen) err() error {
	var all []string
	moving := true
	for _, path := range slices.Sorted(maps.Keys(u)) {
		all = append(all, fmt.Sprintf("%s: %v", path, u[path]))
		moving = moving && errors.Is(u[path], errMoving)
	}
	switch {
	case len(all) == 0:
		return nil
	case moving:
		return &Problem{State: Syncing, Why: "look for drift: " + few(all), Help: "somebody is writing: it is looked at again"}
	}
	return &Problem{State: Degraded, Why: "look for drift: " + few(all), Help: "let gsgit read what the GeoServer reads: run it as the same user"}
}
