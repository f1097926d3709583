package gsgit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/watcher"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// The marker refs of docs/architecture.md: moved after the fact, so that a crash repeats a step instead of losing it.
const (
	DiskRef      = "refs/gsgit/disk"
	AnnouncedRef = "refs/gsgit/announced"
	AppliedRef   = "refs/gsgit/applied"
	PinnedRef    = "refs/gsgit/pinned"
	driftRefs    = "refs/gsgit/drift/"
)

// Publisher records the edits of a primary's data directory as commits.
//
// Observe tells it where to look, Sync looks and commits what is ready. The head of the branch, the marker
// refs/gsgit/disk and the directory are all it believes; what it keeps in memory can be lost at any time.
type Publisher struct {
	Dir      *Directory
	Store    *gitstore.Store
	Files    *resync.Directory // knows of an apply that was cut off here; nil: none ever ran
	Instance string
	Hold     time.Duration // how long an incomplete batch may wait, from its first event
	MinFree  uint64        // bytes that are left to the GeoServer on its volume
	MaxNew   int           // how many new files that are no configuration one look may take in; 0: any number
	Force    bool          // take in what the guard would keep out, until all that is there now is committed
	Log      *slog.Logger
	Step     func(string)           // crash points of tests; may be nil
	Lock     func() (func(), error) // takes the write lock; may be nil
	// Recorded is called after each commit with what it means, the announcer's hint; may be nil.
	Recorded func(commit gitstore.Hash, m xmlcatalog.Message)

	mu      sync.Mutex
	pending pending
	held    map[string]HeldFile

	since   map[string]time.Time // when what is incomplete was first seen to be, by path
	retryAt time.Time            // when held files that could not be read are tried again

	head      gitstore.Hash       // what catalog describes; zero: nothing is loaded
	meant     bool                // a person says that the disk is as it should be
	untracked bool                // the head was looked through for what is no longer tracked
	catalog   *xmlcatalog.Catalog // of head, with held files as the head has them
}

// HeldFile is one file that is on disk and not in history.
type HeldFile struct {
	Object string `json:"object"`
	Path   string `json:"path"`
	Class  string `json:"class"`
	What   string `json:"what"`
	Hint   string `json:"-"` // what a person can do

	broken bool // it can not be parsed
	name   bool // git can not hold its name
	unread bool // it could not be read: tried again by time, since its mending may make no event
	guard  bool // it can be read and is kept out all the same
	crowd  bool // it stands for all new files below a directory
}

// Observe takes in a batch of the watcher. It may be called from any goroutine.
func (p *Publisher) Observe(b watcher.Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	// No hold is counted from a time to come, whatever clock told it.
	if b.First.After(now) {
		b.First = now
	}
	if b.Last.After(now) {
		b.Last = now
	}
	p.pending.add(b)
}

// Idle tells whether nothing is pending.
func (p *Publisher) Idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pending.empty()
}

// LookAtAll asks for a look at the whole directory: at start, and when events were lost.
func (p *Publisher) LookAtAll() {
	now := time.Now()
	p.Observe(watcher.Batch{Lost: true, First: now, Last: now})
}

// Sync commits what is ready, and says when to look again.
func (p *Publisher) Sync(ctx context.Context) (time.Duration, error) {
	release, err := p.lock()
	if err != nil {
		return 0, err
	}
	defer release()
	if err := enoughSpace(p.Store, p.MinFree); err != nil {
		return 0, err
	}
	if err := p.align(ctx); err != nil {
		return 0, err
	}
	return p.record(ctx)
}

func (p *Publisher) lock() (func(), error) {
	if p.Lock == nil {
		return func() {}, nil
	}
	return p.Lock()
}

// align makes sure that the marker stands at the head and that the catalog describes it. A head beyond the
// marker is ours where a crash cut the marker off; anything else is foreign, and recording on top of it
// would commit its reversal.
func (p *Publisher) align(ctx context.Context) error {
	head, err := p.Store.Ref(p.Store.BranchRef())
	if err != nil {
		return err
	}
	if err := p.whole(ctx); err != nil {
		return err
	}
	disk, err := p.Store.Ref(DiskRef)
	if err != nil {
		return err
	}
	if head.IsZero() {
		if err := p.importAll(ctx); err != nil {
			return err
		}
		return p.load(p.head)
	}
	if disk != head {
		if err := p.claim(ctx, disk, head); err != nil {
			return err
		}
		p.LookAtAll()
	}
	if err := p.load(head); err != nil {
		return err
	}
	return p.untrack(ctx)
}

