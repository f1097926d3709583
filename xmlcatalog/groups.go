package xmlcatalog

import (
	"path"
	"slices"
	"strings"
)

// groupsOf gathers the changes of one verb and one kind of object, in the order
// in which they first come.
func groupsOf(changes []Change) [][]Change {
	type key struct{ verb, noun string }
	var groups [][]Change
	at := make(map[key]int)
	for _, c := range changes {
		k := key{verb(c), noun(c)}
		if _, ok := at[k]; !ok {
			at[k] = len(groups)
			groups = append(groups, nil)
		}
		groups[at[k]] = append(groups[at[k]], c)
	}
	return groups
}

// noun is the word for objects of the kind when they are counted.
func noun(c Change) string {
	if c.Object.Kind == File && path.Ext(c.Object.Name) == ".ftl" {
		return "template"
	}
	return string(c.Object.Kind)
}

// groupWords counts each group. What stands alone in one is named, if that is
// wanted or it is the first, and so for places. What neighbours share, verb or
// place, is said once: "create 3 stores, 4 styles in topp".
func groupWords(groups [][]Change, named, placed bool) string {
	var words []string
	said := "" // verb of the number before
	for i, g := range groups {
		if len(g) == 1 && (named || i == 0 || single(g[0].Object.Kind)) {
			words = append(words, headline(g[0], Object.brief))
			said = ""
			continue
		}
		text := plural(len(g), noun(g[0]))
		if v := verb(g[0]); v != said {
			text, said = v+" "+text, v
		}
		if where := place(g); where != "" && (placed || i == 0) && !sharesPlace(groups[i+1:], where, named) {
			text += " in " + where
			said = ""
		}
		words = append(words, text)
	}
	return flat(strings.Join(words, ", "))
}

// sharesPlace says that the next group is counted too, and at the same place.
func sharesPlace(next [][]Change, where string, named bool) bool {
	return len(next) > 0 && (len(next[0]) > 1 || !named) && place(next[0]) == where
}

// single names the kinds of which there is one or few, so that a number says
// less than their words.
func single(kind Kind) bool { return kind == Global || kind == Logging || kind == AccessRules }

// place is where all of some changes are: one workspace or two, or, for files
// outside of any, a directory. It is "" where that would say nothing.
func place(changes []Change) string {
	var spaces []string
	for _, c := range changes {
		space := spaceOf(c.Object)
		if slices.Contains(spaces, space) {
			continue
		}
		if spaces = append(spaces, space); len(spaces) > 2 {
			return ""
		}
	}
	switch {
	case !slices.Contains(spaces, ""):
		return strings.Join(spaces, " and ")
	case len(spaces) == 1 && changes[0].Object.Kind == File:
		return commonDir(changes)
	}
	return ""
}

func spaceOf(o Object) string {
	if o.Kind != File {
		if name, _, ok := strings.Cut(o.Name, ":"); ok {
			return name
		}
	}
	return lastName(workspaceDir(dirOf(o.Path)))
}

func commonDir(changes []Change) string {
	common := dirOf(changes[0].Object.Path)
	for _, c := range changes[1:] {
		for common != "" && !strings.HasPrefix(c.Object.Path, common+"/") {
			common = dirOf(common)
		}
	}
	return common
}
