package gsgit_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/watcher"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// bubbled is a Publisher whose time is the bubble's: what it waits for is exact.
type bubbled struct {
	*gsgit.Publisher
	*fixtures.GeoServer
	t *testing.T
}

func inBubble(t *testing.T, hold time.Duration, play func(b bubbled)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := sampleDir(t)
		s, err := gitstore.Create(filepath.Join(dir, ".git"), gitstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		p := &gsgit.Publisher{Dir: &gsgit.Directory{Root: dir, Rules: xmlcatalog.Rules{}}, Store: s, Instance: "test", Hold: hold, Log: slog.New(slog.DiscardHandler)}
		if _, err := p.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		play(bubbled{p, &fixtures.GeoServer{Writer: fixtures.Writer{Dir: dir, Pause: func(time.Duration) {}}}, t})
	})
}

func (b bubbled) head() gitstore.Hash {
	b.t.Helper()
	head, err := b.Store.Ref(b.Store.BranchRef())
	if err != nil {
		b.t.Fatal(err)
	}
	return head
}

// hears tells the publisher of an event now, and lets it look.
func (b bubbled) hears(paths ...string) time.Duration {
	b.t.Helper()
	b.Observe(watcher.Batch{Paths: paths, First: time.Now(), Last: time.Now()})
	return b.looks()
}

func (b bubbled) looks() time.Duration {
	b.t.Helper()
	wait, err := b.Sync(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return wait
}

// half is a feature type whose layer.xml does not come.
func (b bubbled) half() string {
	b.t.Helper()
	content, err := b.Read("workspaces/harbour/charts/buoys/featuretype.xml")
	if err != nil {
		b.t.Fatal(err)
	}
	path := "workspaces/harbour/charts/half/featuretype.xml"
	text := strings.NewReplacer("-7fea", "-1234", ">buoys<", ">half<").Replace(string(content))
	if err := b.New(path, []byte(text)); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func TestG2HalfAPublishWaitsForTheHoldAndNoLonger(t *testing.T) {
	inBubble(t, 30*time.Second, func(b bubbled) {
		before, start := b.head(), time.Now()
		wait := b.hears(b.half())
		for b.head() == before && time.Since(start) < time.Minute {
			if wait <= 0 {
				t.Fatalf("after %v nothing is committed and nothing waited for", time.Since(start))
			}
			time.Sleep(wait)
			wait = b.looks()
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("committed after %v, want the hold of 30s", took)
		}
		c, err := b.Store.Commit(b.head())
		if err != nil || len(c.Trailers("Gsgit-Damage")) != 1 {
			t.Errorf("the damage is named %q, %v", c.Trailers("Gsgit-Damage"), err)
		}
	})
}

func TestG2AnObjectThatGoesWaitsASecondAfterTheLastEvent(t *testing.T) {
	inBubble(t, 30*time.Second, func(b bubbled) {
		before, start := b.head(), time.Now()
		if err := b.DeleteLayer("harbour:buoys"); err != nil {
			t.Fatal(err)
		}
		if wait := b.hears(""); wait != time.Second || b.head() != before {
			t.Fatalf("waits %v", wait)
		}
		time.Sleep(900 * time.Millisecond)
		if wait := b.hears("global.xml"); wait != time.Second || b.head() != before {
			t.Fatalf("after one more event it waits %v", wait)
		}
		time.Sleep(time.Second)
		if b.looks(); b.head() == before {
			t.Error("a second after the last event nothing is committed")
		}
		if took := time.Since(start); took != 1900*time.Millisecond {
			t.Errorf("committed after %v", took)
		}
	})
}

func TestG1AStreamOfEventsPutsNothingOffBeyondTheHold(t *testing.T) {
	inBubble(t, 10*time.Second, func(b bubbled) {
		before, start := b.head(), time.Now()
		if err := b.DeleteLayer("harbour:buoys"); err != nil {
			t.Fatal(err)
		}
		b.hears("")
		for b.head() == before && time.Since(start) < time.Minute {
			time.Sleep(500 * time.Millisecond)
			b.hears("global.xml") // never a second of quiet
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("committed after %v, want the hold of 10s", took)
		}
	})
}

func TestCompleteEditIsCommittedAtOnce(t *testing.T) {
	inBubble(t, 30*time.Second, func(b bubbled) {
		before, start := b.head(), time.Now()
		if err := b.SetTitle("harbour:buoys", "Marks"); err != nil {
			t.Fatal(err)
		}
		if wait := b.hears("workspaces/harbour/charts/buoys"); wait != 0 || b.head() == before || time.Since(start) != 0 {
			t.Errorf("waits %v, committed: %v", wait, b.head() != before)
		}
	})
}
