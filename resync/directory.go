package resync

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

// Source returns the bytes of a blob. It may be called twice for the same blob, and by
// several goroutines at once.
type Source func(Blob) ([]byte, error)

// Options say where a Directory lives and whom it tells.
type Options struct {
	Root  string // the directory that is made equal to a tree; must exist
	State string // holds the journal and the stage, mostly Root/.git/gsgit

	// Displaced takes bytes that somebody wrote to a path between the caller's look
	// at it (Before) and the rename that replaced it. It may be called twice with the
	// same bytes, after a crash; the apply stops where it fails, and keeps the bytes.
	// Without it such bytes stop the apply.
	Displaced func(path string, content []byte) error

	MinFree int64             // bytes that must stay free on each file system; 0: no such check
	Step    func(name string) // called at each crash point; may be nil
	Logger  *slog.Logger      // may be nil
	Now     func() time.Time  // may be nil: the wall clock

	// Gate is asked before each file operation, by its name and its paths; what it
	// returns stands for the operation's own error. Tests break the disk with it.
	Gate func(operation string, paths ...string) error

	// Hands is how many goroutines make, read and remove files. 0: as many as serve, and
	// one with a Gate.
	Hands int

	// Unwritten is how many bytes wait to be written on this machine, which decides how
	// many files are made durable. It may be nil: what the kernel says, or with a Gate,
	// none.
	Unwritten func() int64
}

// Directory is the one writer of a directory's tracked files. Its methods must not run
// at the same time; other programs may write into the directory whenever they like.
type Directory struct {
	options Options
	disk    disk
	seen    map[string]sighting
	wrote   map[string]sighting // what Apply put there
	last    string              // the attempt whose journal stands
	spent   []string            // attempts that are over, and whose stage may still be there
	told    map[string]Blob     // what the last Before returned, so that it is not displaced too
}

// Open returns the directory at options.Root. It writes nothing.
func Open(options Options) (*Directory, error) {
	if options.State == "" {
		return nil, errors.New("open directory: no place for the state is given")
	}
	root, err := filepath.EvalSymlinks(options.Root)
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	if options.State, err = filepath.Abs(options.State); err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	options.Root = root
	return &Directory{
		options: withDefaults(options),
		disk:    disk{gate: options.Gate},
		seen:    make(map[string]sighting),
		wrote:   make(map[string]sighting),
	}, nil
}

func withDefaults(o Options) Options {
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Unwritten == nil && o.Gate == nil {
		o.Unwritten = unwritten
	}
	if o.Unwritten == nil {
		o.Unwritten = func() int64 { return 0 }
	}
	return o
}

// at returns the place of a slash path in the directory.
func (d *Directory) at(path string) string {
	return filepath.Join(d.options.Root, filepath.FromSlash(path))
}
