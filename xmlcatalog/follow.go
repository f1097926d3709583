package xmlcatalog

import (
	"slices"
	"strings"
)

// withoutFollowers takes out the access rules that GeoServer rewrote for the
// new name of a workspace or layer: the rename says it.
func withoutFollowers(changes []Change) []Change {
	names := make(map[string]string) // rule prefix before -> after
	for _, c := range changes {
		if (c.Op == Rename || c.Op == Move) && (c.Object.Kind == Workspace || c.Object.Kind == Layer || c.Object.Kind == Group) {
			names[rulePrefix(c.Was)] = rulePrefix(c.Object)
		}
	}
	if len(names) == 0 {
		return changes
	}
	return slices.DeleteFunc(changes, func(c Change) bool {
		return c.Object.Kind == AccessRules && followsAll(c.Fields, names)
	})
}

// rulePrefix is how rules name an object: "ws." or "ws.layer.".
func rulePrefix(o Object) string { return strings.ReplaceAll(o.Name, ":", ".") + "." }

// followsAll says whether each rule that went has come back under the new name
// with the same roles, and no other came.
func followsAll(fields []Field, names map[string]string) bool {
	came := make(map[string]string)
	for _, f := range fields {
		if f.New != "" {
			came[f.Name] = f.New
		}
	}
	for _, f := range fields {
		if f.Old == "" {
			continue
		}
		key := renamedRule(f.Name, names)
		if roles, ok := came[key]; !ok || roles != f.Old || key == f.Name {
			return false
		}
		delete(came, key)
	}
	return len(came) == 0
}

func renamedRule(key string, names map[string]string) string {
	for old, new := range names {
		if rest, ok := strings.CutPrefix(key, old); ok {
			return new + rest
		}
	}
	return key
}
