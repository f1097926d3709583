package gitstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A new pack has a .keep file beside it until a ref leads to what it holds: without one, a git repack or git gc that
// began before the ref moved would take the pack for garbage. Git does the same for what is pushed.

// keepMark is what our .keep files hold; others' are left alone.
const keepMark = "gsgit\n"

// keepLimit is how old a .keep of ours becomes whose ref never came.
const keepLimit = time.Hour

// markFile is the one file that all our .keep files are further names of: so a power cut can not leave one that is empty,
// which would be a person's wish to keep the pack for ever.
func (s *Store) markFile() string { return filepath.Join(s.dir, stateDir, "keep") }

// holdPack comes before the pack can be seen. It needs no sync: what it guards against does not outlive a power cut.
func (s *Store) holdPack(base string) error {
	err := s.disk.link(s.markFile(), base+".keep")
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.makeMarkFile(); err == nil {
			err = s.disk.link(s.markFile(), base+".keep")
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // someone's wish to keep it
	}
	if err == nil {
		s.held.Store(base, true)
	}
	return err
}

func (s *Store) makeMarkFile() error {
	if err := s.disk.makeDir(filepath.Dir(s.markFile())); err != nil {
		return err
	}
	return s.replaceFile(s.markFile(), []byte(keepMark))
}

// releasePacks lets go of the packs that hold a commit which a ref leads to now.
func (s *Store) releasePacks(commit Hash) {
	for _, p := range s.packs.list() {
		if _, held := s.held.Load(p.base); !held {
			continue
		}
		if _, found := p.find(commit); found {
			s.held.Delete(p.base)
			s.releasePack(p.base)
		}
	}
}

// releasePack only notes trouble: a .keep too many does no harm, and Maintain finds it again.
func (s *Store) releasePack(base string) {
	if err := s.disk.remove(base + ".keep"); err != nil {
		s.log.Warn("pack not released", "path", base, "err", err)
	}
}

// clearKeeps removes our .keep files that are older than limit, by the age of what they hold: being names of one file, they
// have none of their own.
func (s *Store) clearKeeps(limit time.Duration) error {
	keeps, err := filepath.Glob(filepath.Join(s.packs.dir, "*.keep"))
	if err != nil {
		return err
	}
	for _, path := range keeps {
		base := strings.TrimSuffix(path, ".keep")
		if limit > 0 && !olderThan(limit, base+".pack") {
			continue // or about to get its pack
		}
		text, err := os.ReadFile(path)
		if err == nil && (string(text) == keepMark || len(text) == 0 && !exists(base+".pack")) {
			s.releasePack(base)
		}
	}
	return nil
}

func olderThan(limit time.Duration, path string) bool {
	info, err := os.Stat(path)
	return err == nil && time.Since(info.ModTime()) >= limit
}
