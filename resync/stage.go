package resync

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// stage writes every new file outside the tree, and makes all of them durable.
func (a *attempt) stage(ctx context.Context, read Source) error {
	if err := a.makeStage(); err != nil {
		return fmt.Errorf("make the stage: %w", err)
	}
	var files []int
	for _, m := range a.moves {
		files = append(files, m.files...)
	}
	err := each(a.d.hands(), len(files), func(n int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.stageFile(files[n], read); err != nil {
			return fmt.Errorf("stage %s: %w", a.files[files[n]].Path, err)
		}
		a.countStaged()
		return nil
	})
	if err != nil {
		return err
	}
	return a.syncStage(files)
}

// countStaged names a crash point after each staged file, one at a time.
func (a *attempt) countStaged() {
	a.counting.Lock()
	defer a.counting.Unlock()
	a.written++
	a.d.step("resync.staging", a.written)
}

func (a *attempt) makeStage() error {
	if err := a.d.makeState(a.id, len(a.files) > syncLimit); err != nil {
		return err
	}
	if err := a.listBeside(); err != nil {
		return err
	}
	return a.makeFolders()
}

func (a *attempt) listBeside() error {
	if len(a.beside) == 0 {
		return nil
	}
	dirs := make([]string, 0, len(a.beside))
	for dir := range a.beside {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	content, err := json.Marshal(dirs)
	if err != nil {
		return err
	}
	attempt := a.d.attemptPath(a.id)
	if _, err := a.d.disk.write(filepath.Join(attempt, besideName), content, looks{mode: 0o600, uid: -1}, syncNow); err != nil {
		return err
	}
	for _, dir := range []string{attempt, a.d.stagePath(), a.d.options.State} {
		if err := a.d.disk.sync(dir); err != nil {
			return err
		}
	}
	return nil
}

// stagedFolder is a directory that is made in the stage.
type stagedFolder struct {
	at slot
	as looks
}

func (f stagedFolder) depth() int { return strings.Count(f.at.Path, "/") }

// makeFolders makes the directories of the stage, those of one depth at the same time.
func (a *attempt) makeFolders() error {
	slices.SortFunc(a.folders, func(x, y stagedFolder) int {
		return cmp.Or(cmp.Compare(x.depth(), y.depth()), cmp.Compare(x.at.Path, y.at.Path))
	})
	for left := a.folders; len(left) > 0; {
		deeper := slices.IndexFunc(left, func(f stagedFolder) bool { return f.depth() > left[0].depth() })
		if deeper < 0 {
			deeper = len(left)
		}
		level := left[:deeper]
		left = left[deeper:]
		err := each(a.d.hands(), len(level), func(i int) error {
			return a.d.disk.mkdir(a.d.resolve(a.id, level[i].at), level[i].as)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *attempt) stageFile(i int, read Source) error {
	f := a.files[i]
	content, err := read(f.New)
	if err != nil {
		return err
	}
	if got := HashBlob(content); got != f.New {
		return &Error{
			what: fmt.Sprintf("the history gave other bytes for %s (they hash to %s)", f.New, got),
			hint: "the repository is damaged: run git fsck in it",
		}
	}
	when := syncLater
	if !a.calm {
		when = syncSoon
	}
	made, err := a.d.disk.write(a.d.resolve(a.id, a.slots[i]), content, a.looks[i], when)
	if err != nil {
		return err
	}
	a.staged[i] = sighting{blob: f.New, size: made.size, mtime: made.mtime, dev: made.dev, ino: made.ino}
	return nil
}
