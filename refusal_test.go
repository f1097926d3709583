package gsgit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// B9: unnamed damage and every new outage is refused before the first write, until a later commit mends it or
// a person accepts it; named damage is applied and told of.
func TestB9Damage(t *testing.T) {
	t.Run("few files", func(t *testing.T) { damage(t, 0) })
	t.Run("many files", func(t *testing.T) { damage(t, 1) })
}

// damage is B9 for a change of more files than many, for which nothing is held in memory, or of fewer.
func damage(t *testing.T, many int) {
	o := newOrigin(t)
	good := o.head()
	more := gitstore.Edit{Path: "styles/more.txt", Content: []byte("a second file")}
	newSite := func(t *testing.T, from string) *site {
		s := newSite(t, from)
		s.flags = func(f *gsgit.Follower) { f.SetMany(many) }
		s.start(from)
		return s
	}
	s := newSite(t, o.gitDir())
	s.syncs()
	broken := gitstore.Edit{Path: "workspaces/survey/tides/gauges/layer.xml", Content: []byte("<layer><name>gauges")}
	bad := hand(t, o.store, good, "a bad merge", broken, more)
	o.points(bad)
	p := s.stops(gsgit.Refused, bad.String(), "gauges", "nobody named")
	s.inStep(good)
	if !strings.Contains(p.Help, "--accept "+bad.String()) {
		t.Errorf("hint %q", p.Help)
	}
	t.Run("mended", func(t *testing.T) {
		mended := hand(t, o.store, bad, "mend it", gitstore.Edit{Path: broken.Path, Content: []byte(blob(t, o.store, good, broken.Path))},
			gitstore.Edit{Path: depth, Content: []byte(blob(t, o.store, good, depth) + "<!-- more -->")})
		o.points(mended)
		m := newSite(t, o.gitDir())
		m.syncs()
		m.inStep(mended)
		o.points(bad)
	})
	t.Run("accepted", func(t *testing.T) {
		s.f.Accept = bad
		s.syncs()
		s.inStep(bad)
		s.start(o.gitDir()) // what was accepted stays so, also for later commits
		next := hand(t, o.store, bad, "go on", gitstore.Edit{Path: more.Path, Content: []byte("changed")}, gitstore.Edit{Path: depth, Content: []byte(blob(t, o.store, good, depth) + "<!-- on -->")})
		o.points(next)
		s.syncs()
		s.inStep(next)
		o.points(bad)
	})
	t.Run("named", func(t *testing.T) {
		s := newSite(t, o.gitDir())
		s.f.Sources.From.URL = o.gitDir()
		o.points(good)
		s.syncs()
		_, lines, _ := strings.Cut(p.Error(), "named: ")
		named := hand(t, o.store, good, "a bad merge, and it says so\n\nGsgit-Damage: "+strings.ReplaceAll(lines, "; ", "\nGsgit-Damage: "), broken, more)
		o.points(named)
		s.log.Reset()
		s.syncs()
		s.inStep(named)
		if !strings.Contains(s.log.String(), "applying named damage") {
			t.Errorf("nobody was told: %s", s.log)
		}
	})
}

