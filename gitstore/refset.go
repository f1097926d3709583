package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// SetRef moves a ref from old to new and has it on disk when it returns. A zero old makes a new ref, a zero new removes
// it. Where the ref is not at old, errors.Is(err, ErrRefMoved); where another process keeps it locked, ErrLocked.
func (s *Store) SetRef(ctx context.Context, name string, old, new Hash) error {
	if err := errors.Join(s.writable("move a ref"), checkRefName(name), cancelled(ctx)); err != nil {
		return err
	}
	if err := s.compare(name, old); err != nil {
		return err // without a lock, to spare the work; compared again below
	}
	if !new.IsZero() && strings.HasPrefix(name, "refs/heads/") {
		if _, err := s.Commit(new); err != nil {
			return fmt.Errorf("move %s: %w", name, err)
		}
	}
	lock, err := s.lockRef(ctx, name, new.String()+"\n")
	if err != nil {
		return err
	}
	defer lock.drop()
	if err := s.compare(name, old); err != nil {
		return err
	}
	if new.IsZero() {
		err = s.deleteRef(ctx, name)
	} else {
		err = s.publishRef(name, lock)
	}
	if err != nil {
		return fmt.Errorf("move %s: %w", name, err)
	}
	if !new.IsZero() {
		s.logRef(name, old, new)
		s.releasePacks(new)
	}
	s.step("gitstore.ref:" + name)
	return nil
}

func (s *Store) compare(name string, old Hash) error {
	now, err := s.Ref(name)
	if err != nil {
		return err
	}
	if now != old {
		return fmt.Errorf("%s is at %s, not at %s: %w", name, shown(now), shown(old), ErrRefMoved)
	}
	return nil
}

func shown(h Hash) string {
	if h.IsZero() {
		return "nothing"
	}
	return h.String()
}

// refLock is git's lock on a ref: a file of its name with .lock, here a second name of a temporary file of ours. The two
// names of one file tell Recover which locks a crash of ours left, and which belong to a git at work. They stand in one
// directory, so that a power cut can not leave the second without the first; git passes over both.
type refLock struct {
	store     *Store
	temporary string
	path      string // "" when the lock was renamed into place
}

func (l *refLock) drop() {
	if l.path != "" {
		l.store.disk.discard(l.path)
	}
	l.store.disk.discard(l.temporary)
}

// lockPatience is how long another process may hold a ref; git holds one for milliseconds.
const lockPatience = 2 * time.Second

// lockRef takes the lock of a ref (or of packed-refs) with its new content in it, synced before anyone can see it.
func (s *Store) lockRef(ctx context.Context, name, content string) (*refLock, error) {
	path := s.refPath(name)
	if err := s.disk.makeDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	l := &refLock{store: s, temporary: filepath.Join(filepath.Dir(path), temporaryPrefix+randomName()+".lock")}
	f, err := s.disk.create(l.temporary)
	if err != nil {
		return nil, err
	}
	if err := s.disk.fill(f, []byte(content), 0o644); err != nil {
		s.disk.discard(l.temporary)
		return nil, err
	}
	if err := s.takeLock(ctx, l.temporary, path+".lock"); err != nil {
		s.disk.discard(l.temporary)
		return nil, err
	}
	l.path = path + ".lock"
	s.step("gitstore.locked:" + name)
	return l, nil
}

func (s *Store) takeLock(ctx context.Context, temporary, lock string) error {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := s.disk.link(temporary, lock)
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		select {
		case <-ctx.Done():
			return &storeError{text: lock + " is there", cause: ErrLocked,
				hint: "another git works in this repository; if none does, remove the file"}
		case <-time.After(wait):
		}
	}
}

func (s *Store) publishRef(name string, lock *refLock) error {
	path := s.refPath(name)
	err := s.disk.rename(lock.path, path)
	if err != nil && (errors.Is(err, syscall.EISDIR) || errors.Is(err, fs.ErrExist)) {
		// Git leaves empty directories where refs stood below this name.
		if err = s.disk.removeEmptyDirs(path); err == nil {
			err = s.disk.rename(lock.path, path)
		}
	}
	if err != nil {
		return err
	}
	lock.path = ""
	return s.disk.syncDir(filepath.Dir(path))
}

// deleteRef removes the ref first where git packed it, then its own file: the other way round, a crash would bring an
// old value back.
func (s *Store) deleteRef(ctx context.Context, name string) error {
	if err := s.deleteLog(name); err != nil {
		return err
	}
	packed, err := s.packedRefs()
	if err != nil {
		return err
	}
	if _, ok := packed[name]; ok {
		if err := s.unpackRef(ctx, name); err != nil {
			return err
		}
	}
	if err := s.disk.remove(s.refPath(name)); err != nil && !errors.Is(err, syscall.ENOTDIR) {
		return err
	}
	return s.disk.syncDir(filepath.Dir(s.refPath(name)))
}

// deleteLog has the log gone for good before its ref goes: a log without its branch is taken for a branch that was lost.
func (s *Store) deleteLog(name string) error {
	log := s.reflogPath(name)
	if !exists(log) {
		return nil
	}
	if err := s.disk.remove(log); err != nil {
		return err
	}
	return s.disk.syncDir(filepath.Dir(log))
}

// unpackRef writes packed-refs without one ref.
func (s *Store) unpackRef(ctx context.Context, name string) error {
	file := filepath.Join(s.dir, "packed-refs")
	// The lock's content is known only once it is held, so it is taken with a placeholder and the file written beside.
	lock, err := s.lockRef(ctx, "packed-refs", "")
	if err != nil {
		return err
	}
	defer lock.drop()
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return s.replaceFile(file, withoutRef(data, name))
}

func withoutRef(data []byte, name string) []byte {
	lines := bytes.SplitAfter(data, []byte{'\n'})
	skipPeeled := false
	return bytes.Join(slices.DeleteFunc(lines, func(line []byte) bool {
		if len(line) > 0 && line[0] == '^' {
			return skipPeeled
		}
		_, after, _ := strings.Cut(strings.TrimRight(string(line), "\n"), " ")
		skipPeeled = after == name && line[0] != '#'
		return skipPeeled
	}), nil)
}
