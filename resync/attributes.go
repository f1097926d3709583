package resync

import (
	"errors"
	"io/fs"
	"slices"
)

// attribute is something that a file system keeps beside a file: an access list, a
// label, or what a program noted there.
type attribute struct {
	name  string
	value []byte
}

const (
	accessList  = "system.posix_acl_access"
	defaultList = "system.posix_acl_default" // of a directory: for what is made in it
)

// looksOf gives a new file what its directory has, or what the access list says that the
// directory has for new files: GeoServer must be able to read what it could have written
// itself.
func (a *attempt) looksOf(f File, home string) (looks, error) {
	dir := a.way.known[home].facts
	as := looks{mode: dir.mode.Perm() & 0o666, uid: dir.uid, gid: dir.gid, mtime: a.d.options.Now()}
	wish := fs.FileMode(0o666)
	if f.Mode == ModeExecutable {
		as.mode, wish = dir.mode.Perm(), 0o777
	}
	list, err := a.inherited(home)
	if list != nil {
		as = as.listed(list.granted(wish))
	}
	return as, err
}

// folderLooks gives a new directory what the one above it has; the bit that hands the
// group down included, and the list for what is made in it.
func (a *attempt) folderLooks(home string) (looks, error) {
	dir := a.way.known[home].facts
	as := looks{mode: dir.mode.Perm() | dir.mode&fs.ModeSetgid, uid: dir.uid, gid: dir.gid}
	list, err := a.inherited(home)
	if list != nil {
		as = as.listed(list.granted(0o777))
		as.mode |= dir.mode & fs.ModeSetgid
		as.attributes = append(as.attributes, attribute{defaultList, list.bytes()})
	}
	return as, err
}

// looksLike has a file look like the one that it replaces, and be younger.
func (a *attempt) looksLike(there facts, file, home string, at slot) (looks, error) {
	as := looks{mode: there.mode, uid: there.uid, gid: there.gid, mtime: a.after(there.mtime)}
	err := a.unlessBare(home, "", func() (err error) {
		as.attributes, err = a.d.disk.attributes(a.d.at(file))
		return err
	})
	if err != nil || !at.Beside {
		return as, err
	}
	// Staged in the tree it is given the list of its directory, which the old one may lack.
	list, err := a.inherited(home)
	listed := slices.ContainsFunc(as.attributes, func(x attribute) bool { return x.name == accessList })
	if list != nil && !listed {
		as.attributes = append(as.attributes, attribute{accessList, plainACL(there.mode).bytes()})
	}
	return as, err
}

func (l looks) listed(list acl) looks {
	l.mode = list.mode()
	l.attributes = []attribute{{accessList, list.bytes()}}
	return l
}

// inherited returns the list that a directory of the tree has for what is made in it.
func (a *attempt) inherited(home string) (acl, error) {
	list, known := a.lists[home]
	if known {
		return list, nil
	}
	err := a.unlessBare(home, defaultList, func() (err error) {
		list, err = a.d.disk.defaultACL(a.d.at(home))
		return err
	})
	if err == nil {
		a.lists[home] = list
	}
	return list, err
}

// bareness is what a file system does not keep: one kind of attribute, or any ("").
type bareness struct {
	volume volume
	kind   string
}

// unlessBare asks for what the file system of a directory keeps beside its files. One
// that keeps no such thing says so once for each apply.
func (a *attempt) unlessBare(home, kind string, ask func() error) error {
	v, err := a.way.volume(home)
	if err != nil || a.bare[bareness{v, kind}] {
		return err
	}
	if err = ask(); errors.Is(err, errUnsupported) {
		a.bare[bareness{v, kind}] = true
		return nil
	}
	return err
}
