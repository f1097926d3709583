package resync

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// journal is what must be known to end an apply that a crash cut off: the plan, and
// where each of its files was staged, or set aside, when it was written.
type journal struct {
	Version int    `json:"version"`
	Attempt string `json:"attempt"`
	Plan    Plan   `json:"plan"`
	Slots   []slot `json:"slots"` // one for each of Plan.Files()
}

// slot is the place outside the tree where a file waits for its rename. The rename is
// an exchange, so that afterwards the slot holds what stood in the tree before.
type slot struct {
	Beside bool   `json:"beside,omitzero"` // below the root, on another file system than the stage
	Path   string `json:"path,omitempty"`  // "": the file needs none
}

const journalVersion = 1

func (d *Directory) journalPath() string { return filepath.Join(d.options.State, "journal.json") }
func (d *Directory) draftPath() string   { return d.journalPath() + ".tmp" }
func (d *Directory) stagePath() string   { return filepath.Join(d.options.State, "stage") }

func (d *Directory) attemptPath(attempt string) string { return filepath.Join(d.stagePath(), attempt) }

// resolve returns the place of a slot of an attempt.
func (d *Directory) resolve(attempt string, s slot) string {
	if s.Beside {
		return d.at(s.Path)
	}
	return filepath.Join(d.attemptPath(attempt), filepath.FromSlash(s.Path))
}

func newAttempt() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// writeJournal makes the journal survive a power cut before a tracked file changes.
func (d *Directory) writeJournal(j journal) error {
	content, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	draft := d.draftPath()
	if err := d.disk.remove(draft); err != nil && !absent(err) {
		return fmt.Errorf("write the journal: %w", err)
	}
	if _, err := d.disk.write(draft, content, looks{mode: 0o600, uid: -1}, syncNow); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := d.disk.rename(draft, d.journalPath()); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := d.disk.sync(d.options.State); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// readJournal returns nil where no apply was cut off.
func (d *Directory) readJournal() (*journal, error) {
	content, err := d.disk.read(d.journalPath())
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	var j journal
	err = json.Unmarshal(content, &j)
	if err == nil && (j.Version != journalVersion || len(j.Slots) != j.Plan.Len()) {
		err = fmt.Errorf("version %d with %d places for %d files", j.Version, len(j.Slots), j.Plan.Len())
	}
	if err == nil {
		err = checkPaths(j.Plan.Files())
	}
	if err != nil {
		return nil, &Error{
			what:  "read the journal " + d.journalPath(),
			hint:  "move it away: the directory is then compared file by file",
			cause: err,
		}
	}
	return &j, nil
}

// Pending returns the plan of an apply that was cut off, and whether there is one. The
// caller applies it again, moves its own markers and calls Done. Until then Apply
// takes no other plan: parts of this one already stand in the directory.
func (d *Directory) Pending() (Plan, bool, error) {
	j, err := d.readJournal()
	if err != nil || j == nil {
		return Plan{}, false, err
	}
	return j.Plan, true, nil
}

// Done forgets the last apply, once the caller has moved its own markers. A journal
// that a power cut brings back is harmless: its plan is in place already.
func (d *Directory) Done() error {
	if err := d.Finish(); err != nil {
		return err
	}
	return d.Clean()
}

// Finish is Done that leaves the stage to Sweep: the caller has others waiting.
func (d *Directory) Finish() error {
	if err := d.disk.remove(d.journalPath()); err != nil && !absent(err) {
		return fmt.Errorf("drop the journal: %w", err)
	}
	if d.last != "" {
		d.spent = append(d.spent, d.last)
		d.last = ""
	}
	return nil
}

// Sweep removes what the applies before it set aside. Unlike everything else it may run
// beside another process that works on the same directory: it touches nothing but that.
func (d *Directory) Sweep() error {
	for len(d.spent) > 0 {
		if err := d.discard(d.spent[0]); err != nil {
			return fmt.Errorf("clear what was set aside: %w", err)
		}
		d.spent = d.spent[1:]
	}
	return nil
}

// Clean removes what a crash left staged, but for what the journal still needs.
func (d *Directory) Clean() error {
	left, err := d.readJournal()
	if err != nil {
		return err
	}
	if err := d.disk.remove(d.draftPath()); err != nil && !absent(err) {
		return fmt.Errorf("clean the stage: %w", err)
	}
	attempts, err := d.disk.list(d.stagePath())
	if absent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clean the stage: %w", err)
	}
	for _, attempt := range attempts {
		if left != nil && attempt.Name() == left.Attempt {
			continue
		}
		if err := d.discard(attempt.Name()); err != nil {
			return fmt.Errorf("clean the stage: %w", err)
		}
	}
	return nil
}

