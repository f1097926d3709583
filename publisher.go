package gsgit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gsgit/gsgit/gitstore"
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
	Instance string
	Hold     time.Duration // how long an incomplete batch may wait, from its first event
	MinFree  uint64        // bytes that are left to the GeoServer on its volume
	Log      *slog.Logger
	Step     func(string)           // crash points of tests; may be nil
	Lock     func() (func(), error) // takes the write lock; may be nil
	// Recorded is called after each commit with what it means, the announcer's hint; may be nil.
	Recorded func(commit gitstore.Hash, m xmlcatalog.Message)

	mu      sync.Mutex
	pending pending
	held    map[string]HeldFile

	head    gitstore.Hash       // what catalog describes; zero: nothing is loaded
	catalog *xmlcatalog.Catalog // of head, with held files as the head has them
}

// HeldFile is one file that is on disk and not in history.
type HeldFile struct {
	Object string `json:"object"`
	Path   string `json:"path"`
	Class  string `json:"class"`
	What   string `json:"what"`
}

// Observe takes in a batch of the watcher. It may be called from any goroutine.
func (p *Publisher) Observe(b watcher.Batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
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
	if head.IsZero() {
		return p.importAll(ctx)
	}
	disk, err := p.Store.Ref(DiskRef)
	if err != nil {
		return err
	}
	if disk != head {
		if err := p.claim(ctx, disk, head); err != nil {
			return err
		}
		p.LookAtAll()
	}
	return p.load(head)
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
		Help: "bring it into the directory with `gsgit restore`, or go on from the directory with `gsgit resync --keep-disk`"}
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
	if batch.empty() {
		return 0, nil
	}
	wait, err := p.settle(ctx, batch)
	if wait > 0 || err != nil {
		p.Observe(batch.batch())
	}
	if errors.Is(err, errMoving) {
		return removalWait, nil // its event comes; the wait is for a file system without events
	}
	return wait, err
}

// settle commits a batch, or says how long it has to wait.
func (p *Publisher) settle(ctx context.Context, batch pending) (time.Duration, error) {
	if err := p.stillThere(); err != nil {
		return 0, err
	}
	edits, err := p.edits(batch.list())
	if err != nil {
		return 0, err
	}
	after := p.catalog.With(edits)
	damage := notable(xmlcatalog.NewDamage(p.catalog, after, edits))
	r := readiness{
		complete: len(damage) == 0 && len(xmlcatalog.Unfinished(edits)) == 0,
		removes:  xmlcatalog.Removes(p.catalog, after, edits),
	}
	v := judge(time.Now(), batch.first, batch.last, r, p.Hold)
	if !v.commit {
		return v.wait, nil
	}
	if v.forced {
		edits, damage = p.holdBack(edits)
	}
	p.forget(batch, edits)
	if len(edits) == 0 {
		return 0, nil
	}
	return 0, p.commit(ctx, edits, damage)
}

// stillThere stops a volume that was unmounted under us from being recorded as the deletion of everything.
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
