package gitstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Wounded tells whether a Recover, this one or an earlier, took something away that held nothing, or met something that
// can not be read: what the branch needs may have been in it. It lasts until Healed.
func (s *Store) Wounded() bool { return exists(s.woundMark()) }

// Healed is for when nothing that the branch needs is missing any more. Packs that can not be opened are moved out of
// git's sight, below gsgit/damaged, for a person to look at, and the log of the branch forgets commits that are lost.
func (s *Store) Healed() error {
	if err := errors.Join(s.writable("mend"), s.setDamagedAside(), s.forgetLost(s.BranchRef())); err != nil {
		return err
	}
	return s.disk.remove(s.woundMark())
}

func (s *Store) woundMark() string { return filepath.Join(s.dir, stateDir, "wounded") }

// takeAway removes what holds nothing, once it is noted that something may be missing: nothing else shows it afterwards.
func (s *Store) takeAway(path string) error {
	if err := s.wound(); err != nil {
		return err
	}
	return s.disk.remove(path)
}

func (s *Store) wound() error {
	if s.Wounded() {
		return nil
	}
	return s.replaceFile(s.woundMark(), nil)
}

// Missing gives the files of a commit whose content is not here, or is damaged. An error means that more than files is
// missing.
func (s *Store) Missing(ctx context.Context, commit Hash) ([]Entry, error) {
	var lost []Entry
	for e, err := range s.Files(commit, "") {
		if err := errors.Join(err, cancelled(ctx)); err != nil {
			return nil, fmt.Errorf("look for what %s lacks: %w", commit, err)
		}
		if e.Mode&modeKind == modeSubmodule {
			continue
		}
		if _, _, err := s.object(e.Blob); err != nil {
			lost = append(lost, e)
		}
	}
	return lost, nil
}

// Restore makes lost files part of the store again where read gives exactly their content, and returns the others.
func (s *Store) Restore(ctx context.Context, lost []Entry, read func(path string) ([]byte, error)) (left []Entry, err error) {
	if err := s.writable("restore files"); err != nil {
		return lost, err
	}
	s.write.Lock()
	defer s.write.Unlock()
	w := s.newPackWriter()
	defer w.discard()
	for _, e := range lost {
		content, err := read(e.Path)
		if err != nil || BlobHash(content) != e.Blob {
			left = append(left, e)
			continue
		}
		if _, err := w.put(kindBlob, content); err != nil {
			return lost, err
		}
	}
	if err := w.finish(ctx); err != nil {
		return lost, fmt.Errorf("restore %d files: %w", len(lost)-len(left), err)
	}
	if w.file != nil {
		s.release(w.name) // the branch leads to what it holds already
	}
	return left, nil
}

// Whole tells, as an error that names it, whether anything is missing of what a commit reaches; nil if nothing is.
func (s *Store) Whole(ctx context.Context, commit Hash) error {
	ids, err := s.newObjects(ctx, []Hash{commit}, nil)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !s.Has(id) {
			return fmt.Errorf("object %s: %w", id, ErrNotFound)
		}
	}
	return nil
}

func (s *Store) setDamagedAside() error {
	packs, err := filepath.Glob(filepath.Join(s.packs.dir, "pack-*.pack"))
	if err != nil {
		return err
	}
	for _, path := range packs {
		base := strings.TrimSuffix(path, ".pack")
		if p, err := openPack(base); err == nil {
			p.file.Close()
			continue
		}
		if err := s.setPackAside(base); err != nil {
			return fmt.Errorf("set a damaged pack aside: %w", err)
		}
	}
	return nil
}

func (s *Store) setPackAside(base string) error {
	aside := filepath.Join(s.dir, stateDir, "damaged")
	if err := s.disk.makeDir(aside); err != nil {
		return err
	}
	for _, end := range []string{".idx", ".pack"} {
		err := s.disk.rename(base+end, filepath.Join(aside, filepath.Base(base)+end))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	s.log.Warn("damaged pack set aside", "path", aside)
	return s.disk.syncDir(s.packs.dir)
}
