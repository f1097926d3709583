package gsgit_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
)

// restarted is a new life of the primary's process.
func (o *origin) restarted(local ...string) {
	o.p = &gsgit.Publisher{
		Dir: &gsgit.Directory{Root: o.g.Dir}, Store: o.store, Instance: "gs-a", Hold: time.Second, Log: slog.New(slog.DiscardHandler),
	}
	o.p.Dir.Rules.Local = local
}

// G10: a --local that comes later takes a file out of history and off no disk; from then on it is each node's own.
func TestG10LocalAddedLaterDeletesNowhere(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	before := o.head()
	o.restarted("styles/icons/**", "workspaces/harbour/charts/buoys/title.ftl")
	left := o.commit()
	c, err := o.store.Commit(left)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Trailers("Gsgit-Untrack"); len(c.Parents) != 1 || c.Parents[0] != before || len(got) != 2 || got[0] != "styles/icons/buoy.svg" {
		t.Fatalf("%v: %s", got, c.Message)
	}
	if c.Subject() != "leave 2 files to each node" {
		t.Errorf("it says %q", c.Subject())
	}
	s.syncs()
	if s.disk() != left || !s.has("styles/icons/buoy.svg") || !s.has("workspaces/harbour/charts/buoys/title.ftl") {
		t.Fatal("a replica lost a file that was only left to it")
	}
	s.write("styles/icons/buoy.svg", "<svg><!-- this node's own --></svg>")
	s.start(o.gitDir())
	s.syncs()
	if !strings.Contains(s.read("styles/icons/buoy.svg"), "own") || len(s.kept()) != 0 {
		t.Error("what is each node's own was healed")
	}
	o.restarted("styles/icons/**", "workspaces/harbour/charts/buoys/title.ftl")
	if o.commit() != left {
		t.Error("the next start on an unchanged directory makes a commit")
	}
	if _, err := o.g.Read("styles/icons/buoy.svg"); err != nil {
		t.Error("the primary lost it")
	}
}
