package gsgit_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
)

// A primary whose repository was deleted joins its history again, also where a crash came between the fetch and the
// branch: what was fetched must not be taken for a branch that stands.
func TestG1ARejoinThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	p := newBare(t, sampleDir(t))
	p.must(p.quick().SetTitle("harbour:buoys", "All buoys"))
	p.publisher.LookAtAll()
	p.again()
	head := p.head()
	away := filepath.Join(t.TempDir(), "away")
	p.must(os.CopyFS(away, os.DirFS(filepath.Join(p.dir, ".git"))))
	p.must(p.store.Close())
	p.must(os.RemoveAll(filepath.Join(p.dir, ".git")))

	store, err := gitstore.Create(filepath.Join(p.dir, ".git"), gitstore.Options{})
	p.must(err)
	p.store = store
	src := gitstore.Source{URL: away}
	p.must(store.Fetch(t.Context(), src, head, gitstore.Hash{}))
	p.publisher = &gsgit.Publisher{Dir: &gsgit.Directory{Root: p.dir}, Store: store, Instance: "test", Hold: p.hold, MaxNew: 10, Log: slog.New(slog.DiscardHandler)}
	own := kafkabus.Announcement{Instance: "test", Ref: "refs/heads/main", Commit: head.String()}
	p.must(p.publisher.Begin(t.Context(), &gsgit.Sources{From: src, Log: slog.New(slog.DiscardHandler)}, []kafkabus.Announcement{own}))
	p.publisher.LookAtAll()
	p.again()
	if got := p.head(); got != head {
		t.Errorf("the head is %s, and was %s", got, head)
	}
}
