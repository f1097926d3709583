package gitstore

import (
	"bytes"
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
	// Another process may have repacked, or added a pack, since the last look.
	if again, looking := s.packs.refresh(); looking != nil {
		return 0, nil, fmt.Errorf("object %s: %w", id, looking)
	} else if again {
		if kind, content, err = s.lookForObject(id); err == nil {
			return kind, content, nil
		}
	}
	if errors.Is(err, ErrNotFound) {
		err = errors.Join(err, s.packs.damage())
	}
	return 0, nil, fmt.Errorf("object %s: %w", id, err)
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
	if s.hasNow(id) {
		return true
	}
	again, err := s.packs.refresh()
	return err == nil && again && s.hasNow(id)
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
