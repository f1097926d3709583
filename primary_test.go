package gsgit_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/watcher"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// primary is a Publisher on a real directory, a real watcher and a real repository, in this process and
// without a socket. When the test ends its directory must be in step with its head, and no commit torn.
type primary struct {
	t      *testing.T
	dir    string
	rules  xmlcatalog.Rules
	hold   time.Duration
	settle time.Duration
	mode   string // of the watcher
	adjust func(*gsgit.Publisher)

	publisher *gsgit.Publisher
	store     *gitstore.Store
	stop      func()
	told      gitstore.Hash // the newest commit that the test knows of
	unequal   bool          // the test leaves the disk with what is held
	log       *lines
}

// lines is a log that a test reads.
type lines struct {
	slog.Handler
	ch chan string
}

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	s := r.Message
	r.Attrs(func(a slog.Attr) bool { s += " " + a.String(); return true })
	select {
	case l.ch <- s:
	default:
	}
	return nil
}

func (l *lines) all() (all []string) {
	for {
		select {
		case s := <-l.ch:
			all = append(all, s)
		default:
			return all
		}
	}
}

const (
	patience   = 60 * time.Second
	testSettle = 250 * time.Millisecond
)

// newPrimary starts one on dir, which is imported first.
func newPrimary(t *testing.T, dir string, adjust ...func(*primary)) *primary {
	t.Helper()
	p := &primary{t: t, dir: dir, hold: 2 * time.Second, settle: testSettle, mode: watcher.Auto, adjust: func(*gsgit.Publisher) {}}
	for _, a := range adjust {
		a(p)
	}
	p.start()
	p.told = p.head()
	t.Cleanup(func() {
		if !t.Failed() {
			p.untorn()
			if !p.unequal {
				if err := gsgit.InStep(p.store, p.publisher.Dir, true); err != nil {
					t.Error(err)
				}
			}
		}
		p.end()
	})
	return p
}

func sampleDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := fixtures.Sample(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start is a start of gsgit: the store is opened and mended, the watches stand, then everything is looked at.
func (p *primary) start() {
	p.t.Helper()
	p.log = &lines{Handler: slog.DiscardHandler, ch: make(chan string, 10000)}
	log := slog.New(loud{p.log})
	store, err := gitstore.Create(filepath.Join(p.dir, ".git"), gitstore.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := store.Recover(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	p.store = store
	p.publisher = &gsgit.Publisher{
		Dir: &gsgit.Directory{Root: p.dir, Rules: p.rules}, Store: store, Instance: "test", Hold: p.hold, MaxNew: 5000, Log: log,
	}
	p.adjust(p.publisher)
	ctx, cancel := context.WithCancel(context.Background())
	w, err := watcher.Start(ctx, watcher.Options{
		Root: p.dir, Descend: p.publisher.Dir.Rules.Descend, Tracked: p.publisher.Dir.Rules.Tracked, Settle: p.settle,
		Cap: p.hold, Mode: p.mode, PollEvery: 200 * time.Millisecond,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	synced := make(chan struct{}, 1)
	loop := gsgit.NewLoop("record", p.publisher, log, func(err error) {
		if err == nil {
			select {
			case synced <- struct{}{}:
			default:
			}
		}
	})
	p.publisher.LookAtAll()
	done := make(chan struct{}, 2)
	go func() { loop.Run(ctx); done <- struct{}{} }()
	go func() {
		defer func() { done <- struct{}{} }()
		for {
			select {
			case <-ctx.Done():
				return
			case b := <-w.Batches():
				p.publisher.Observe(b)
				loop.Hint()
			}
		}
	}()
	p.stop = func() {
		cancel()
		<-done
		<-done
		_ = w.Close()
	}
	select {
	case <-synced:
	case <-time.After(patience):
		p.t.Fatalf("the first Sync did not end: %v", p.log.all())
	}
}

// loud lets every record through to a handler that is made of a discarding one.
type loud struct{ slog.Handler }

func (loud) Enabled(context.Context, slog.Level) bool { return true }

// end stops everything, as a kill between two steps would.
func (p *primary) end() {
	if p.stop != nil {
		p.stop()
		_ = p.store.Close()
		p.stop = nil
	}
}

func (p *primary) head() gitstore.Hash {
	head, err := p.store.Ref(p.store.BranchRef())
	if err != nil {
		p.t.Fatal(err)
	}
	return head
}

// eventually waits until a condition holds.
func (p *primary) eventually(what string, condition func() error) {
	p.t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = condition(); err == nil {
			return
		}
	}
	p.t.Fatalf("%s: %v\n%s", what, err, strings.Join(p.log.all(), "\n"))
}

// settled waits until all that was done is in history, or is held, and nothing is pending.
func (p *primary) settled() {
	p.t.Helper()
	p.eventually("the directory is recorded", func() error {
		if !p.publisher.Idle() {
			return fmt.Errorf("something is pending")
		}
		paths, err := gsgit.Differing(p.store, &gsgit.Directory{Root: p.dir, Rules: p.rules}, p.head())
		if err != nil {
			return err
		}
		held := p.publisher.Held()
		for _, path := range paths {
			if !slices.ContainsFunc(held, func(h gsgit.HeldFile) bool { return path == h.Path || strings.HasPrefix(path, h.Path+"/") }) {
				return fmt.Errorf("%s is not recorded", path)
			}
		}
		return nil
	})
}

// commits waits until everything is recorded, and gives the subjects of the commits since the last call, oldest first.
func (p *primary) commits() []string {
	p.t.Helper()
	p.settled()
	var subjects []string
	for c, err := range p.store.Log(p.t.Context(), p.head()) {
		if err != nil {
			p.t.Fatal(err)
		}
		if c.ID == p.told {
			break
		}
		subjects = append(subjects, c.Subject())
	}
	slices.Reverse(subjects)
	p.told = p.head()
	return subjects
}

// became fails unless exactly these commits came out of what was done.
func (p *primary) became(want ...string) {
	p.t.Helper()
	got := p.commits()
	if !slices.Equal(got, want) {
		p.t.Errorf("the commits are\n\t%s\nnot\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// quiet fails if what was done made a commit. An edit made now becomes the next one, alone.
func (p *primary) quiet() {
	p.t.Helper()
	before := p.told
	mark := "styles/mark-" + before.String()[:8] + ".txt"
	p.write(mark, "a mark\n")
	p.became("add file " + mark)
	edits, err := gsgit.EditsBetween(p.t.Context(), p.store, before, p.head())
	if err != nil || len(edits) != 1 {
		p.t.Errorf("the commit after noise holds %d files (%v)", len(edits), err)
	}
}

// last is the newest commit.
func (p *primary) last() gitstore.Commit {
	c, err := p.store.Commit(p.head())
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// untorn goes through the whole history: no temporary and no unwritten file, no damage that is not named.
func (p *primary) untorn() {
	p.t.Helper()
	var failed error
	for commit, damage := range gsgit.UnnamedDamage(context.Background(), p.store, &failed) {
		p.t.Errorf("%s has unnamed damage: %v", commit, damage)
	}
	if failed != nil {
		p.t.Error(failed)
	}
	var parent gitstore.Hash
	var all []gitstore.Commit
	for c, err := range p.store.Log(context.Background(), p.head()) {
		if err != nil {
			p.t.Fatal(err)
		}
		all = append(all, c)
	}
	for i := len(all) - 1; i >= 0; i-- {
		edits, err := gsgit.EditsBetween(context.Background(), p.store, parent, all[i].ID)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, e := range edits {
			if strings.HasSuffix(e.Path, ".tmp") || !parent.IsZero() && e.New != nil && xmlcatalog.Unreadable(e.Path, e.New) != "" {
				p.t.Errorf("%s (%s) holds %s, %d bytes", all[i].ID, all[i].Subject(), e.Path, len(e.New))
			}
		}
		parent = all[i].ID
	}
}

// Small edits by hand.
func (p *primary) write(path, content string) {
	p.t.Helper()
	file := filepath.Join(p.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *primary) read(path string) string {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(path)))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(content)
}

func (p *primary) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// geoserver edits the directory as a GeoServer does.
func (p *primary) geoserver() *fixtures.GeoServer {
	return &fixtures.GeoServer{Writer: fixtures.Writer{Dir: p.dir}}
}
