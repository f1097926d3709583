package resync

import (
	"fmt"
	"maps"
	"slices"
)

// Up to syncLimit, files and directories are synced each by itself. Above it one syncfs
// is cheaper, for it writes the file system's journal once; but it also waits for all
// that others have written, which beside a busy writer takes seconds and longer. So it
// is used while no more waits to be written than calmBytes for each of them: that is
// what the disk could write in the time that syncing them one by one takes longer.
const (
	syncLimit = 64
	calmBytes = 64 << 10
)

// isCalm decides, once for an apply, whether a syncfs of so many files is worth it.
func (d *Directory) isCalm(files int) bool {
	return canSyncVolume && files > syncLimit && d.options.Unwritten() <= int64(files)*calmBytes
}

// syncStage makes the staged files and the new directories durable.
func (a *attempt) syncStage(files []int) error {
	places := make([]string, 0, len(files)+len(a.folders))
	for _, f := range a.folders {
		places = append(places, a.d.resolve(a.id, f.at))
	}
	for _, i := range files {
		places = append(places, a.d.resolve(a.id, a.slots[i]))
	}
	if err := a.syncPlaces(places, a.beside, a.d.disk.sync); err != nil {
		return fmt.Errorf("sync the stage: %w", err)
	}
	return nil
}

// syncTouched makes the renames and removals so far survive a power cut.
func (a *attempt) syncTouched() error {
	if err := a.syncKept(); err != nil {
		return err
	}
	dirs := maps.Clone(a.touched)
	clear(a.touched)
	return a.syncPlaces(slices.Sorted(maps.Keys(dirs)), dirs, a.d.syncInTree)
}

// syncKept syncs files that held their new bytes already: somebody else, or we before a
// crash, may have written them a moment ago.
func (a *attempt) syncKept() error {
	kept := a.kept
	a.kept = nil
	dirs := make(map[string]bool)
	for _, file := range kept {
		dirs[parent(file)] = true
	}
	return a.syncPlaces(kept, dirs, a.d.syncInTree)
}

// syncInTree syncs what may be gone: then there is nothing to be lost.
func (d *Directory) syncInTree(path string) error {
	if err := ignoreAbsent(d.disk.sync(d.at(path))); err != nil {
		return fmt.Errorf("sync %s: %w", quoted(path), err)
	}
	return nil
}

// syncPlaces syncs files or directories one by one, or the file systems on which they
// and the given directories of the tree lie.
func (a *attempt) syncPlaces(places []string, dirs map[string]bool, sync func(string) error) error {
	if a.calm && len(places) > syncLimit {
		return a.syncVolumes(dirs)
	}
	return each(a.d.atMost(syncHands), len(places), func(i int) error { return sync(places[i]) })
}

// syncVolumes syncs the file systems of the stage and of directories of the tree, each
// once. A directory that the survey did not find was made below one that it did.
func (a *attempt) syncVolumes(dirs map[string]bool) error {
	done := map[volume]bool{a.volume: true}
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
