package gitstore

import (
	"errors"
	"io/fs"
	"os"
	"slices"
)

// damagedPack is an error about a pack that can not be read whole.
type damagedPack struct {
	*storeError
	base string
}

func damaged(p *pack, err error) error {
	if err == nil || errors.Is(err, os.ErrClosed) {
		return err // another process has replaced the pack, and our last look closed it
	}
	return &damagedPack{&storeError{text: p.base + ".pack is damaged", cause: err, permanent: true,
		hint: "the other packs are kept in shape without it; fetch the history again from another node, see git fsck"}, p.base}
}

// setAside leaves a pack that is damaged out of every roll-up to come, and tells whether err is about one. Copied, it
// would lose what can still be read of it; and one of fifty must not keep the others from being rolled up for ever.
func (s *Store) setAside(err error) bool {
	var d *damagedPack
	if !errors.As(err, &d) {
		return false
	}
	s.damaged.Store(d.base, err)
	s.log.Warn("pack left as it is", "path", d.base, "err", err)
	return true
}

// damage is what is known of packs that are here and damaged.
func (s *Store) damage() error {
	var all []error
	s.damaged.Range(func(base, err any) bool {
		if _, gone := os.Stat(base.(string) + ".pack"); errors.Is(gone, fs.ErrNotExist) {
			s.damaged.Delete(base)
		} else {
			all = append(all, err.(error))
		}
		return true
	})
	return errors.Join(all...)
}

func (s *Store) withoutDamaged(packs []*pack) []*pack {
	return slices.DeleteFunc(packs, func(p *pack) bool {
		_, is := s.damaged.Load(p.base)
		return is
	})
}
