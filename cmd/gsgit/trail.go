package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// trail follows an object through history, newest commit first: by its id, as far as the commits name it, and by
// its name where it has none. A trail of no object is of all of them.
type trail struct {
	store     *gitstore.Store
	all       bool
	known     map[string]bool // ids and names of the object
	workspace map[string]bool // and of the workspace that it is in
	newest    []string        // its files in the head
	paths     []string        // and where the walk is
}

func trailOf(s *gitstore.Store, head gitstore.Hash, word string) (*trail, error) {
	t := &trail{store: s, all: word == "", known: map[string]bool{word: true}, workspace: map[string]bool{}}
	if t.all {
		return t, nil
	}
	if parts := strings.Split(word, ":"); len(parts) == 3 {
		t.workspace["workspace:"+parts[1]] = true // it may be gone from the head
	}
	catalog, err := catalogOf(s, head)
	if err != nil {
		return nil, err
	}
	found := catalog.Find(word)
	if len(found) > 1 {
		return nil, misuse("%s is ambiguous: %s", word, names(found))
	}
	for _, o := range found {
		t.meets(catalog, o)
	}
	t.newest = t.paths
	return t, nil
}

func catalogOf(s *gitstore.Store, commit gitstore.Hash) (*xmlcatalog.Catalog, error) {
	catalog, err := xmlcatalog.Load(s.FS(commit))
	if err != nil {
		return nil, fmt.Errorf("read the catalog of %s: %w", commit, err)
	}
	return catalog, nil
}

func names(objects []xmlcatalog.Object) string {
	var all []string
	for _, o := range objects {
		all = append(all, o.String())
	}
	return strings.Join(all, ", ")
}

// meets takes in what the object is in one commit.
func (t *trail) meets(catalog *xmlcatalog.Catalog, o xmlcatalog.Object) {
	t.knows(o.String(), o.ID)
	t.paths = catalog.Paths(o)
	dirs := strings.SplitN(o.Path, "/", 3)
	if dirs[0] != "workspaces" || len(dirs) < 3 {
		return
	}
	if w, ok := catalog.Object("workspaces/" + dirs[1] + "/workspace.xml"); ok && w.String() != o.String() {
		t.workspace[w.String()] = true
		if w.ID != "" {
			t.workspace[w.ID] = true
		}
	}
}

func (t *trail) knows(name, id string) {
	t.known[name] = true
	if id != "" {
		t.known[id] = true
	}
}

// touches tells whether a commit names the object in its trailers. One that names not all of its objects is asked
// for the object's files, and one that names the workspace whether the object came, went or was renamed with it.
func (t *trail) touches(c gitstore.Commit) (bool, error) {
	if t.all {
		return true, nil
	}
	trailers := c.Trailers("Gsgit-Object")
	inWorkspace := false
	for _, line := range trailers {
		name, id, _ := strings.Cut(line, " ")
		if t.known[name] || id != "" && t.known[id] {
			t.knows(name, id)
			return true, nil
		}
		inWorkspace = inWorkspace || t.workspace[name] || id != "" && t.workspace[id]
	}
	whole := len(trailers) > 0 && !strings.HasPrefix(trailers[len(trailers)-1], "…")
	switch {
	case inWorkspace:
		return t.turns(c)
	case whole:
		return false, nil
	case len(c.Parents) == 0:
		now, err := t.find(c.ID) // the paths may have been others then
		return now != "", err
	}
	return t.changes(c)
}

// turns tells whether the object has another name after a commit than before, "" where it is not there. From here
// on it goes by the older one.
func (t *trail) turns(c gitstore.Commit) (bool, error) {
	now, err := t.find(c.ID)
	if err != nil || len(c.Parents) == 0 {
		return now != "", err
	}
	before, err := t.find(c.Parents[0])
	return now != before, err
}

// find gives the name of the object in a commit, and "" where it is not there.
func (t *trail) find(commit gitstore.Hash) (string, error) {
	catalog, err := catalogOf(t.store, commit)
	if err != nil {
		return "", err
	}
	for e, err := range t.store.Files(commit, "") {
		if err != nil {
			return "", err
		}
		if o, ok := catalog.Object(e.Path); ok && (t.known[o.String()] || o.ID != "" && t.known[o.ID]) {
			t.meets(catalog, o)
			return o.String(), nil
		}
	}
	return "", nil
}

// changes tells whether a commit differs from its first parent at one of the object's files.
func (t *trail) changes(c gitstore.Commit) (bool, error) {
	var err error
	differs := slices.ContainsFunc(t.paths, func(path string) bool {
		now, _, e := t.store.Lookup(c.ID, path)
		if e != nil {
			err = e
			return false
		}
		before, _, e := t.store.Lookup(c.Parents[0], path)
		if e != nil {
			err = e
		}
		return e == nil && now.Blob != before.Blob
	})
	return differs, err
}
