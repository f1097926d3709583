package resync

import (
	"iter"
	"strings"
	"unicode"
)

// maxName is the longest name of one file that Linux file systems take, in bytes.
const maxName = 255

// checkPaths refuses a tree that could write outside the directory, into a
// repository, or one file over another. A fetched tree is foreign: whoever wrote it
// may have put anything in it.
func checkPaths(files []File) error {
	var bad refusals
	places := make(map[string]bool, len(files))
	for _, f := range files {
		if why := unsafePath(f.Path); why != "" {
			bad.add(f.Path, "%s", why)
		}
		if !f.New.IsZero() && f.Mode != ModeRegular && f.Mode != ModeExecutable {
			bad.add(f.Path, "is no regular file (mode %o)", f.Mode)
		}
		if kept, twice := places[f.Path]; twice {
			bad.add(f.Path, "is named twice")
			places[f.Path] = kept || !f.New.IsZero()
			continue
		}
		places[f.Path] = !f.New.IsZero()
	}
	for _, f := range files {
		checkClash(&bad, f, places)
	}
	return bad.err("refuse the tree", true)
}

// checkClash finds a file that the new tree also wants to be a directory.
func checkClash(bad *refusals, f File, places map[string]bool) {
	if f.New.IsZero() {
		return
	}
	for dir := range parents(f.Path) {
		if places[dir] {
			bad.add(f.Path, "lies below %q, which is a file", dir)
		}
	}
}

// CheckPath says why no plan may write a path, such as one with a control character; nil where it may.
func CheckPath(path string) error {
	if why := unsafePath(path); why != "" {
		return &Error{what: quoted(path) + " " + why, permanent: true}
	}
	return nil
}

// unsafePath says why a path must not be touched, or nothing where it may.
func unsafePath(path string) string {
	switch {
	case path == "":
		return "is empty"
	case strings.HasPrefix(path, "/"):
		return "is absolute"
	case strings.Contains(path, `\`):
		return "has a backslash"
	case strings.ContainsFunc(path, unicode.IsControl):
		return "has a control character"
	}
	for name := range strings.SplitSeq(path, "/") {
		if why := unsafeName(name); why != "" {
			return why
		}
	}
	return ""
}

func unsafeName(name string) string {
	switch {
	case name == "":
		return "has an empty name in it"
	case name == "." || name == "..":
		return "has " + name + " in it"
	case len(name) > maxName:
		return "has a name longer than 255 bytes"
	case looksLikeGit(name):
		return "enters a repository"
	case isLitter(name):
		return "has a name that gsgit uses for its own temporary files"
	}
	return ""
}

// looksLikeGit finds ".git" and every name that some file system takes for it: HFS+
// drops code points that can not be seen, NTFS drops dots, spaces and streams at the
// end and knows the short name git~1. All of them once ran foreign code in git.
func looksLikeGit(name string) bool {
	seen := strings.Map(dropIgnorable, name)
	seen, _, _ = strings.Cut(seen, ":")
	seen = strings.TrimRight(seen, " .")
	return strings.EqualFold(seen, ".git") || strings.EqualFold(seen, "git~1")
}

func dropIgnorable(r rune) rune {
	switch {
	case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
		return -1
	}
	return r
}

// isLitter recognises the names that a Directory stages beside a target.
func isLitter(name string) bool {
	return strings.HasPrefix(name, ".gsgit-") && strings.HasSuffix(name, ".tmp")
}

// parents yields the directories above path, the nearest first, without the root.
func parents(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			cut := strings.LastIndexByte(path, '/')
			if cut <= 0 {
				return
			}
			path = path[:cut]
			if !yield(path) {
				return
			}
		}
	}
}

// caseClashes returns the pairs of the plan's paths, directories included, that one
// place would take on a file system that does not tell upper from lower case.
func caseClashes(plan Plan) [][2]string {
	spelled := make(map[string]string)
	var clashes [][2]string
	note := func(path string) {
		folded := strings.ToLower(path)
		first, known := spelled[folded]
		if known && first != path {
			clashes = append(clashes, [2]string{first, path})
		}
		spelled[folded] = path
	}
	for _, f := range plan.Files() {
		for dir := range parents(f.Path) {
			note(dir)
		}
		note(f.Path)
	}
	return clashes
}
