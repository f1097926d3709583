package gsgit

import (
	"context"
	"slices"
	"time"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// wants is what a look lacks to be complete, by path: files that are empty since they were just made, that
// can not be parsed or read, and what refers to something that is not there.
func (p *Publisher) wants(s sight) map[string]bool {
	want := map[string]bool{}
	for _, path := range xmlcatalog.Unfinished(s.edits) {
		want[path] = true
	}
	for path := range s.wrong {
		want[path] = true
	}
	for _, d := range p.damage(s.edits) {
		want[d.Path] = true
	}
	for path := range s.unread {
		want[path] = true
	}
	return want
}

// damage is what the edits would bring.
func (p *Publisher) damage(edits []xmlcatalog.Edit) []xmlcatalog.Damage {
	return notable(xmlcatalog.NewDamage(p.catalog, p.catalog.With(edits), edits))
}

// age keeps the time at which each want was first seen. What is new began when the newest batch did.
func (p *Publisher) age(want map[string]bool, recent, now time.Time) {
	since := map[string]time.Time{}
	for path := range want {
		if at, ok := p.since[path]; ok {
			since[path] = at
		} else if since[path] = recent; recent.IsZero() || recent.After(now) {
			since[path] = now
		}
	}
	p.since = since
}

// overdue tells whether something has waited as long as the hold.
func (p *Publisher) overdue(now time.Time) bool {
	for _, since := range p.since {
		if !now.Before(since.Add(p.Hold)) {
			return true
		}
	}
	return false
}

// nextLook is when an incomplete batch is looked at again. The end of a write makes an event; the short
// wait is for a file system without events.
func (p *Publisher) nextLook(s sight, wait time.Duration) time.Duration {
	if len(s.unread) > 0 {
		return min(wait, removalWait)
	}
	return wait
}

// force is the end of a hold. What has waited long enough is committed with its damage named, but for
// files that can not be parsed or read: these are held. An act that has only just begun, in the middle of
// a long stream of edits or beside something that will never be whole, goes on waiting for its own rest.
func (p *Publisher) force(ctx context.Context, batch pending, s sight, now time.Time) (left pending, wait time.Duration, err error) {
	young := map[string]bool{}
	for path, since := range p.since {
		if now.Before(since.Add(p.Hold)) {
			young[path] = true
		}
	}
	var ready []xmlcatalog.Edit
	for _, e := range s.edits {
		if what := s.wrong[e.Path]; what != "" && !young[e.Path] {
			p.holdBroken(e.Path, what)
			continue
		}
		ready = append(ready, e)
	}
	old := map[string]string{}
	for path, what := range s.unread {
		if !young[path] {
			old[path] = what
		}
	}
	if len(old) > 0 {
		p.holdUnread(old)
	}
	ready, damage := p.ripe(ready, young)
	if err := p.commitSome(ctx, ready, damage); err != nil {
		return batch, 0, err
	}
	left, wait = p.rest(batch, s, ready, young, now)
	return left, wait, nil
}

// ripe leaves out of edits the objects that are incomplete and young, and what can not stand without them,
// and gives the damage of the rest, which is to be named.
func (p *Publisher) ripe(edits []xmlcatalog.Edit, young map[string]bool) ([]xmlcatalog.Edit, []xmlcatalog.Damage) {
	damage := p.damage(edits)
	if len(young) == 0 {
		return edits, damage
	}
	due := map[string]bool{}
	for _, d := range damage {
		due[d.Key()] = !young[d.Path]
	}
	edits = p.without(edits, young)
	for len(edits) > 0 {
		damage = p.damage(edits)
		bad := map[string]bool{}
		for _, d := range damage {
			if !due[d.Key()] {
				bad[d.Path] = true
			}
		}
		if len(bad) == 0 {
			return edits, damage
		}
		edits = p.fewer(edits, bad)
	}
	return nil, nil
}

// fewer takes the bad away. Where they are not among the edits, something that was removed is missed: then
// the removals wait, or everything.
func (p *Publisher) fewer(edits []xmlcatalog.Edit, bad map[string]bool) []xmlcatalog.Edit {
	rest := p.without(edits, bad)
	if len(rest) == len(edits) {
		rest = slices.DeleteFunc(rest, func(e xmlcatalog.Edit) bool { return e.New == nil })
	}
	if len(rest) == len(edits) {
		return nil
	}
	return rest
}

// without leaves out the edits of the objects that the bad paths belong to.
func (p *Publisher) without(edits []xmlcatalog.Edit, bad map[string]bool) []xmlcatalog.Edit {
	after := p.catalog.With(edits)
	object := func(path string) string {
		for _, c := range []*xmlcatalog.Catalog{after, p.catalog} {
			if o, ok := c.Object(path); ok {
				return o.String()
			}
		}
		return path
	}
	objects := map[string]bool{}
	for path := range bad {
		objects[object(path)] = true
	}
	return slices.DeleteFunc(slices.Clone(edits), func(e xmlcatalog.Edit) bool { return bad[e.Path] || objects[object(e.Path)] })
}

// rest is what goes on waiting, and until when.
func (p *Publisher) rest(batch pending, s sight, done []xmlcatalog.Edit, young map[string]bool, now time.Time) (pending, time.Duration) {
	left := pending{paths: map[string]bool{}, first: now, last: batch.last}
	gone := map[string]bool{}
	for _, e := range done {
		gone[e.Path] = true
	}
	for _, h := range p.Held() {
		gone[h.Path] = true
	}
	for _, e := range s.edits {
		if !gone[e.Path] {
			left.paths[placeOf(e.Path)] = true
		}
	}
	for path := range young {
		if at := p.since[path]; at.Before(left.first) {
			left.first = at
		}
		if _, ok := s.unread[path]; ok {
			left.paths[path] = true
		}
	}
	if left.empty() {
		return pending{}, 0
	}
	return left, p.nextLook(s, max(time.Until(left.first.Add(p.Hold)), time.Millisecond))
}

// earlier is the sooner of two waits, of which 0 is none.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
