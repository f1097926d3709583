package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func (s *Store) reflogPath(name string) string {
	return filepath.Join(s.dir, "logs", filepath.FromSlash(name))
}

// logRef adds a line to the log of a branch. The log is for people and for a torn ref, so it is not synced, and losing
// a line must not undo what is done: trouble is only noted.
func (s *Store) logRef(name string, old, new Hash) {
	if !strings.HasPrefix(name, "refs/heads/") {
		return
	}
	path := s.reflogPath(name)
	now := time.Now()
	line := fmt.Sprintf("%s %s gsgit <gsgit> %d %s\tgsgit\n", old, new, now.Unix(), now.Format("-0700"))
	if err := s.disk.appendTo(path, line); err != nil {
		s.log.Warn("reflog not written", "ref", name, "err", err)
	}
}

// reflogTail is how much of a log's end is looked at for a good commit.
const reflogTail = 64 << 10

// lastGood is the newest commit that a ref is known to have stood at and that is here with its tree: by its log or, for
// the branch, by what the directory stands at.
func (s *Store) lastGood(name string) Hash {
	if good := s.lastLogged(name); !good.IsZero() || name != s.BranchRef() {
		return good
	}
	good, err := s.Ref(diskMarker)
	if err != nil || !s.hasWithTree(good) {
		return Hash{}
	}
	return good
}

func (s *Store) hasWithTree(commit Hash) bool {
	c, err := s.Commit(commit)
	return err == nil && s.Has(c.Tree)
}

// lastLogged goes back through the log of a ref.
func (s *Store) lastLogged(name string) Hash {
	for _, id := range s.Logged(name) {
		if s.hasWithTree(id) {
			return id
		}
	}
	return Hash{}
}

// Logged gives the commits that a branch stood at by its log, the newest first, as far as the end of the log goes back.
// Any of them may be lost.
func (s *Store) Logged(name string) []Hash {
	lines := bytes.Split(tail(s.reflogPath(name), reflogTail), []byte{'\n'})
	var all []Hash
	for _, line := range slices.Backward(lines) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		id, err := ParseHash(string(fields[1]))
		if err == nil && !id.IsZero() { // else torn by a crash, or the branch was deleted on purpose
			all = append(all, id)
		}
	}
	return all
}

// forgetLost leaves the commits that are not here out of a log: git fsck calls a repository broken whose log names them.
func (s *Store) forgetLost(name string) error {
	log, err := os.ReadFile(s.reflogPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	kept := bytes.Join(slices.DeleteFunc(bytes.SplitAfter(log, []byte{'\n'}), s.namesLost), nil)
	if len(kept) == len(log) {
		return nil
	}
	return s.replaceFile(s.reflogPath(name), kept)
}

func (s *Store) namesLost(line []byte) bool {
	fields := bytes.Fields(line)
	for _, hex := range fields[:min(2, len(fields))] {
		if id, err := ParseHash(string(hex)); err == nil && !id.IsZero() && !s.Has(id) {
			return true
		}
	}
	return false
}

// tail reads the end of a file; nil where there is none.
func tail(path string, n int64) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	from := max(0, info.Size()-n)
	out := make([]byte, info.Size()-from)
	read, _ := f.ReadAt(out, from)
	return out[:read]
}
