package gsgit_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/watcher"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// strictBoard takes an announcement only if somebody who hears it at that very moment can fetch it.
type strictBoard struct {
	*kafkabus.MemoryBus
	gitDir string
	heard  int
}

func (b *strictBoard) Announce(ctx context.Context, a kafkabus.Announcement) error {
	b.heard++
	if err := fetchInto(ctx, b.gitDir, a); err != nil {
		return fmt.Errorf("announced and not to be had: %w", err)
	}
	return b.MemoryBus.Announce(ctx, a)
}

// fetchInto is a replica that knows nothing: it fetches, and the ordinary git looks through what it got.
func fetchInto(ctx context.Context, from string, a kafkabus.Announcement) error {
	dir, err := os.MkdirTemp("", "hearer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := gitstore.Create(filepath.Join(dir, ".git"), gitstore.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	want, err := gitstore.ParseHash(a.Commit)
	if err != nil {
		return err
	}
	if err := s.Fetch(ctx, gitstore.Source{URL: from}, want, gitstore.Hash{}); err != nil {
		return err
	}
	if err := s.SetRef(ctx, a.Ref, gitstore.Hash{}, want); err != nil {
		return err
	}
	if out, err := exec.Command("git", "--git-dir", filepath.Join(dir, ".git"), "fsck", "--strict").CombinedOutput(); err != nil {
		return fmt.Errorf("git fsck: %w: %s", err, out)
	}
	return nil
}

// The outbox moves after the announcement, and the announcement comes after the branch: whoever hears of a
// commit can have it, and a node that dies in between says it again.
func TestG5AnnouncedIsFetchable(t *testing.T) {
	dir := sampleDir(t)
	store, err := gitstore.Create(filepath.Join(dir, ".git"), gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	p := &gsgit.Publisher{Dir: &gsgit.Directory{Root: dir, Rules: xmlcatalog.Rules{}}, Store: store, Instance: "gs-a", Hold: time.Minute, Log: slog.New(slog.DiscardHandler)}
	if _, err := p.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	board := &strictBoard{MemoryBus: kafkabus.NewMemory().Bus("gs-a"), gitDir: store.GitDir()}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = board.Run(ctx) }()
	<-board.CaughtUp()
	announcer := func() *gsgit.Announcer {
		return &gsgit.Announcer{
			Store: store, Board: board, Instance: "gs-a", Epoch: kafkabus.NewEpoch(time.Now(), ""),
			Remotes: func() []string { return nil }, Log: slog.New(slog.DiscardHandler),
		}
	}
	server := &fixtures.GeoServer{Writer: fixtures.Writer{Dir: dir, Pause: func(time.Duration) {}}}
	for i := range 4 {
		if err := server.SetTitle("harbour:buoys", fmt.Sprintf("Buoys %d", i)); err != nil {
			t.Fatal(err)
		}
		p.Observe(watcher.Batch{Lost: true, First: time.Now(), Last: time.Now()})
		if _, err := p.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		// A new announcer each time is a node that was started again: the outbox alone tells it what to do.
		if _, err := announcer().Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		head, _ := store.Ref(store.BranchRef())
		if announced, err := store.Ref(gsgit.AnnouncedRef); err != nil || announced != head {
			t.Fatalf("announced is %s, %v; the head is %s", announced, err, head)
		}
	}
	if board.heard != 4 {
		t.Errorf("%d announcements were made of 4 commits", board.heard)
	}
}
