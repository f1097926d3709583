package gsgit_test

import (
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
