package resync

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The two modes of a git tree that a plan accepts.
const (
	ModeRegular    uint32 = 0o100644
	ModeExecutable uint32 = 0o100755
)

// File is one path's change: from the bytes Old to the bytes New.
type File struct {
	Path string // slash path from the data directory
	Old  Blob   // zero: the file is new
	New  Blob   // zero: the file goes
	Mode uint32 // git mode of New: 0100644 or 0100755
}

// Plan is what makes a directory that holds one tree hold another. Its lists are
// carried out in the order in which they stand here.
type Plan struct {
	Target  string `json:"target"`            // the commit that the directory holds afterwards
	Clear   []File `json:"clear,omitempty"`   // removed first: a new path needs their place
	Create  []File `json:"create,omitempty"`  // parents first
	Replace []File `json:"replace,omitempty"` // parents first
	Remove  []File `json:"remove,omitempty"`  // children first, after everything new stands
}

// Compare orders the changes of files into a plan, or refuses them, naming every path
// that must not be written: one that leaves the directory, enters a .git, is no
// regular file, or claims a place twice. Files whose bytes stay are left out.
func Compare(target string, files []File) (Plan, error) {
	if err := checkPaths(files); err != nil {
		return Plan{}, err
	}
	plan := Plan{Target: target}
	var gone []File
	for _, f := range files {
		switch {
		case f.Old == f.New:
		case f.New.IsZero():
			gone = append(gone, f)
		case f.Old.IsZero():
			plan.Create = append(plan.Create, f)
		default:
			plan.Replace = append(plan.Replace, f)
		}
	}
	plan.Clear, plan.Remove = splitRemovals(gone, plan.Create)
	slices.SortFunc(plan.Create, parentsFirst)
	slices.SortFunc(plan.Replace, parentsFirst)
	return plan, nil
}

// splitRemovals parts the removals that stand in a new path's way, as a file where a
// directory must be or below a directory where a file must be, from all the others.
func splitRemovals(gone, created []File) (clear, remove []File) {
	places := make(map[string]bool, len(created))
	ancestors := make(map[string]bool)
	for _, f := range created {
		places[f.Path] = true
		for dir := range parents(f.Path) {
			ancestors[dir] = true
		}
	}
	for _, f := range gone {
		if ancestors[f.Path] || anyParent(f.Path, places) {
			clear = append(clear, f)
		} else {
			remove = append(remove, f)
		}
	}
	slices.SortFunc(clear, childrenFirst)
	slices.SortFunc(remove, childrenFirst)
	return clear, remove
}

func anyParent(path string, places map[string]bool) bool {
	for dir := range parents(path) {
		if places[dir] {
			return true
		}
	}
	return false
}

func parentsFirst(a, b File) int {
	return cmp.Or(cmp.Compare(strings.Count(a.Path, "/"), strings.Count(b.Path, "/")), cmp.Compare(a.Path, b.Path))
}

func childrenFirst(a, b File) int { return parentsFirst(b, a) }

// Empty reports whether the plan changes nothing.
func (p Plan) Empty() bool { return p.Len() == 0 }

// Len counts the files that the plan changes.
func (p Plan) Len() int {
	return len(p.Clear) + len(p.Create) + len(p.Replace) + len(p.Remove)
}

// Files returns every change, in the order of the apply.
func (p Plan) Files() []File { return slices.Concat(p.Clear, p.Create, p.Replace, p.Remove) }

// String lists the plan for a dry run, one path a line: + created, ~ replaced, - removed.
func (p Plan) String() string {
	var b strings.Builder
	lists := []struct {
		sign  string
		files []File
	}{{"-", p.Clear}, {"+", p.Create}, {"~", p.Replace}, {"-", p.Remove}}
	for _, list := range lists {
		for _, f := range list.files {
			fmt.Fprintf(&b, "%s %s\n", list.sign, f.Path)
		}
	}
	return b.String()
}

// fileJSON carries a name that is not UTF-8 as bytes: JSON would mend, and so change, it.
type fileJSON struct {
	Path  string `json:"path,omitempty"`
	Bytes []byte `json:"pathBytes,omitempty"`
	Old   Blob   `json:"old,omitzero"`
	New   Blob   `json:"new,omitzero"`
	Mode  uint32 `json:"mode,omitzero"`
}

// MarshalJSON keeps every path exactly, also one that is not UTF-8.
func (f File) MarshalJSON() ([]byte, error) {
	out := fileJSON{Path: f.Path, Old: f.Old, New: f.New, Mode: f.Mode}
	if !utf8.ValidString(f.Path) {
		out.Path, out.Bytes = "", []byte(f.Path)
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *File) UnmarshalJSON(data []byte) error {
	var in fileJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*f = File{Path: in.Path + string(in.Bytes), Old: in.Old, New: in.New, Mode: in.Mode}
	return nil
}
