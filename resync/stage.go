package resync

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// syncLimit is how many files, or directories, are synced one by one. Above it one
// syncfs is faster: a thousand fsyncs take a second, one syncfs some 30 ms. Below it
// syncfs is not used, since it waits for whatever else is being written.
const syncLimit = 64

// stage writes every new file outside the tree, and makes all of them durable.
func (a *attempt) stage(ctx context.Context, read Source) error {
	if err := a.d.makeState(a.id); err != nil {
		return fmt.Errorf("make the stage: %w", err)
	}
	if err := a.listBeside(); err != nil {
		return fmt.Errorf("make the stage: %w", err)
	}
	oneByOne := !canSyncVolume || a.staging() <= syncLimit
	written := 0
	for _, m := range a.moves {
		for _, i := range m.files {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := a.stageFile(m, i, read, oneByOne); err != nil {
				return fmt.Errorf("stage %s: %w", a.files[i].Path, err)
			}
			written++
			a.d.step("resync.staging", written)
		}
	}
	return a.syncStage(oneByOne)
}

// staging counts the files that are staged.
func (a *attempt) staging() int {
	n := 0
	for _, m := range a.moves {
		n += len(m.files)
	}
	return n
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
	list := filepath.Join(a.d.attemptPath(a.id), besideName)
	return a.d.disk.write(list, content, looks{mode: 0o600, uid: -1}, true)
}

func (a *attempt) stageFile(m move, i int, read Source, synced bool) error {
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
	as, decided := m.staged[i]
	if !decided {
		as = a.looksOf(f, m.home)
		if err := a.stageParents(m, f.Path); err != nil {
			return err
		}
	}
	if err := a.d.disk.write(a.d.resolve(a.id, a.slots[i]), content, as, synced); err != nil {
		return err
	}
	return a.sighted(i)
}

// stageParents makes the directories from the staged root of a move down to a file.
func (a *attempt) stageParents(m move, file string) error {
	root := a.d.resolve(a.id, m.slot)
	rest := strings.TrimPrefix(parent(file)[len(m.target):], "/")
	dirs := []string{root}
	for name := range strings.SplitSeq(rest, "/") {
		if name != "" {
			dirs = append(dirs, filepath.Join(dirs[len(dirs)-1], name))
		}
	}
	deepest := dirs[len(dirs)-1]
	if a.made[deepest] {
		return nil
	}
	for _, dir := range dirs {
		if a.made[dir] {
			continue
		}
		if err := a.d.disk.mkdir(dir, a.folderLooks(m.home)); err != nil {
			return err
		}
		a.made[dir] = true
	}
	return nil
}

// folderLooks gives a new directory what the one above it has; the bit that hands the
// group down included.
func (a *attempt) folderLooks(home string) looks {
	dir := a.way.known[home].facts
	return looks{mode: dir.mode.Perm() | dir.mode&fs.ModeSetgid, uid: dir.uid, gid: dir.gid}
}

// syncStage makes the stage durable: the new directories, and the files unless they
// were synced as they were written.
func (a *attempt) syncStage(oneByOne bool) error {
	if !oneByOne || (canSyncVolume && len(a.made) > syncLimit) {
		return a.syncVolumes(a.beside)
	}
	for dir := range a.made {
		if err := a.d.disk.sync(dir); err != nil {
			return fmt.Errorf("sync the stage: %w", err)
		}
	}
	return nil
}

// syncVolumes syncs the file systems of the stage and of directories of the tree, each
// once. A directory that the survey did not find was made below one that it did.
func (a *attempt) syncVolumes(dirs map[string]bool) error {
	done := make(map[volume]bool)
	stage, err := a.d.stageVolume()
	if err != nil {
		return err
	}
	done[stage] = true
	if err := a.d.disk.syncVolume(a.d.options.State); err != nil {
		return err
	}
	for dir := range dirs {
		if a.way.known[dir].station != folder {
			continue
		}
		v, err := a.way.volume(dir)
		if err != nil {
			return err
		}
		if done[v] {
			continue
		}
		done[v] = true
		if err := a.d.disk.syncVolume(a.d.at(dir)); err != nil {
			return err
		}
	}
	return nil
}
