package gsgit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gsgit/gsgit"
)

// limping is a GeoServer that takes the settings and fails at the reload, once.
type limping struct {
	running
	failed bool
}

func (g *limping) Reload(ctx context.Context) error {
	if !g.failed {
		g.failed = true
		return errors.New("502 Bad Gateway")
	}
	return g.running.Reload(ctx)
}

// G9: what was not picked up to its end is picked up anew, settings first: a reload writes those in memory over
// global.xml before it reads it.
func TestG9PickUpIsRepeatedFromItsBeginning(t *testing.T) {
	o := newOrigin(t)
	s, g := newSite(t, o.gitDir()), &limping{failed: true}
	s.syncs()
	pick := func() error {
		_, err := (&gsgit.PickUp{Store: s.store, Server: g, Log: s.f.Log}).Sync(t.Context())
		return err
	}
	if err := pick(); err != nil {
		t.Fatal(err)
	}
	first := s.at(gsgit.AppliedRef)
	global, err := o.g.Read("global.xml")
	if err != nil {
		t.Fatal(err)
	}
	o.then(o.g.SetTitle("harbour:buoys", "One"))
	o.then(o.g.Put("global.xml", []byte(strings.Replace(string(global), "</global>", "<xmlPostRequestLogBufferSize>77</xmlPostRequestLogBufferSize></global>", 1))))
	s.syncs()
	g.calls, g.failed = nil, false
	if err := pick(); err == nil || s.at(gsgit.AppliedRef) != first {
		t.Fatalf("a failed reload moved applied: %v", err)
	}
	if err := pick(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(g.calls, []string{"settings", "settings", "reload"}) || s.at(gsgit.AppliedRef) != o.head() {
		t.Errorf("got %v", g.calls)
	}
}
