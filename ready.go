package gsgit

import (
	"maps"
	"slices"
	"time"

	"github.com/gsgit/gsgit/watcher"
)

// removalWait is how long a batch that removes an object waits after its last event: GeoServer deletes file
// by file, and delete-and-create-again is one act.
const removalWait = time.Second

// oneAct is how long one act of a GeoServer writes without a pause, with room to spare.
const oneAct = 250 * time.Millisecond

// pending is what was heard of and is neither committed nor held yet.
type pending struct {
	paths       map[string]bool
	all         bool // events were lost, or this is the start: look at everything
	first, last time.Time
	recent      time.Time // when the newest of what was told began
}

func (p *pending) add(b watcher.Batch) {
	if p.paths == nil {
		p.paths = map[string]bool{}
	}
	if p.empty() || b.First.Before(p.first) {
		p.first = b.First
	}
	if b.Last.After(p.last) {
		p.last = b.Last
	}
	// A long batch without a pause is many acts, of which the last has just begun.
	if p.recent = b.First; b.Last.Sub(b.First) > oneAct {
		p.recent = b.Last
	}
	p.all = p.all || b.Lost
	for _, path := range b.Paths {
		p.paths[path] = true
	}
}

func (p *pending) empty() bool { return !p.all && len(p.paths) == 0 }

// list is what to look at: "" alone, the root, where that is everything.
func (p *pending) list() []string {
	if p.all {
		return []string{""}
	}
	return slices.Sorted(maps.Keys(p.paths))
}

// putBack adds what a look left pending, which is no news.
func (p *pending) putBack(left pending) {
	if left.empty() {
		return
	}
	recent := p.recent
	p.add(left.batch())
	p.recent = recent
}

// batch is what was pending, to be heard of again.
func (p *pending) batch() watcher.Batch {
	return watcher.Batch{Paths: slices.Sorted(maps.Keys(p.paths)), Lost: p.all, First: p.first, Last: p.last}
}

// readiness is what a look at the pending files says of them.
type readiness struct {
	complete bool // nothing empty that was just created, and no damage that the head lacks
	removes  bool // an object's id stands nowhere any more
}

type verdict struct {
	commit bool
	forced bool          // the hold is over: commit what parses and name the rest
	wait   time.Duration // else: look again after this
}

// judge is the ready rule of docs/architecture.md for a batch that has gone quiet.
func judge(now, first, last time.Time, r readiness, hold time.Duration) verdict {
	end := first.Add(hold)
	if !r.complete {
		if !now.Before(end) {
			return verdict{commit: true, forced: true}
		}
		return verdict{wait: end.Sub(now)}
	}
	if calm := last.Add(removalWait); r.removes && now.Before(calm) && now.Before(end) {
		return verdict{wait: min(calm.Sub(now), end.Sub(now))}
	}
	return verdict{commit: true}
}
