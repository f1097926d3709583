package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
)

// object gives any object, checked against its id; errors.Is(err, ErrNotFound) where it is not here. The content may be
// shared with a cache: it is only to be read.
func (s *Store) object(id Hash) (kind objectKind, content []byte, err error) {
	kind, content, err = s.lookForObject(id)
	if err == nil {
		return kind, content, nil
	}
	looking := s.lookAgain(func() bool {
		kind, content, err = s.lookForObject(id)
		return err == nil
	})
	if errors.Is(err, ErrNotFound) && looking == nil && s.mendIndexes(context.Background()) {
		kind, content, err = s.lookForObject(id)
	}
	if err == nil {
		return kind, content, nil
	}
	if looking != nil {
		return 0, nil, fmt.Errorf("object %s: %w", id, looking)
	}
	if errors.Is(err, ErrNotFound) {
		return 0, nil, fmt.Errorf("object %s: %w", id, errors.Join(err, s.packs.damage()))
	}
	return 0, nil, &storeError{text: "object " + id.String(), cause: err,
		hint: "stop the node: gsgit check --repair brings back what can be had"}
}

// maxLooks bounds how often the packs are looked at again while other processes change them under our eyes.
const maxLooks = 5

// lookAgain is for what was not found: another process may have repacked, or added a pack, since the last look, and go on
// doing so. It ends where it is found, or where nothing has changed.
func (s *Store) lookAgain(found func() bool) error {
	for range maxLooks {
		if changed, err := s.packs.refresh(); err != nil || !changed || found() {
			return err
		}
	}
	return nil
}

func (s *Store) lookForObject(id Hash) (kind objectKind, content []byte, err error) {
	err = s.packs.within(id, func(p *pack, offset int64) (err error) {
		if kind, content, err = p.object(offset, &s.bases, p.find); err == nil {
			err = checkObject(id, kind, content)
		}
		return err
	})
	if err == nil {
		return kind, content, nil
	}
	loose := error(nil)
	if kind, content, loose = s.looseObject(id); loose == nil {
		return kind, content, checkObject(id, kind, content)
	}
	if errors.Is(err, ErrNotFound) {
		err = loose
	}
	return 0, nil, err
}

func checkObject(id Hash, kind objectKind, content []byte) error {
	if got := hashObject(kind, content); got != id {
		return &storeError{text: fmt.Sprintf("the %s stored as %s is really %s", kind, id, got), permanent: true,
			hint: "the repository is damaged: fetch it again from another node, see git fsck"}
	}
	return nil
}

// objectOf is object for callers that need one kind.
func (s *Store) objectOf(want objectKind, id Hash) ([]byte, error) {
	kind, content, err := s.object(id)
	if err == nil && kind != want {
		err = &storeError{text: fmt.Sprintf("%s is a %s, not a %s", id, kind, want), permanent: true}
	}
	return content, err
}

// Has tells whether the object is here, without reading it.
func (s *Store) Has(id Hash) bool {
	has := s.hasNow(id)
	if !has {
		_ = s.lookAgain(func() bool { has = s.hasNow(id); return has }) // what can not be looked at is not here
	}
	return has
}

func (s *Store) hasNow(id Hash) bool {
	if s.packs.has(id) {
		return true
	}
	info, err := os.Lstat(s.loosePath(id))
	return err == nil && info.Size() > 0
}

// Blob is the content of a file, byte for byte.
func (s *Store) Blob(id Hash) ([]byte, error) {
	content, err := s.objectOf(kindBlob, id)
	return bytes.Clone(content), err
}