// besideName lists the directories of the tree that hold litter of an attempt. It is
// durable before the first such file is made, so that no crash leaves one unlisted.
const besideName = "beside.json"

func (d *Directory) discard(attempt string) error {
	dirs, err := d.besideDirs(attempt)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := d.sweep(dir, attempt); err != nil {
			return err
		}
	}
	// Or a power cut takes the list away, and brings back what it named.
	if err := each(d.atMost(syncHands), len(dirs), func(i int) error { return d.syncInTree(dirs[i]) }); err != nil {
		return err
	}
	return d.drop(d.attemptPath(attempt))
}

// drop removes a directory of the stage, several of its entries at a time: on some disks
// each file waits until its blocks are given back.
func (d *Directory) drop(dir string) error {
	entries, err := d.disk.list(dir)
	if err != nil {
		return ignoreAbsent(err)
	}
	err = each(d.atMost(syncHands), len(entries), func(i int) error {
		return d.disk.removeAll(filepath.Join(dir, entries[i].Name()))
	})
	if err != nil {
		return err
	}
	return d.disk.removeAll(dir)
}

// besideDirs takes a torn list for none: it is synced before anything is staged beside.
func (d *Directory) besideDirs(attempt string) ([]string, error) {
	content, err := d.disk.read(filepath.Join(d.attemptPath(attempt), besideName))
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var dirs []string
	if json.Unmarshal(content, &dirs) != nil {
		return nil, nil
	}
	return slices.DeleteFunc(dirs, func(dir string) bool { return dir != "" && unsafePath(dir) != "" }), nil
}

// sweep removes one attempt's litter from a directory of the tree.
func (d *Directory) sweep(dir, attempt string) error {
	entries, err := d.disk.list(d.at(dir))
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	ours := func(e fs.DirEntry) bool {
		return isLitter(e.Name()) && strings.HasPrefix(e.Name(), litterPrefix(attempt))
	}
	for _, entry := range entries {
		if !ours(entry) {
			continue
		}
		if err := d.disk.removeAll(filepath.Join(d.at(dir), entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func litterPrefix(attempt string) string { return ".gsgit-" + attempt + "-" }

// makeState makes the directories of the package's own files, for our eyes alone: what
// is staged may be a store's password.
//
// The stage of many files lies apart from the last one. An ext4 without a journal gives
// no inode out again for minutes, and looks at each such inode on its way to a free one:
// beside the files that the last apply let go, making new ones takes ten times as long.
func (d *Directory) makeState(attempt string, many bool) error {
	if err := d.disk.ask("mkdir", d.attemptPath(attempt)); err != nil {
		return err
	}
	_, before := os.Lstat(d.options.State)
	if err := os.MkdirAll(d.stagePath(), 0o700); err != nil {
		return err
	}
	create := func() error { return makePrivate(d.attemptPath(attempt)) }
	var err error
	if many {
		err = apart(d.stagePath(), create)
	} else {
		err = create()
	}
	if err != nil || !absent(before) {
		return err
	}
	return d.disk.sync(filepath.Dir(d.options.State)) // or a power cut takes the journal with its directory
}

// makePrivate makes a directory that hands nothing down which the one above it may have
// for new files.
func makePrivate(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return inheritNothing(dir)
}
