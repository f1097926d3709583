package gitstore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Ref gives the commit that a full ref name stands at: zero, nil where there is no such ref. A ref that is empty or
// torn, and a branch that vanished though its reflog goes on, are errors that name the last good commit: taking either
// for "no history yet" would start the history anew.
func (s *Store) Ref(name string) (Hash, error) {
	for range 5 {
		if err := checkRefName(name); err != nil {
			return Hash{}, err
		}
		text, err := s.refFile(name)
		if err != nil {
			return Hash{}, err
		}
		if text == nil {
			return s.absentRef(name)
		}
		target, symbolic := strings.CutPrefix(string(text), "ref: ")
		if !symbolic {
			return s.parseRef(name, text)
		}
		name = strings.TrimSpace(target)
	}
	return Hash{}, &storeError{text: "the ref " + name + " names another without end", permanent: true}
}

// refFile gives the content of a ref's own file, nil if it has none.
func (s *Store) refFile(name string) ([]byte, error) {
	text, err := readSmall(s.refPath(name))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the ref %s: %w", name, err)
	}
	return text, nil
}

func (s *Store) refPath(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s *Store) parseRef(name string, text []byte) (Hash, error) {
	id, err := ParseHash(strings.TrimRight(string(text), "\n"))
	if err == nil && !id.IsZero() {
		return id, nil
	}
	return Hash{}, s.lostRef(name, fmt.Sprintf("the ref %s is torn (%q)", name, cut(string(text), 50)))
}

// absentRef answers for a ref without a file of its own: packed-refs holds it, or it is not there.
func (s *Store) absentRef(name string) (Hash, error) {
	packed, err := s.packedRefs()
	if err != nil {
		return Hash{}, err
	}
	id, ok := packed[name]
	if !ok {
		// Between the two looks, git pack-refs may have been undone by another update.
		if text, err := s.refFile(name); err == nil && text != nil {
			return s.parseRef(name, text)
		}
		if strings.HasPrefix(name, "refs/heads/") && !s.lastLogged(name).IsZero() {
			return Hash{}, s.lostRef(name, "the ref "+name+" vanished, though its log goes on")
		}
	}
	return id, nil
}

func (s *Store) lostRef(name, what string) error {
	e := &storeError{text: what, permanent: true, hint: "look for the last good commit with git fsck --lost-found, then git update-ref " + name + " COMMIT"}
	if good := s.lastGood(name); !good.IsZero() {
		e.text += "; its last good commit is " + good.String()
		e.hint = fmt.Sprintf("put it back with gsgit check --repair, or rm -f %s; git --git-dir %s update-ref %s %s",
			s.refPath(name), s.dir, name, good)
	}
	return e
}

// LastGood is the newest commit in the log of a ref that is still here whole, zero if none: what a torn ref can be put
// back to.
func (s *Store) LastGood(name string) Hash { return s.lastGood(name) }

// RepairRef puts a torn or vanished ref back to its last good commit and gives that. A healthy ref stays as it is.
func (s *Store) RepairRef(name string) (Hash, error) {
	if id, err := s.Ref(name); err == nil {
		return id, nil
	}
	if err := s.writable("repair a ref"); err != nil {
		return Hash{}, err
	}
	good := s.lastGood(name)
	if good.IsZero() {
		return good, &storeError{text: "the log of " + name + " names no commit that is here", permanent: true,
			hint: "look for it with git fsck --lost-found, then git update-ref " + name + " COMMIT"}
	}
	if err := s.disk.makeDir(filepath.Dir(s.refPath(name))); err != nil {
		return Hash{}, err
	}
	return good, s.replaceFile(s.refPath(name), []byte(good.String()+"\n"))
}

// TornRefs names the refs whose file can not be read as a commit id, and the branch where it vanished.
func (s *Store) TornRefs() ([]string, error) {
	names, err := s.looseNames("refs/")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, s.BranchRef()) {
		names = append(names, s.BranchRef())
	}
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := s.Ref(name)
		return err == nil
	}), nil
}

// ReplaceRef puts a torn ref, of which no old value can be compared, to a commit; zero removes it.
func (s *Store) ReplaceRef(name string, to Hash) error {
	if err := errors.Join(s.writable("repair a ref"), checkRefName(name)); err != nil {
		return err
	}
	if to.IsZero() {
		if err := s.disk.remove(s.refPath(name)); err != nil {
			return err
		}
		return s.disk.syncDir(filepath.Dir(s.refPath(name)))
	}
	return s.replaceFile(s.refPath(name), []byte(to.String()+"\n"))
}

// packedRefs reads the file in which ordinary git keeps refs together. Its lines of peeled tags are passed over.
func (s *Store) packedRefs() (map[string]Hash, error) {
	data, err := os.ReadFile(filepath.Join(s.dir, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read packed-refs: %w", err)
	}
	refs := map[string]Hash{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' || line[0] == '^' {
			continue
		}
		hex, name, _ := strings.Cut(line, " ")
		id, err := ParseHash(hex)
		if err != nil || name == "" {
			return nil, &storeError{text: "packed-refs is damaged at " + strconv.Quote(cut(line, 60)), permanent: true,
				hint: "remove the line, then see git fsck"}
		}
		refs[name] = id
	}
	return refs, lines.Err()
}

// Refs gives every ref whose full name starts with prefix ("refs/" for all).
func (s *Store) Refs(prefix string) (map[string]Hash, error) {
	names, err := s.looseNames(prefix)
	if err != nil {
		return nil, err
	}
	packed, err := s.packedRefs()
	if err != nil {
		return nil, err
	}
	out := map[string]Hash{}
	for name, id := range packed {
		if strings.HasPrefix(name, prefix) && checkRefName(name) == nil {
			out[name] = id
		}
	}
	for _, name := range names {
		id, err := s.Ref(name)
		if err != nil {
			return nil, err
		}
		if !id.IsZero() {
			out[name] = id
		}
	}
	return out, nil
}

// looseNames lists the refs of a prefix that have a file of their own.
func (s *Store) looseNames(prefix string) (names []string, err error) {
	below := s.refPath(prefix[:strings.LastIndexByte(prefix, '/')+1])
	err = filepath.WalkDir(below, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil // removed while we looked, or there is nothing of that prefix
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(s.dir, path)
		if name := filepath.ToSlash(rel); err == nil && strings.HasPrefix(name, prefix) && checkRefName(name) == nil {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// checkRefName holds git's rules for full names of refs; what passes is also safe as a path below the repository.
func checkRefName(name string) error {
	bad := !strings.HasPrefix(name, "refs/") || strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		strings.HasSuffix(name, ".") || strings.ContainsAny(name, " ~^:?*[\\\x7f")
	for _, part := range strings.Split(name, "/") {
		bad = bad || part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock")
	}
	for i := 0; i < len(name) && !bad; i++ {
		bad = name[i] < ' '
	}
	if bad {
		return &storeError{text: strconv.Quote(cut(name, 100)) + " is no name for a ref", permanent: true}
	}
	return nil
}
