package gitstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Recover is for the start of a process that holds the write lock. It takes away or finishes what a crash of ours left
// (locks, temporary files, a pack whose index has not its name yet, packs that were rolled up), takes away loose objects
// of length zero, naming them in the log (they hold nothing, and keep git from writing the object again), and checks
// that every ref can be read and that the branch leads to a commit whose root tree is here.
func (s *Store) Recover(ctx context.Context) error {
	if err := errors.Join(s.writable("recover"), cancelled(ctx)); err != nil {
		return err
	}
	steps := []func(context.Context) error{s.clearLocks, s.clearPacks, s.clearEmptyObjects, s.checkHead}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return fmt.Errorf("recover %s: %w", s.dir, err)
		}
	}
	return nil
}

// clearLocks removes the locks that are the second name of a temporary file of ours, then those files, and the temporary
// files of others than refs. The lock of a git that is at work has one name only.
func (s *Store) clearLocks(context.Context) error {
	if err := s.disk.makeDir(filepath.Join(s.dir, stateDir)); err != nil {
		return err
	}
	ours := map[string]fs.FileInfo{}
	err := s.eachLock(func(path string, info fs.FileInfo) error {
		if strings.HasPrefix(filepath.Base(path), temporaryPrefix) {
			ours[path] = info
		}
		return nil
	})
	if err == nil && len(ours) > 0 {
		err = s.eachLock(func(path string, info fs.FileInfo) error { return s.clearLock(path, info, ours) })
	}
	others, globbing := filepath.Glob(filepath.Join(s.dir, stateDir, temporaryPrefix+"*"))
	for _, path := range append(others, slices.Sorted(maps.Keys(ours))...) {
		err = errors.Join(err, s.disk.remove(path))
	}
	return errors.Join(err, globbing)
}

func (s *Store) clearLock(path string, info fs.FileInfo, ours map[string]fs.FileInfo) error {
	for own, our := range ours {
		if path != own && os.SameFile(our, info) {
			return s.disk.remove(path)
		}
	}
	return nil
}

func (s *Store) eachLock(do func(path string, info fs.FileInfo) error) error {
	visit := func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".lock") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil // just released
		}
		return do(path, info)
	}
	beside, err := filepath.Glob(filepath.Join(s.dir, "*.lock")) // of packed-refs
	for _, root := range append(beside, filepath.Join(s.dir, "refs")) {
		err = errors.Join(err, filepath.WalkDir(root, visit))
	}
	return err
}

