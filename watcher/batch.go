package watcher

import (
	"slices"
	"strings"
	"time"
)

// Batch is what happened between two pauses.
type Batch struct {
	// Paths are sorted slash paths of files and directories that may have
	// changed, come or gone. A directory stands for everything at and below
	// it, "" for the whole tree.
	Paths []string
	// Lost says that events may be missing: look at everything.
	Lost bool
	// First and Last are the times of its first and last event.
	First, Last time.Time
}

// hint is what one look at the events or at the tree brought.
type hint struct {
	paths []string
	lost  bool
	at    time.Time
	rest  rest
}

// nothing tells that a hint bears no paths: only that it is still.
func (h hint) nothing() bool { return len(h.paths) == 0 && !h.lost }

// rest is what a hint says of when the batch may be handed out.
type rest int

const (
	pausing rest = iota // events tell: once none came for a while
	moving              // a look at the tree found news: not before another look
	still               // a look found none: now
)

// pending is a batch that is not handed out yet.
type pending struct {
	paths map[string]bool
	lost  bool
	// first and last bound its events; since is the first event that came
	// after it was due, or else first: the cap counts from there.
	first, last, since time.Time
}

func (p *pending) empty() bool { return p.paths == nil }

func (p *pending) add(h hint, due bool) {
	first := p.empty()
	if first {
		p.paths = map[string]bool{}
		p.first = h.at
	}
	if first || due {
		p.since = h.at
	}
	if first || h.rest != still {
		p.last = h.at
	}
	p.lost = p.lost || h.lost
	for _, path := range h.paths {
		p.paths[path] = true
	}
}

// batch is what is pending, without the paths below another of its paths.
func (p *pending) batch() Batch {
	b := Batch{Lost: p.lost, First: p.first, Last: p.last}
	for path := range p.paths {
		if !p.covered(path) {
			b.Paths = append(b.Paths, path)
		}
	}
	slices.Sort(b.Paths)
	return b
}

// covered tells whether a directory above path is in the batch.
func (p *pending) covered(path string) bool {
	for path != "" {
		path = parent(path)
		if p.paths[path] {
			return true
		}
	}
	return false
}

// parent is the directory of a path, "" for the root and what lies in it.
func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return ""
}

// join is the path of a name in a directory.
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