// claim moves the marker up to the head if every commit in between is this instance's own.
func (p *Publisher) claim(ctx context.Context, disk, head gitstore.Hash) error {
	if disk.IsZero() {
		return p.foreign(head)
	}
	for c, err := range p.Store.Log(ctx, head) {
		if err != nil {
			return fmt.Errorf("read the history beyond the marker: %w", err)
		}
		if c.ID == disk {
			return p.Store.SetRef(ctx, DiskRef, disk, head)
		}
		if !p.own(c) {
			return p.foreign(c.ID)
		}
	}
	return p.foreign(head)
}

func (p *Publisher) own(c gitstore.Commit) bool {
	instances := c.Trailers("Gsgit-Instance")
	return c.Committer.Name == committerName && len(instances) == 1 && instances[0] == p.Instance
}

func (p *Publisher) foreign(commit gitstore.Hash) error {
	return &Problem{State: Held, Why: fmt.Sprintf("%s has commit %s, which is not this node's and is not in the directory", p.Store.Branch(), commit),
		Help: "bring it into the directory with `gsgit resync --to COMMIT`, or go on from the directory with `gsgit resync --keep-disk`"}
}

// load reads the catalog of the head, once: commits of our own are absorbed as they are made.
func (p *Publisher) load(head gitstore.Hash) error {
	if p.head == head && p.catalog != nil {
		return nil
	}
	catalog, err := catalogAt(p.Store, head)
	if err != nil {
		return err
	}
	p.head, p.catalog = head, catalog
	return nil
}

// record looks at what is pending, decides by the ready rule, and commits.
func (p *Publisher) record(ctx context.Context) (time.Duration, error) {
	p.mu.Lock()
	batch := p.pending
	p.pending = pending{}
	p.mu.Unlock()
	retry := p.retry(&batch)
	if batch.empty() {
		return retry, nil
	}
	left, wait, err := p.settle(ctx, batch)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending.putBack(left)
	if err == nil && p.pending.empty() {
		p.Force = false
	}
	return earlier(wait, p.retry(nil)), err
}

// settle commits what is ready of a batch. It gives what is left of it, and when to look at that again.
func (p *Publisher) settle(ctx context.Context, batch pending) (left pending, wait time.Duration, err error) {
	whole := batch.all
	s, err := p.lookSafely(&batch)
	if err != nil {
		return batch, 0, err
	}
	now := time.Now()
	v := p.weigh(batch, s, now)
	if v.forced && !whole && p.overdue(now) {
		// Before anything is named: what it lacks may be there, and its event still on the way.
		batch.all = true
		if s, err = p.lookSafely(&batch); err != nil {
			return batch, 0, err
		}
		v = p.weigh(batch, s, now)
	}
	switch {
	case !v.commit:
		return batch, p.nextLook(s, v.wait), nil
	case !v.forced:
		if err := p.commitSome(ctx, s.edits, nil); err != nil {
			return batch, 0, err // its events will not come again
		}
		return pending{}, 0, nil
	}
	return p.force(ctx, batch, s, now)
}

// weigh judges what was seen.
func (p *Publisher) weigh(batch pending, s sight, now time.Time) verdict {
	want := p.wants(s)
	p.age(want, batch.recent, now)
	r := readiness{complete: len(want) == 0, removes: xmlcatalog.Removes(p.catalog, p.catalog.With(s.edits), s.edits)}
	return judge(now, batch.first, batch.last, r, p.Hold)
}

// lookSafely looks, and narrows the batch to what differs: all else equals the head, and its events would
// come. A volume that was unmounted under us, before the look or while it went on, must not be recorded as
// the deletion of everything.
func (p *Publisher) lookSafely(batch *pending) (sight, error) {
	if err := p.stillThere(); err != nil {
		return sight{}, err
	}
	s, err := p.look(*batch)
	if err == nil {
		err = p.stillThere()
	}
	if err == nil {
		err = p.emptied(s.edits)
	}
	if err != nil {
		return s, err
	}
	p.mended(*batch, s)
	s.edits = p.news(s)
	p.known(s.unread)
	batch.paths, batch.all = s.paths(), false
	return s, nil
}

// stillThere tells that the directory is a data directory still.
func (p *Publisher) stillThere() error {
	_, had, err := p.Store.Lookup(p.head, "global.xml")
	if err != nil || !had {
		return err
	}
	if !p.Dir.Has("global.xml") {
		return &Problem{State: Held, Why: "global.xml is gone from the data directory: is its volume mounted?",
			Help: "nothing is recorded until it is back"}
	}
	return nil
}

// notable leaves out what is only a note: it is never a reason to wait and never a trailer.
func notable(damage []xmlcatalog.Damage) []xmlcatalog.Damage {
	var all []xmlcatalog.Damage
	for _, d := range damage {
		if d.Class != xmlcatalog.Note {
			all = append(all, d)
		}
	}
	return all
}
