package xmlcatalog

import (
	"slices"
	"strings"
)

// Op is what happened to an object.
type Op string

// The operations. A rename or move keeps the id; a replaced object has its old
// name and another id, so everything that refers to it by id has lost it.
// Reserialise means that only the way of writing changed, as an upgrade of
// GeoServer does it.
const (
	Create      Op = "create"
	Modify      Op = "modify"
	Delete      Op = "delete"
	Rename      Op = "rename"
	Move        Op = "move"
	Replace     Op = "replace"
	Reorder     Op = "reorder"
	Reserialise Op = "reserialise"
)

// Change is what happened to one object.
type Change struct {
	Op Op
	// Object is the object as it is now; for a Delete, as it was.
	Object Object
	// Was is the object before a Rename, Move or Replace.
	Was    Object
	Fields []Field

	detail  string // what a message says beside the name: "store shp, style line"
	inside  bool   // it came or went with the workspace or store that it lies in
	follows bool   // GeoServer did it because of another change of the same list
}

// Compare says what happened to which object. The edits must hold the bytes of
// every file that differs between the two trees, on both sides. Files that
// differ by noise alone take no part.
func Compare(before, after *Catalog, edits []Edit) []Change {
	c := &comparison{before: before, after: after, groups: map[string]*group{}, read: map[extent]reading{}}
	c.readAhead(edits)
	for _, e := range edits {
		if !c.noise(e) {
			c.take(e)
		}
	}
	c.joinMoved()
	var changes []Change
	var silent []*group
	for _, key := range sortedKeys(c.groups) {
		if change, ok := c.change(c.groups[key]); ok {
			changes = append(changes, change)
		} else {
			silent = append(silent, c.groups[key])
		}
	}
	changes = append(changes, c.relocated(silent)...)
	changes = replaced(changes)
	settle(changes)
	markFollowers(changes)
	sortChanges(changes)
	return changes
}

// sortChanges brings first what a reader wants to know first.
func sortChanges(changes []Change) {
	slices.SortStableFunc(changes, func(a, b Change) int {
		if n := weight(a) - weight(b); n != 0 {
			return n
		}
		return compareObjects(a.Object, b.Object)
	})
}

// weight: first what is gone, then what has another name, then what is new. What
// lies in a workspace or store that came or went stands after it, and files that
// are no part of the catalog after everything else.
func weight(c Change) int {
	n := opWeight[c.Op]*64 + kindWeight[c.Object.Kind]
	switch {
	case c.Object.Kind == File && !c.inside:
		n += 1024
	case c.inside:
		n += 32
	}
	return n
}

var (
	opWeight   = map[Op]int{Delete: 0, Rename: 1, Move: 1, Replace: 2, Create: 3, Modify: 4, Reorder: 4, Reserialise: 5}
	kindWeight = map[Kind]int{Workspace: 0, Layer: 1, Group: 2, Store: 3, Service: 4, Style: 5, Settings: 6, Global: 7, Logging: 7, AccessRules: 8, File: 9, Tiles: 10}
)

// replaced joins the delete and the create of one name: the name stayed, the
// object did not.
func replaced(changes []Change) []Change {
	gone := make(map[string]int)
	for i, c := range changes {
		if c.Op == Delete && c.Object.ID != "" {
			gone[c.Object.String()] = i
		}
	}
	dead := make(map[int]bool)
	for i, c := range changes {
		if at, ok := gone[c.Object.String()]; ok && c.Op == Create && c.Object.ID != "" && c.Object.ID != changes[at].Object.ID && !dead[at] {
			changes[i].Op, changes[i].Was, changes[i].detail = Replace, changes[at].Object, ""
			dead[at] = true
		}
	}
	kept := changes[:0]
	for i, c := range changes {
		if !dead[i] {
			kept = append(kept, c)
		}
	}
	return kept
}

// settle notes which objects came or went with the workspace or store that they
// lie in, and counts them there. A few new ones are told one by one, except for
// the templates of a layer.
func settle(changes []Change) {
	holders := make(map[string]int)
	for i, c := range changes {
		if (c.Op == Create || c.Op == Delete) && ownDirectory(kindOf(c.Object.Path)) {
			holders[string(c.Op)+dirOf(c.Object.Path)] = i
		}
	}
	held := make(map[int][]int)
	for i, c := range changes {
		for dir := dirOf(c.Object.Path); dir != ""; dir = dirOf(dir) {
			if at, ok := holders[string(c.Op)+dir]; ok && at != i {
				held[at] = append(held[at], i)
			}
		}
	}
	for at, inside := range held {
		if changes[at].Op == Create && changes[at].Object.Kind != Layer && len(inside) <= 3 {
			continue
		}
		count := make(map[Kind]int)
		for _, i := range inside {
			changes[i].inside = true
			count[changes[i].Object.Kind]++
		}
		if changes[at].Object.Kind != Layer {
			changes[at].detail = countWords(count, Store, Layer, Style, Group)
		}
	}
}

// countWords is "2 stores, 14 layers", in the order given.
func countWords(count map[Kind]int, kinds ...Kind) string {
	var words []string
	for _, kind := range kinds {
		if count[kind] > 0 {
			words = append(words, plural(count[kind], string(kind)))
		}
	}
	return strings.Join(words, ", ")
}
