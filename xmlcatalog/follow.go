package xmlcatalog

import "strings"

// markFollowers finds what GeoServer wrote because of a rename or a deletion:
// access rules under the new name or without the old one, and another default
// workspace. The message need not say it.
func markFollowers(changes []Change) {
	names := make(map[string]string) // rule prefix before -> after, "" if gone
	gone := make(map[string]bool)
	for _, c := range changes {
		switch {
		case c.Op == Rename || c.Op == Move:
			names[rulePrefix(c.Was)] = rulePrefix(c.Object)
		case c.Op == Delete && (c.Object.Kind == Workspace || c.Object.Kind == Layer || c.Object.Kind == Group):
			names[rulePrefix(c.Object)] = ""
			gone[c.Object.String()] = true
		}
	}
	for i, c := range changes {
		switch c.Object.Kind {
		case AccessRules:
			changes[i].follows = len(names) > 0 && followsAll(c.Fields, names)
		case Global:
			changes[i].follows = len(c.Fields) == 1 && c.Fields[0].Name == "defaultWorkspace" && gone["workspace:"+c.Fields[0].Old]
		}
	}
}

// rulePrefix is how rules name an object: "ws." or "ws.layer.".
func rulePrefix(o Object) string { return strings.ReplaceAll(o.Name, ":", ".") + "." }

// followsAll says whether each rule that went belonged to an object that went,
// or has come back under the new name with the same roles, and no other came.
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
		key, known := renamedRule(f.Name, names)
		if !known || key != "" && came[key] != f.Old {
			return false
		}
		delete(came, key)
	}
	return len(came) == 0
}

// renamedRule gives the rule that follows another one, "" where its object is
// gone. It is false for a rule of something else.
func renamedRule(key string, names map[string]string) (string, bool) {
	for old, new := range names {
		if rest, ok := strings.CutPrefix(key, old); ok {
			if new == "" {
				return "", true
			}
			return new + rest, true
		}
	}
	return "", false
}
