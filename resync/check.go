package resync

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Check looks, before the first write, for everything known that would stop the plan
// half-way, and names all of it: a directory that is not ours to write, an owner that
// could not be kept, a symbolic link, something else in a file's place, a name too
// long, a full disk. It changes nothing.
func (d *Directory) Check(plan Plan) error {
	c := &check{d: d, way: d.way(), plan: plan, homes: make(map[string]bool)}
	c.spellings()
	for _, f := range plan.Files() {
		if err := c.file(f); err != nil {
			return fmt.Errorf("check %s: %w", f.Path, err)
		}
	}
	if err := c.folders(); err != nil {
		return err
	}
	return c.bad.err("the directory can not be made equal to "+plan.Target, false)
}

// check is one Check: what it met, and what it has to say.
type check struct {
	d     *Directory
	way   *way
	plan  Plan
	bad   refusals
	homes map[string]bool // directories that are there and change; true: they get new entries
	gone  map[string]bool // paths of the plan's Clear
}

func (c *check) file(f File) error {
	if c.ownState(f.Path) {
		c.bad.add(f.Path, "lies among gsgit's own files")
		return nil
	}
	if n := len(c.d.at(f.Path)) + len(".gsgit-") + 32; n > 4096 {
		c.bad.add(f.Path, "is a path longer than the system takes")
	}
	home, lacking, err := c.way.home(f.Path)
	var refused *Error
	if errors.As(err, &refused) {
		c.bad.add(f.Path, "can not be reached: %s", refused.what)
		c.bad.advise("%s", refused.hint)
		return nil
	}
	if err != nil {
		return err
	}
	gone := f.New.IsZero()
	if lacking != "" && gone {
		return nil // not even its directory is there
	}
	c.homes[home] = c.homes[home] || !gone
	if lacking != "" {
		c.onTheWay(f, lacking)
		return nil
	}
	return c.place(f)
}

// onTheWay refuses a file that stands where a new directory must be, unless the plan
// itself removes it first.
func (c *check) onTheWay(f File, lacking string) {
	if c.way.known[lacking].station == occupied && !c.cleared(lacking) {
		c.bad.add(f.Path, "needs a directory at %q, where a file stands", lacking)
		c.bad.advise("move %s away", c.d.at(lacking))
	}
}

// place looks at what stands where the file is to be.
func (c *check) place(f File) error {
	there, err := c.d.disk.look(c.d.at(f.Path))
	switch {
	case absent(err):
		return nil
	case err != nil:
		return err
	case there.mode.IsDir():
		return c.folderInPlace(f)
	case f.New.IsZero():
		// A removal takes the tracked file alone: a link in its place stays.
	case !there.regular():
		c.bad.add(f.Path, "is a link or a device, which is not replaced")
		c.bad.advise(hintLink)
	default:
		c.owner(f.Path, there)
	}
	return nil
}

// folderInPlace refuses a directory in a file's place, unless the plan empties it. For
// a removal it does not matter: the file is gone already.
func (c *check) folderInPlace(f File) error {
	if f.New.IsZero() {
		return nil
	}
	return filepath.WalkDir(c.d.at(f.Path), func(place string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(c.d.options.Root, place)
		if err != nil || c.cleared(filepath.ToSlash(rel)) {
			return err
		}
		c.bad.add(f.Path, "is a directory that holds %q", filepath.ToSlash(rel))
		c.bad.advise("move %s away", c.d.at(f.Path))
		return filepath.SkipAll
	})
}

func (c *check) cleared(path string) bool {
	if c.gone == nil {
		c.gone = make(map[string]bool, len(c.plan.Clear))
		for _, f := range c.plan.Clear {
			c.gone[f.Path] = true
		}
	}
	return c.gone[path]
}

// ownState finds a tree that writes where the journal is, if that is below the root.
func (c *check) ownState(path string) bool {
	rel, err := filepath.Rel(c.d.options.Root, c.d.options.State)
	if err != nil || strings.HasPrefix(rel, "..") {
		return false
	}
	return path == filepath.ToSlash(rel) || strings.HasPrefix(path, filepath.ToSlash(rel)+"/")
}

// spellings refuses two paths that differ in case alone where the file system takes
// them for one. Elsewhere they are two files, as they are on the primary.
func (c *check) spellings() {
	clashes := caseClashes(c.plan)
	if len(clashes) == 0 || !c.caseBlind() {
		return
	}
	for _, pair := range clashes {
		c.bad.add(pair[1], "is the same file as %q on this file system", pair[0])
	}
}

// caseBlind asks for the root by another spelling of its last letters.
func (c *check) caseBlind() bool {
	root := c.d.options.Root
	other := filepath.Join(filepath.Dir(root), swapCase(filepath.Base(root)))
	mine, err := os.Stat(root)
	if err != nil || other == root {
		return false
	}
	theirs, err := os.Stat(other)
	return err == nil && os.SameFile(mine, theirs)
}

func swapCase(name string) string {
	if upper := strings.ToUpper(name); upper != name {
		return upper
	}
	return strings.ToLower(name)
}
