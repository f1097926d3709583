package watcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// The ways to notice edits, for [Options.Mode] and [Stats.Mode].
const (
	Auto   = "auto"   // events where they can come, else scans
	Events = "events" // events, or Start fails; scans if they end later
	Poll   = "poll"   // scans alone
)

// Options says what to watch. Root is needed, all else has a default.
type Options struct {
	// Root is the directory. If it is a symbolic link, what it leads to at
	// the start is watched.
	Root string
	// Descend tells whether something tracked may lie below a directory, and
	// Tracked whether a file is; nil is all. Both are called from several
	// goroutines at once.
	Descend func(dir string) bool
	Tracked func(path string) bool
	// A batch is handed out Settle (100 ms) after its last event, or Cap (ten
	// times Settle) after its first though events go on. Without events it is
	// once a second look, Settle after the first, finds nothing new.
	Settle, Cap time.Duration
	// Scan (5 min) is how often the whole tree is looked at, PollEvery (5 s)
	// how often where there are no events.
	Scan, PollEvery time.Duration
	// Mode is Auto (the default), Events or Poll.
	Mode   string
	Logger *slog.Logger

	// listen opens the events; a test may put something in between.
	listen func(want func(fsnotify.Event) bool) (*events, error)
}

func (o *Options) check() error {
	all := func(string) bool { return true }
	if o.Descend == nil {
		o.Descend = all
	}
	if o.Tracked == nil {
		o.Tracked = all
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.listen == nil {
		o.listen = listen
	}
	o.Settle = or(o.Settle, 100*time.Millisecond)
	o.Cap = or(o.Cap, 10*o.Settle)
	o.Scan = or(o.Scan, 5*time.Minute)
	o.PollEvery = or(o.PollEvery, 5*time.Second)
	switch o.Mode {
	case "":
		o.Mode = Auto
	case Auto, Events, Poll:
	default:
		return fmt.Errorf("watch mode %q is none of auto, events, poll", o.Mode)
	}
	root, err := filepath.EvalSymlinks(o.Root)
	if err != nil {
		return err
	}
	o.Root, err = filepath.Abs(root)
	return err
}

func or(d, other time.Duration) time.Duration {
	if d <= 0 {
		return other
	}
	return d
}

// Stats is how a watcher does at present.
type Stats struct {
	Mode      string // Events or Poll
	Why       string // why it is Poll, "" where that was asked for
	Watches   int    // directories with a watch
	Overflows int    // how often events were lost
	Scans     int    // scans of the whole tree, the first one not counted
	Err       error  // the root has gone or is another directory; nil if all is well
}

// Watcher watches one tree.
type Watcher struct {
	batches chan Batch
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	stats Stats
}

// Start returns when every directory has its watch and was looked at: an edit
// from then on is told. It ends with ctx or Close. An error has a Hint.
func Start(ctx context.Context, o Options) (*Watcher, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("watch %s: %w", o.Root, err)
	}
	info, err := os.Stat(o.Root)
	if err == nil && !info.IsDir() {
		err = errors.New("it is no directory")
	}
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", o.Root, err)
	}
	ctx, stop := context.WithCancel(ctx)
	w := &Watcher{batches: make(chan Batch), stop: stop}
	q := &quiet{settle: o.Settle, limit: o.Cap, in: make(chan hint), out: w.batches}
	k := newKeeper(o, w, q.in)
	if err := k.begin(ctx); err != nil {
		stop()
		return nil, fmt.Errorf("watch %s: %w", o.Root, err)
	}
	w.running.Add(2)
	go func() { defer w.running.Done(); q.run(ctx) }()
	go func() { defer w.running.Done(); k.run(ctx) }()
	return w, nil
}

// Batches is where batches are handed out, one for each receive. What nobody
// takes is kept and merged. It is never closed.
func (w *Watcher) Batches() <-chan Batch { return w.batches }

// Stats tells how the watcher does.
func (w *Watcher) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Close ends the watching; when it returns nothing of it runs any more. A
// batch that was not taken is dropped. It may be called twice.
func (w *Watcher) Close() error {
	w.stop()
	w.running.Wait()
	return nil
}

func (w *Watcher) record(change func(*Stats)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.stats)
}
