package resync

import (
	"fmt"
	"path"
	"path/filepath"
	"time"
)

// attempt is one try to carry a plan out.
type attempt struct {
	d     *Directory
	id    string
	plan  Plan
	files []File // plan.Files()
	slots []slot // one for each of files
	moves []move // what goes from the stage into the tree, in this order
	kept  []string
	way   *way

	resumed bool             // a crash cut an earlier try off: parts of it are in place
	made    map[string]bool  // directories made in the stage
	beside  map[string]bool  // directories that hold staged files, for being on another file system
	touched map[string]bool  // directories of the tree whose entries changed
	staged  map[int]sighting // by the index of the file
	placed  int
	removed int
}

// move is one rename into the tree: of a file, or of a new directory with all its files.
type move struct {
	target string // path in the tree
	slot   slot
	files  []int // indices into attempt.files; one, unless folder
	folder bool
	home   string // the directory that is there already; the new ones take its looks
	staged map[int]looks
}

// survey decides from what stands on disk now where each file is staged and which
// renames bring it in. It writes nothing.
func (d *Directory) survey(plan Plan, resumed bool) (*attempt, error) {
	a := &attempt{
		d: d, id: newAttempt(), plan: plan, files: plan.Files(), way: d.way(), resumed: resumed,
		made: make(map[string]bool), beside: make(map[string]bool), touched: make(map[string]bool),
		staged: make(map[int]sighting),
	}
	a.slots = make([]slot, len(a.files))
	folders := make(map[string]int)
	for i, f := range a.files {
		if resumed {
			a.touchAll(f.Path)
		}
		if err := a.surveyFile(i, f, folders); err != nil {
			return nil, fmt.Errorf("look at %s: %w", f.Path, err)
		}
	}
	return a, nil
}

func (a *attempt) surveyFile(i int, f File, folders map[string]int) error {
	home, lacking, err := a.way.home(f.Path)
	if err != nil {
		return err
	}
	if f.New.IsZero() {
		if lacking != "" {
			return nil // not even its directory is there
		}
		a.slots[i], err = a.slot(home, fmt.Sprintf("r%d", i))
		return err
	}
	if lacking != "" {
		return a.surveyFolder(i, f, home, lacking, folders)
	}
	return a.surveyPlace(i, f, home)
}

// surveyFolder puts a file into the staged form of the topmost directory that it lacks.
func (a *attempt) surveyFolder(i int, f File, home, lacking string, folders map[string]int) error {
	at, known := folders[lacking]
	if !known {
		root, err := a.slot(home, fmt.Sprintf("d%d", i))
		if err != nil {
			return err
		}
		at = len(a.moves)
		folders[lacking] = at
		a.moves = append(a.moves, move{target: lacking, slot: root, folder: true, home: home})
	}
	m := &a.moves[at]
	m.files = append(m.files, i)
	a.slots[i] = slot{Beside: m.slot.Beside, Path: m.slot.Path + f.Path[len(lacking):]}
	return nil
}

// surveyPlace leaves a file out that is in place already: after a crash because we put
// it there, on adoption because the directory was filled from the same source.
func (a *attempt) surveyPlace(i int, f File, home string) error {
	there, err := a.d.disk.look(a.d.at(f.Path))
	if err != nil && !absent(err) {
		return err
	}
	exists := err == nil
	if exists && there.regular() && (a.resumed || f.Old.IsZero()) {
		seen, err := a.d.observe(f.Path, there)
		if err != nil {
			return err
		}
		if seen.blob == f.New {
			a.kept = append(a.kept, f.Path)
			return nil
		}
	}
	if a.slots[i], err = a.slot(home, fmt.Sprintf("f%d", i)); err != nil {
		return err
	}
	as := a.looksOf(f, home)
	if exists && there.regular() {
		as = looks{mode: there.mode, uid: there.uid, gid: there.gid, mtime: a.after(there.mtime)}
	}
	a.moves = append(a.moves, move{target: f.Path, slot: a.slots[i], files: []int{i}, home: home, staged: map[int]looks{i: as}})
	return nil
}

// touchAll has every directory above a path synced: a crash may have come between the
// rename of any of them, or in any of them, and its sync.
func (a *attempt) touchAll(file string) {
	a.touched[""] = true
	for dir := range parents(file) {
		a.touched[dir] = true
	}
}

// slot finds a place from which a rename reaches home.
func (a *attempt) slot(home, name string) (slot, error) {
	near, err := a.nearStage(home)
	if err != nil || near {
		return slot{Path: name}, err
	}
	a.beside[home] = true
	return slot{Beside: true, Path: path.Join(home, litterPrefix(a.id)+name+".tmp")}, nil
}

// nearStage reports whether a directory of the tree lies on the stage's file system.
func (a *attempt) nearStage(home string) (bool, error) {
	stage, err := a.d.stageVolume()
	if err != nil {
		return false, err
	}
	there, err := a.way.volume(home)
	return there == stage, err
}

// stageVolume asks the nearest directory that is there: the stage may not be made yet.
func (d *Directory) stageVolume() (volume, error) {
	for dir := d.stagePath(); ; dir = filepath.Dir(dir) {
		v, err := d.disk.volume(dir)
		if !absent(err) || dir == filepath.Dir(dir) {
			return v, err
		}
	}
}

// looksOf gives a new file what its directory has: GeoServer must be able to read what
// it could have written itself.
func (a *attempt) looksOf(f File, home string) looks {
	dir := a.way.known[home].facts
	as := looks{mode: dir.mode.Perm() & 0o666, uid: dir.uid, gid: dir.gid, mtime: a.d.options.Now()}
	if f.Mode == ModeExecutable {
		as.mode = dir.mode.Perm()
	}
	return as
}

// after returns a time for the successor of a file: strictly later than its own, also
// where the clock went back. GeoServer never reads a style again that grew older.
func (a *attempt) after(old time.Time) time.Time {
	now, next := a.d.options.Now(), old.Add(time.Second)
	if next.After(now) {
		return next
	}
	return now
}