// clearPacks finishes what installPack and rollUp left. While another process rolls packs up, its temporary files are
// left alone.
func (s *Store) clearPacks(ctx context.Context) error {
	lock, err := LockFile(s.maintainLock(), 0)
	if errors.Is(err, ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	if err := s.finishRollUp(); err != nil {
		return err
	}
	temporary, err := filepath.Glob(filepath.Join(s.packs.dir, temporaryPrefix+"*"))
	if err != nil {
		return err
	}
	for _, path := range temporary {
		if strings.HasSuffix(path, tmpIndexEnd) {
			err = s.finishInstall(path)
		}
		if err == nil {
			err = s.disk.remove(path)
		}
		if err != nil {
			return err
		}
	}
	if err := errors.Join(s.clearOrphans(), s.clearKeeps(0), s.rebuildIndexes(ctx)); err != nil {
		return err
	}
	s.packs.forget()
	if _, err = s.packs.refresh(); err == nil && s.packs.damage() != nil {
		err = s.wound()
	}
	return err
}

// finishInstall gives a temporary index its name if its pack has one: it was cut off between the two renames. Both were
// whole and synced before the first.
func (s *Store) finishInstall(tmpIndex string) error {
	data, err := os.ReadFile(tmpIndex)
	if err != nil {
		return err
	}
	index, err := parseIndex(data)
	if err != nil {
		return nil // cut off earlier
	}
	base := filepath.Join(s.packs.dir, "pack-"+hexOf(index.packChecksum()))
	if !exists(base+".pack") || exists(base+".idx") {
		return nil
	}
	if err := s.disk.rename(tmpIndex, base+".idx"); err != nil {
		return err
	}
	return s.disk.syncDir(s.packs.dir)
}

// clearOrphans removes indexes without a pack: of the two renames of an install, a power cut may keep the second alone.
func (s *Store) clearOrphans() error {
	indexes, err := filepath.Glob(filepath.Join(s.packs.dir, "pack-*.idx"))
	if err != nil {
		return err
	}
	for _, path := range indexes {
		if exists(strings.TrimSuffix(path, ".idx") + ".pack") {
			continue
		}
		s.log.Warn("index without its pack removed", "path", path)
		if err := s.takeAway(path); err != nil {
			return err
		}
	}
	return nil
}

// rebuildIndexes makes the index of a pack anew where it is torn or missing: git syncs neither as strictly as we do. A
// pack that is itself damaged stays as it is; what it held will be missed by name.
func (s *Store) rebuildIndexes(ctx context.Context) error {
	packs, err := filepath.Glob(filepath.Join(s.packs.dir, "pack-*.pack"))
	if err != nil {
		return err
	}
	for _, path := range packs {
		if err := s.rebuildIndex(ctx, strings.TrimSuffix(path, ".pack")); err != nil {
			return err
		}
	}
	return nil
}

// mendIndexes makes the indexes that are missing anew, and tells whether any was. A git gc that lists a large directory
// while a pack and its index get their names may see the index alone, takes it for garbage and removes it.
func (s *Store) mendIndexes(ctx context.Context) bool {
	packs, err := filepath.Glob(filepath.Join(s.packs.dir, "pack-*.pack"))
	if err != nil || s.options.ReadOnly {
		return false
	}
	mended := false
	for _, path := range packs {
		base := strings.TrimSuffix(path, ".pack")
		if exists(base + ".idx") {
			continue
		}
		if err := s.rebuildIndex(ctx, base); err != nil {
			s.log.Warn("index not made anew", "path", base+".idx", "err", err)
		}
		mended = mended || exists(base+".idx")
	}
	if mended {
		s.packs.forget()
		_, err = s.packs.refresh()
	}
	return mended && err == nil
}

func (s *Store) rebuildIndex(ctx context.Context, base string) error {
	data, err := os.ReadFile(base + ".idx")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := parseIndex(data); err == nil {
		return nil
	}
	r, err := readReceived(ctx, base+".pack")
	if err != nil {
		s.log.Warn("pack unreadable", "path", base+".pack", "err", err)
		return errors.Join(s.wound(), cancelled(ctx))
	}
	r.pack.file.Close()
	s.log.Warn("index made anew", "path", base+".idx")
	return s.replaceFile(base+".idx", r.pack.index.data)
}

func (s *Store) clearEmptyObjects(context.Context) error {
	return s.eachLoose(func(path string, id Hash, info fs.FileInfo) error {
		if info.Size() > 0 {
			return nil
		}
		s.log.Warn("empty object removed", "path", path)
		return s.takeAway(path)
	})
}

// eachLoose visits the files of loose objects.
func (s *Store) eachLoose(do func(path string, id Hash, info fs.FileInfo) error) error {
	for first := range 256 {
		dir := filepath.Join(s.dir, "objects", fmt.Sprintf("%02x", first))
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			id, err := ParseHash(filepath.Base(dir) + e.Name())
			if err != nil {
				continue
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // packed and removed by another git
			}
			if err == nil {
				err = do(filepath.Join(dir, e.Name()), id, info)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) checkHead(context.Context) error {
	if _, err := s.Refs("refs/"); err != nil {
		return err
	}
	head, err := s.Ref(s.BranchRef())
	if err != nil || head.IsZero() {
		return err
	}
	c, err := s.Commit(head)
	if err == nil && c.Tree != emptyTree {
		_, err = s.readDirectory(c.Tree)
	}
	if err != nil {
		if err := s.wound(); err != nil {
			return err
		}
		return &storeError{text: "the head " + head.String() + " of " + s.branch + " is not whole", cause: err, permanent: true,
			hint: "start again where a node or hub that has it can be reached (--from URL); gsgit check --repair goes back to the last commit that is whole"}
	}
	return nil
}
