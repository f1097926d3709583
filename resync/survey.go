package resync

import (
	"fmt"
	"path"
	"path/filepath"
	"sync"
	"time"
)

// shelves is how many directories take the single files of a large plan.
const shelves = 4

// attempt is one try to carry a plan out.
type attempt struct {
	d     *Directory
	id    string
	plan  Plan
	files []File  // plan.Files()
	slots []slot  // one for each of files
	looks []looks // as well; of those that are staged
	moves []move  // what goes from the stage into the tree, in this order
	kept  []string
	way   *way

	volume  volume         // that of the stage
	resumed bool           // a crash cut an earlier try off: parts of it are in place
	calm    bool           // many syncs may be one syncfs
	folders []stagedFolder // directories of the stage
	known   map[slot]bool  // the same
	lists   map[string]acl // by a directory of the tree, for what is made in it
	bare    map[bareness]bool
	beside  map[string]bool // directories that hold staged files, for being on another file system
	touched map[string]bool // directories of the tree whose entries changed

	counting sync.Mutex // written, and the step that tells it
	written  int
	staged   []sighting // one for each of files
	placed   int
	removed  int
}

// move is one rename into the tree: of a file, or of a new directory with all its files.
type move struct {
	target string // path in the tree
	slot   slot
	files  []int // indices into attempt.files; one, unless folder
	folder bool
	home   string // the directory that is there already; the new ones take its looks
}

// survey decides from what stands on disk now where each file is staged and which
// renames bring it in. It writes nothing.
func (d *Directory) survey(plan Plan, resumed bool) (*attempt, error) {
	files := plan.Files()
	stage, err := d.stageVolume()
	if err != nil {
		return nil, fmt.Errorf("look at the place of the stage: %w", err)
	}
	a := &attempt{
		d: d, id: newAttempt(), plan: plan, files: files, way: d.way(), resumed: resumed, calm: d.isCalm(len(files)), volume: stage,
		slots: make([]slot, len(files)), looks: make([]looks, len(files)), staged: make([]sighting, len(files)),
		known: make(map[slot]bool), lists: make(map[string]acl), bare: make(map[bareness]bool), beside: make(map[string]bool), touched: make(map[string]bool),
	}
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
	var err error
	if a.looks[i], err = a.looksOf(f, home); err != nil {
		return err
	}
	return a.addFolders(m.slot, a.slots[i], home)
}

// addFolders adds the directories from a staged one down to a file, as far as they are new.
func (a *attempt) addFolders(root, file slot, home string) error {
	for dir := parent(file.Path); len(dir) >= len(root.Path); dir = parent(dir) {
		at := slot{Beside: root.Beside, Path: dir}
		if a.known[at] {
			return nil
		}
		as, err := a.folderLooks(home)
		if err != nil {
			return err
		}
		a.known[at] = true
		a.folders = append(a.folders, stagedFolder{at: at, as: as})
	}
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
	if a.slots[i], err = a.shelf(home, i); err != nil {
		return err
	}
	if exists && there.regular() {
		a.looks[i], err = a.looksLike(there, f.Path, home, a.slots[i])
	} else {
		a.looks[i], err = a.looksOf(f, home)
	}
	if err != nil {
		return err
	}
	a.moves = append(a.moves, move{target: f.Path, slot: a.slots[i], files: []int{i}, home: home})
	return nil
}

// shelf spreads many single files over some directories of the stage: files of one
// directory are made one after another, whoever makes them.
func (a *attempt) shelf(home string, i int) (slot, error) {
	name := fmt.Sprintf("f%d", i)
	at, err := a.slot(home, name)
	if err != nil || at.Beside || len(a.files) <= syncLimit {
		return at, err
	}
	shelf := slot{Path: fmt.Sprintf("s%d", i/crewRun%shelves)}
	if !a.known[shelf] {
		a.known[shelf] = true
		a.folders = append(a.folders, stagedFolder{at: shelf, as: looks{mode: 0o700, uid: -1}})
	}
	return slot{Path: path.Join(shelf.Path, name)}, nil
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
	there, err := a.way.volume(home)
	return there == a.volume, err
}

// stageVolume asks the nearest directory that is there: the state may not be made yet.
func (d *Directory) stageVolume() (volume, error) {
	for dir := d.options.State; ; dir = filepath.Dir(dir) {
		v, err := d.disk.volume(dir)
		if !absent(err) || dir == filepath.Dir(dir) {
			return v, err
		}
	}
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
