package gitstore

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Resolve finds the commit that a person means: a full or abbreviated id, HEAD, a branch, a tag, "gsgit/disk", a full
// ref, each perhaps followed by ~N (the Nth first parent) or ^.
func (s *Store) Resolve(rev string) (Hash, error) {
	base, steps, err := splitRevision(rev)
	if err != nil {
		return Hash{}, err
	}
	id, err := s.resolveName(base)
	if err != nil {
		return Hash{}, err
	}
	c, err := s.peel(id)
	if err != nil {
		return Hash{}, err
	}
	for range steps {
		if len(c.Parents) == 0 {
			return Hash{}, &storeError{text: rev + " goes back beyond the first commit " + c.ID.String(), cause: ErrNotFound, permanent: true}
		}
		if c, err = s.Commit(c.Parents[0]); err != nil {
			return Hash{}, err
		}
	}
	return c.ID, nil
}

// splitRevision counts the steps back: "main~2^" is main and 3.
func splitRevision(rev string) (base string, steps int, err error) {
	at := strings.IndexAny(rev, "~^")
	if at < 0 {
		return rev, 0, nil
	}
	base, rest := rev[:at], rev[at:]
	for rest != "" {
		sign := rest[0]
		rest = rest[1:]
		end := strings.IndexAny(rest, "~^")
		if end < 0 {
			end = len(rest)
		}
		n := 1
		if end > 0 {
			n, err = strconv.Atoi(rest[:end])
		}
		if err != nil || n < 0 || sign == '^' && n != 1 {
			return "", 0, &storeError{text: strconv.Quote(cut(rev, 100)) + " is no revision", permanent: true}
		}
		steps, rest = steps+n, rest[end:]
	}
	return base, steps, nil
}

func (s *Store) resolveName(name string) (Hash, error) {
	if id, err := ParseHash(name); err == nil {
		return id, nil
	}
	if name == "HEAD" || name == "@" {
		branch, err := s.headBranch()
		if err != nil {
			return s.detachedHead(err)
		}
		name = "refs/heads/" + branch
	}
	for _, prefix := range []string{"", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"} {
		if checkRefName(prefix+name) != nil {
			continue
		}
		id, err := s.Ref(prefix + name)
		if err != nil || !id.IsZero() {
			return id, err
		}
	}
	return s.resolveAbbreviation(name)
}

func (s *Store) detachedHead(otherwise error) (Hash, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "HEAD"))
	if err != nil {
		return Hash{}, err
	}
	if id, err := ParseHash(strings.TrimSpace(string(text))); err == nil {
		return id, nil
	}
	return Hash{}, otherwise
}

func (s *Store) resolveAbbreviation(name string) (Hash, error) {
	unknown := &storeError{text: "revision " + strconv.Quote(cut(name, 100)), cause: ErrNotFound, permanent: true}
	lower := strings.ToLower(name)
	even, err := hex.DecodeString(lower[:len(lower)/2*2])
	if len(name) < 4 || len(name) > 40 || err != nil {
		return Hash{}, unknown
	}
	if _, err := s.packs.refresh(); err != nil {
		return Hash{}, err
	}
	found := map[Hash]bool{}
	accept := func(id Hash) bool { return strings.HasPrefix(id.String(), lower) && s.isCommit(id) }
	s.packs.matching(even, func(id Hash) bool { return strings.HasPrefix(id.String(), lower) }, found)
	for id := range found {
		if !accept(id) {
			delete(found, id)
		}
	}
	s.looseMatching(lower, accept, found)
	if len(found) > 1 {
		return Hash{}, &storeError{text: fmt.Sprintf("%s may mean %d commits", name, len(found)), permanent: true, hint: "give more digits"}
	}
	for id := range found {
		return id, nil
	}
	return Hash{}, unknown
}

// isCommit lets abbreviations pass over trees and blobs, as git does where a commit is meant.
func (s *Store) isCommit(id Hash) bool {
	kind, _, err := s.object(id)
	return err == nil && (kind == kindCommit || kind == kindTag)
}

func (s *Store) looseMatching(prefix string, accept func(Hash) bool, into map[Hash]bool) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "objects", prefix[:2]))
	if err != nil {
		return // no loose objects of that beginning
	}
	for _, e := range entries {
		if id, err := ParseHash(prefix[:2] + e.Name()); err == nil && accept(id) {
			into[id] = true
		}
	}
}

// peel follows tags to the commit.
func (s *Store) peel(id Hash) (Commit, error) {
	for range 5 {
		kind, content, err := s.object(id)
		if err != nil {
			return Commit{}, err
		}
		if kind != kindTag {
			return s.Commit(id)
		}
		target, _, _ := strings.Cut(strings.TrimPrefix(string(content), "object "), "\n")
		if id, err = ParseHash(target); err != nil {
			return Commit{}, err
		}
	}
	return Commit{}, &storeError{text: "tag " + id.String() + " leads to no commit", permanent: true}
}
