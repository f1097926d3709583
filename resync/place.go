package resync

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
)

// swap is a path whose former file now lies in a slot, still to be looked at.
type swap struct {
	file File
	slot string
}

// placeAll brings every staged file and directory in, the shallowest first. What was
// displaced is looked at afterwards: the time between the first and the last rename is
// what a reader could see half of.
func (a *attempt) placeAll() error {
	slices.SortStableFunc(a.moves, func(x, y move) int {
		return parentsFirst(File{Path: x.target}, File{Path: y.target})
	})
	var swaps []swap
	for _, m := range a.moves {
		came, err := a.place(m)
		swaps = append(swaps, came...)
		if err != nil {
			return fmt.Errorf("put %s in its place: %w", m.target, err)
		}
		a.placed++
		a.d.step("resync.rename", a.placed)
	}
	return a.inspectAll(swaps)
}

// inspectAll reads all that came out of the tree, and then hands the foreign bytes on.
func (a *attempt) inspectAll(swaps []swap) error {
	foreign := make([][]byte, len(swaps))
	err := each(a.d.hands(), len(swaps), func(i int) (err error) {
		foreign[i], err = a.d.foreign(swaps[i].file, swaps[i].slot)
		return err
	})
	if err != nil {
		return err
	}
	for i, content := range foreign {
		if content == nil {
			continue
		}
		if err := a.d.displace(swaps[i].file.Path, content, swaps[i].slot); err != nil {
			return err
		}
	}
	return nil
}

func (a *attempt) place(m move) ([]swap, error) {
	a.touched[parent(m.target)] = true
	if m.folder {
		return a.placeFolder(m)
	}
	return a.placeFile(m.files[0])
}

// placeFolder lets a new directory appear whole. Where somebody made it meanwhile, its
// files are placed one by one.
func (a *attempt) placeFolder(m move) ([]swap, error) {
	from, to := a.d.resolve(a.id, m.slot), a.d.at(m.target)
	err := a.d.disk.renameNew(from, to)
	if errors.Is(err, errUnsupported) {
		err = a.d.disk.rename(from, to)
	}
	if err == nil {
		return nil, nil
	}
	if !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, syscall.ENOTDIR) {
		return nil, err
	}
	var swaps []swap
	for _, i := range m.files {
		if err := a.makeParents(m, a.files[i].Path); err != nil {
			return swaps, err
		}
		came, err := a.placeFile(i)
		swaps = append(swaps, came...)
		if err != nil {
			return swaps, err
		}
	}
	return swaps, nil
}

// makeParents makes the directories of one file in the tree, as far as they lack.
func (a *attempt) makeParents(m move, file string) error {
	fresh := a.d.way() // what the survey saw is no longer so
	for {
		_, lacking, err := fresh.home(file)
		if err != nil {
			return err
		}
		a.touched[parent(file)] = true
		if lacking == "" {
			return nil
		}
		a.touched[parent(lacking)] = true
		as, err := a.folderLooks(m.home)
		if err != nil {
			return err
		}
		if err := a.d.disk.mkdir(a.d.at(lacking), as); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		delete(fresh.known, lacking)
		if s, err := fresh.at(lacking); err != nil || s.station != folder {
			return errors.Join(err, &Error{what: quoted(lacking) + " is no directory", hint: hintLink})
		}
	}
}

// placeFile puts one staged file where a plan wants it. A file that stands there comes
// out into the slot; both cases are tried until one holds, since others write too.
func (a *attempt) placeFile(i int) ([]swap, error) {
	f := a.files[i]
	from, to := a.d.resolve(a.id, a.slots[i]), a.d.at(f.Path)
	occupied := !f.Old.IsZero()
	for range 8 {
		move := a.d.disk.renameNew
		if occupied {
			move = a.d.disk.exchange
		}
		err := move(from, to)
		switch {
		case err == nil && occupied:
			return a.exchanged(i, from, to)
		case err == nil:
			return nil, nil
		case errors.Is(err, errUnsupported):
			return nil, a.replace(f, from, to)
		case occupied && !absent(err), !occupied && !errors.Is(err, fs.ErrExist):
			return nil, explainBusy(err)
		}
		occupied = !occupied
	}
	return nil, errors.New("it comes and goes too fast")
}

// exchanged takes an exchange back that brought out something else than a file, and
// keeps the new file younger than what it replaced.
func (a *attempt) exchanged(i int, slot, place string) ([]swap, error) {
	f := a.files[i]
	old, err := a.d.disk.look(slot)
	if err != nil {
		return nil, err
	}
	if old.mode.IsDir() && a.d.removeEmpty(slot) == nil {
		return nil, nil
	}
	if !old.regular() {
		return nil, a.takeBack(f.Path, slot, place)
	}
	found := []swap{{file: f, slot: slot}}
	if a.staged[i].mtime.After(old.mtime) {
		return found, nil
	}
	return found, ignoreAbsent(a.d.disk.touch(place, a.after(old.mtime)))
}

func (a *attempt) takeBack(path, slot, place string) error {
	if err := a.d.disk.exchange(slot, place); err != nil {
		return err
	}
	return &Error{what: quoted(path) + " is no regular file, and is left as it is", hint: hintLink}
}

// replace serves file systems without an exchange (overlays, network shares): the file
// is looked at, and kept, before the rename instead of after.
func (a *attempt) replace(f File, from, to string) error {
	old, err := a.d.disk.look(to)
	switch {
	case absent(err):
		return explainBusy(a.d.disk.rename(from, to))
	case err != nil:
		return err
	case old.mode.IsDir() && a.d.removeEmpty(to) == nil:
		return explainBusy(a.d.disk.rename(from, to))
	case !old.regular():
		return &Error{what: quoted(f.Path) + " is no regular file, and is left as it is", hint: hintLink}
	}
	if err := a.d.inspect(f, to); err != nil {
		return err
	}
	return explainBusy(a.d.disk.rename(from, to))
}

// inspect hands bytes on that are neither what the plan expected nor what it brings.
func (d *Directory) inspect(f File, place string) error {
	content, err := d.foreign(f, place)
	if err != nil || content == nil {
		return err
	}
	return d.displace(f.Path, content, place)
}

// foreign reads a file, and returns its bytes if they are somebody's.
func (d *Directory) foreign(f File, place string) ([]byte, error) {
	content, err := d.disk.read(place)
	if err != nil {
		return nil, ignoreAbsent(err)
	}
	blob := HashBlob(content)
	told, known := d.told[f.Path]
	if blob == f.Old || blob == f.New || known && blob == told {
		return nil, nil
	}
	if content == nil {
		content = []byte{}
	}
	return content, nil
}

func (d *Directory) displace(path string, content []byte, place string) error {
	if d.options.Displaced == nil {
		return &Error{
			what: quoted(path) + " changed while it was being replaced; its bytes are in " + place,
			hint: "keep them if you need them, then start again",
		}
	}
	if err := d.options.Displaced(path, content); err != nil {
		return fmt.Errorf("keep what somebody wrote to %s: %w", path, err)
	}
	return nil
}

// explainBusy gives the cause of a rename that can not work: a container engine can
// mount a single file, and a mount point is not replaced.
func explainBusy(err error) error {
	if !errors.Is(err, syscall.EBUSY) {
		return err
	}
	return &Error{what: "it is a mount of its own", hint: "leave it to this node with --local", cause: err}
}

func ignoreAbsent(err error) error {
	if absent(err) {
		return nil
	}
	return err
}
