package gitstore

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// packSet is the packs of a repository, newest first. Other processes add and remove packs: what is not found is looked
// for once more after a fresh look at the directory.
type packSet struct {
	dir     string
	mu      sync.RWMutex // held for reading during every read of a pack, so that none is closed under a reader
	packs   []*pack
	last    atomic.Pointer[pack] // that had the object last looked for: its neighbours are asked for next
	broken  []error              // packs that could not be opened at the last look
	stamp   time.Time            // modification time of the directory at the last look
	looked  time.Time
	closed  bool
	retired func() // called when a pack was closed
}

var errClosed = errors.New("the repository was closed")

// within calls read with each pack that holds id until one gives no error.
func (s *packSet) within(id Hash, read func(p *pack, offset int64) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	err := ErrNotFound
	try := func(p *pack) bool {
		offset, ok := p.index.find(id)
		if ok {
			err = read(p, offset)
		}
		return ok && err == nil
	}
	last := s.last.Load()
	if last != nil && try(last) {
		return nil
	}
	for _, p := range s.packs {
		if p != last && try(p) {
			s.last.Store(p)
			return nil
		}
	}
	return err
}

func (s *packSet) has(id Hash) bool {
	return s.within(id, func(*pack, int64) error { return nil }) == nil
}

// add takes a pack in, in the place of the one of its name: that may be open still though its file was damaged or
// removed.
func (s *packSet) add(p *pack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		p.file.Close()
		return
	}
	s.packs = slices.DeleteFunc(s.packs, func(q *pack) bool {
		if q.base == p.base {
			q.file.Close()
		}
		return q.base == p.base
	})
	s.packs = append([]*pack{p}, s.packs...)
	s.last.Store(nil)
}

// settled is how old a directory's time stamp must be before an equal one proves that nothing was added: the kernel's
// clock for it ticks in milliseconds.
const settled = 100 * time.Millisecond

// refresh looks at the directory again and tells whether it holds something else than at the last look, or is being
// changed: then a look once more may find more.
func (s *packSet) refresh() (bool, error) {
	info, err := os.Stat(s.dir)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, errClosed
	}
	if info.ModTime().Equal(s.stamp) && s.looked.Sub(s.stamp) > settled {
		return false, nil
	}
	s.stamp, s.looked = info.ModTime(), time.Now()
	return s.look()
}

func (s *packSet) look() (changed bool, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return false, err
	}
	known := map[string]*pack{}
	for _, p := range s.packs {
		known[p.name()] = p
	}
	var found []*pack
	s.broken = nil
	for _, e := range entries {
		name, isIndex := strings.CutSuffix(e.Name(), ".idx")
		if !isIndex || strings.HasPrefix(name, ".") {
			continue
		}
		p, ok := known[name]
		if !ok {
			if p, err = openPack(filepath.Join(s.dir, name)); err != nil {
				s.broken = append(s.broken, err)
				// Replaced between the list and now: what replaced it may not stand in the list.
				changed = changed || errors.Is(err, fs.ErrNotExist) && !exists(filepath.Join(s.dir, e.Name()))
				continue
			}
			changed = true
		}
		delete(known, name)
		found = append(found, p)
	}
	changed = changed || len(known) > 0
	s.replace(found, known)
	return changed, nil
}

// replace puts the packs found in place and closes those that are gone.
func (s *packSet) replace(found []*pack, gone map[string]*pack) {
	times := make(map[*pack]time.Time, len(found))
	for _, p := range found {
		if info, err := p.file.Stat(); err == nil {
			times[p] = info.ModTime()
		}
	}
	slices.SortStableFunc(found, func(a, b *pack) int {
		return cmp.Or(times[b].Compare(times[a]), cmp.Compare(a.base, b.base))
	})
	s.packs = found
	s.last.Store(nil)
	for _, p := range gone {
		p.file.Close()
	}
	if len(gone) > 0 && s.retired != nil {
		s.retired()
	}
}

// forget makes the next refresh look, whatever the directory's time says.
func (s *packSet) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stamp = time.Time{}
}

func (s *packSet) list() []*pack {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.packs)
}

// damage is what kept packs from being opened, to be told where an object is missed.
func (s *packSet) damage() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return errors.Join(s.broken...)
}

// matching gives up to two ids that start with the bytes and the further half-byte, if any.
func (s *packSet) matching(prefix []byte, accept func(Hash) bool, into map[Hash]bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.packs {
		i, _ := p.index.search(prefix)
		for ; i < p.index.count && len(into) < 100; i++ {
			id := p.index.id(i)
			if !bytes.HasPrefix(id[:], prefix) {
				break
			}
			if accept(id) {
				into[id] = true
			}
		}
	}
}

func (s *packSet) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, p := range s.packs {
		err = errors.Join(err, p.file.Close())
	}
	s.packs, s.closed = nil, true
	s.last.Store(nil)
	return err
}
