package resync

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
)

// removeFiles takes the files from first up to end out of the tree, and then those of
// the directories that this left empty and that may go.
func (a *attempt) removeFiles(first, end int, may func(dir string) bool) error {
	emptied := make(map[string]bool)
	for i := first; i < end; i++ {
		f := a.files[i]
		gone, err := a.setAside(i)
		if err != nil {
			return fmt.Errorf("remove %s: %w", f.Path, err)
		}
		// After a crash the file may be gone by our own hand and its directory not yet.
		if gone || a.resumed {
			for dir := range parents(f.Path) {
				emptied[dir] = emptied[dir] || may(dir)
			}
		}
		a.removed++
		a.d.step("resync.removed", a.removed)
	}
	return a.removeFolders(emptied)
}

// inTheWay finds the directories whose place a new file takes. The others stay until
// everything new has come, which may be into one of them.
func (a *attempt) inTheWay() func(dir string) bool {
	places := make(map[string]bool, len(a.plan.Create))
	for _, f := range a.plan.Create {
		places[f.Path] = true
	}
	return func(dir string) bool { return places[dir] || anyParent(dir, places) }
}

// setAside moves a file into its slot and looks at it there: read before the move, it
// could still be changed by somebody in between.
func (a *attempt) setAside(i int) (bool, error) {
	f, place := a.files[i], a.d.at(a.files[i].Path)
	found, err := a.d.disk.look(place)
	if err != nil {
		return false, ignoreAbsent(err)
	}
	if a.resumed && found.mode.IsDir() {
		return false, nil // the directory for which this file was removed stands already
	}
	if !found.regular() || a.slots[i].Path == "" {
		// Not the file that the plan means: somebody put something else there.
		a.d.options.Logger.Warn("left a path that is no longer the tracked file", "path", f.Path)
		return false, nil
	}
	aside := a.d.resolve(a.id, a.slots[i])
	if err := a.d.disk.rename(place, aside); err != nil {
		return false, explainBusy(ignoreAbsent(err))
	}
	a.touched[parent(f.Path)] = true
	delete(a.d.seen, f.Path)
	if err := a.d.inspect(f, aside); err != nil || !a.slots[i].Beside {
		return true, err
	}
	// Set aside in the directory that may be empty now: it must not keep it.
	return true, a.d.disk.remove(aside)
}

// removeFolders removes directories, the deepest first, and only empty ones: the
// kernel decides that, so a file that arrives now is safe.
func (a *attempt) removeFolders(dirs map[string]bool) error {
	sorted := make([]File, 0, len(dirs))
	for dir, empty := range dirs {
		if empty {
			sorted = append(sorted, File{Path: dir})
		}
	}
	slices.SortFunc(sorted, childrenFirst)
	for _, dir := range sorted {
		err := a.d.disk.rmdir(a.d.at(dir.Path))
		switch {
		case err == nil:
			a.touched[parent(dir.Path)] = true
			delete(a.touched, dir.Path)
		case absent(err), errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EBUSY):
			// it holds something of somebody, or it is a mount
		default:
			return fmt.Errorf("remove the empty directory: %w", err)
		}
	}
	return nil
}

// removeEmpty removes a directory in which no file lies at any depth: it holds nothing of anybody.
func (d *Directory) removeEmpty(place string) error {
	entries, err := d.disk.list(place)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			return fmt.Errorf("remove the directory: it holds %s", e.Name())
		}
		if err := d.removeEmpty(filepath.Join(place, e.Name())); err != nil {
			return err
		}
	}
	return d.disk.rmdir(place)
}
