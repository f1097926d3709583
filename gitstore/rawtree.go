package gitstore

import (
	"bytes"
	"errors"
	"fmt"
)

// rawTree is a tree as it is stored: a walk through history compares ten thousands of trees that differ in one entry, and
// takes apart only what differs. Names are not looked at.
type rawTree []byte

// rawEntry is an entry of a rawTree; raw is all of it.
type rawEntry struct {
	raw, name []byte
	id        Hash
	mode      uint32
}

func (e rawEntry) isTree() bool { return e.mode&modeKind == modeDirectory }

// first gives the first entry of a tree that has one.
func (t rawTree) first() (e rawEntry, err error) {
	zero := bytes.IndexByte(t, 0)
	end := zero + 1 + len(e.id)
	if zero < 0 || len(t) < end {
		return e, errors.New("a torn entry at the end of a tree")
	}
	at := 0
	for ; at < zero && t[at] != ' '; at++ {
		if t[at] < '0' || t[at] > '7' || at > 6 {
			return e, fmt.Errorf("an entry with the mode %.10q", t[:zero])
		}
		e.mode = e.mode<<3 | uint32(t[at]-'0')
	}
	if at >= zero {
		return e, errors.New("an entry without a name")
	}
	e.raw, e.name = t[:end], t[at+1:zero]
	copy(e.id[:], t[zero+1:end])
	return e, nil
}

// compareRaw is compareEntries.
func compareRaw(a, b rawEntry) int {
	n := min(len(a.name), len(b.name))
	if c := bytes.Compare(a.name[:n], b.name[:n]); c != 0 {
		return c
	}
	return byteAt(n, a.name, a.isTree()) - byteAt(n, b.name, b.isTree())
}

// upTo drops the entries before e and takes the one of its name, if there is one.
func (t *rawTree) upTo(e rawEntry) (same rawEntry, err error) {
	for len(*t) > 0 {
		was, err := t.first()
		if err != nil {
			return rawEntry{}, err
		}
		order := compareRaw(was, e)
		if order > 0 {
			break
		}
		*t = (*t)[len(was.raw):]
		if order == 0 {
			return was, nil
		}
	}
	return rawEntry{}, nil
}

// differing calls entry with each entry of new that old has not or has otherwise.
func differing(old, new rawTree, entry func(was, e rawEntry) error) error {
	for len(new) > 0 {
		e, err := new.first()
		if err != nil {
			return err
		}
		new = new[len(e.raw):]
		if bytes.HasPrefix(old, e.raw) { // as most are
			old = old[len(e.raw):]
			continue
		}
		was, err := old.upTo(e)
		if err != nil {
			return err
		}
		if bytes.Equal(was.raw, e.raw) {
			continue
		}
		if err := entry(was, e); err != nil {
			return err
		}
	}
	return nil
}

// rawTree gives the tree by its id.
func (s *Store) rawTree(id Hash) (rawTree, error) { return s.objectOf(kindTree, id) }