// B9: what a person accepted stays accepted when the node is brought back behind it and forward again, for itself and
// for what stands on it; what was mended and came again is refused as any other, and so is what came besides.
func TestB9AcceptedStaysAccepted(t *testing.T) {
	o := newOrigin(t)
	good := o.head()
	group := "workspaces/harbour/layergroups/approach.xml"
	gone := strings.ReplaceAll(blob(t, o.store, good, group), "LayerInfoImpl-", "LayerInfoImpl-gone")
	bad := hand(t, o.store, good, "an outage", gitstore.Edit{Path: group, Content: []byte(gone)})
	s := newSite(t, o.gitDir())
	s.syncs()
	o.points(bad)
	s.stops(gsgit.Refused, "take the service down")
	s.f.Accept = bad
	s.syncs()
	s.inStep(bad)

	next := hand(t, o.store, bad, "go on", gitstore.Edit{Path: depth, Content: []byte(blob(t, o.store, good, depth) + "<!-- on -->")})
	o.points(next)
	forth := func(to gitstore.Hash) error {
		s.start(o.gitDir())
		if err := errors.Join(s.f.Hear(t.Context()), s.f.To(t.Context(), good)); err != nil {
			t.Fatal(err)
		}
		s.inStep(good)
		o.points(to)
		s.start(o.gitDir())
		if err := s.f.Unpin(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.sync()
	}
	for _, head := range []gitstore.Hash{bad, next} {
		if err := forth(head); err != nil {
			t.Fatal(err)
		}
		s.inStep(head)
	}

	layer := "workspaces/harbour/charts/buoys/layer.xml"
	worse := hand(t, o.store, next, "and more", gitstore.Edit{Path: layer, Content: []byte("<layer>")})
	if err := forth(worse); err == nil || !strings.Contains(err.Error(), "harbour:buoys") || strings.Contains(err.Error(), "approach") {
		t.Errorf("damage that nobody accepted: %v", err)
	}
	mended := hand(t, o.store, next, "mend it", gitstore.Edit{Path: group, Content: []byte(blob(t, o.store, good, group))})
	again := hand(t, o.store, mended, "and again", gitstore.Edit{Path: group, Content: []byte(gone)})
	if err := forth(mended); err != nil {
		t.Fatal(err)
	}
	o.points(again)
	s.stops(gsgit.Refused, "take the service down")
	s.inStep(mended)
}

// A node that dies after it was pinned to a refused commit goes on towards that, as the person wished.
func TestB9PinnedDamageIsAccepted(t *testing.T) {
	o := newOrigin(t)
	good := o.head()
	layer := "workspaces/harbour/charts/buoys/layer.xml"
	bad := hand(t, o.store, good, "a bad merge", gitstore.Edit{Path: layer, Content: []byte("<layer>")})
	next := hand(t, o.store, bad, "go on", gitstore.Edit{Path: depth, Content: []byte(blob(t, o.store, good, depth) + "<!-- on -->")})
	s := newSite(t, o.gitDir())
	s.syncs()
	o.points(next)
	s.stops(gsgit.Refused)
	if err := s.store.SetRef(t.Context(), gsgit.PinnedRef, gitstore.Hash{}, bad); err != nil {
		t.Fatal(err)
	}
	s.start(o.gitDir())
	s.syncs()
	s.inStep(bad)
	if err := s.f.Unpin(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.syncs()
	s.inStep(next)
}

// A tree that must not be written is refused as a whole, and no accepting changes that.
func TestB9UnsafeTreeIsRefusedForGood(t *testing.T) {
	o := newOrigin(t)
	good := o.head()
	s := newSite(t, o.gitDir())
	s.syncs()
	bad := hand(t, o.store, good, "a trap", gitstore.Edit{Path: depth, Content: []byte("<x/>")},
		gitstore.Edit{Path: "styles/a\\b.sld", Content: []byte("<x/>")})
	o.points(bad)
	s.f.Accept = bad
	p := s.stops(gsgit.Refused, "backslash")
	s.inStep(good)
	if strings.Contains(p.Help, "--accept") {
		t.Errorf("the hint %q can not help", p.Help)
	}
}

// TestMergeLeftHalfDone: of a file that no catalog looks into, the bytes of both commits are compared: markers of
// a merge are damage where they are new.
func TestMergeLeftHalfDone(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	template := func(text string) gitstore.Edit {
		return gitstore.Edit{Path: "templates/header.ftl", Content: []byte("<<<<<<< ours\n" + text + "\n>>>>>>> theirs\n")}
	}
	half := hand(t, o.store, o.head(), "half a merge", template("one"))
	o.points(half)
	s.stops(gsgit.Refused, "conflict markers", "nobody named")
	s.f.Accept = half
	s.syncs()
	s.start(o.gitDir())
	o.points(hand(t, o.store, half, "the same half", template("two")))
	s.syncs()
	s.inStep(o.head())
}
