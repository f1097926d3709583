package gsgit

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// retryHeld is the time between two tries at a held file that could not be read.
const retryHeld = 10 * time.Second

const mendHint = "mend the file: it is committed when it can be parsed"

// hold keeps a file out of history until it changes: named once in the log, and in the status while it lasts.
func (p *Publisher) hold(h HeldFile) {
	object := xmlcatalog.Object{Kind: xmlcatalog.File, Name: h.Path, Path: h.Path}
	if p.catalog != nil {
		if o, ok := p.catalog.Object(h.Path); ok {
			object = o
		}
	}
	h.Object, h.Class = object.String(), string(xmlcatalog.Dropped)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = map[string]HeldFile{}
	}
	if was := p.held[h.Path]; was.What != h.What {
		p.Log.Warn("held: not committed until it is mended", "object", h.Object, "path", h.Path, "what", h.What, "hint", h.Hint)
	}
	p.held[h.Path] = h
}

func (p *Publisher) holdBroken(path, what string) {
	p.hold(HeldFile{Path: path, What: what, Hint: mendHint, broken: true})
}

func (p *Publisher) holdUnread(unread map[string]string) {
	for path, what := range unread {
		p.hold(HeldFile{Path: path, What: what, Hint: "let gsgit read it, or leave it out with --local", unread: true})
	}
	p.retryAt = time.Now().Add(retryHeld)
}

func (p *Publisher) holdName(path string, err error) {
	p.hold(HeldFile{Path: path, What: err.Error(), Hint: "give it another name, or leave it out with --local", name: true})
}

// release ends the holding of a path.
func (p *Publisher) release(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.held, path)
}

// mended releases what a look has found to be gone or no longer wrong.
func (p *Publisher) mended(batch pending, s sight) {
	for _, h := range p.Held() {
		looked := slices.ContainsFunc(batch.list(), func(at string) bool { return within(h.Path, at) })
		_, unread := s.unread[h.Path]
		if !looked || s.wrong[h.Path] != "" || h.name && p.Dir.Has(h.Path) || unread || h.guard && (h.crowd || p.Dir.Has(h.Path) && !s.seen[h.Path]) {
			continue
		}
		p.release(h.Path)
	}
}

// news are the edits without the files that were held as broken and still are, and without names that no
// replica would take: those may only go.
func (p *Publisher) news(s sight) []xmlcatalog.Edit {
	p.mu.Lock()
	held := maps.Clone(p.held)
	p.mu.Unlock()
	return slices.DeleteFunc(s.edits, func(e xmlcatalog.Edit) bool {
		if err := carriable(e.Path); err != nil && e.New != nil {
			p.holdName(e.Path, err)
			return true
		}
		what := s.wrong[e.Path]
		if what == "" || !held[e.Path].broken {
			return false
		}
		p.holdBroken(e.Path, what)
		delete(s.wrong, e.Path)
		return true
	})
}

// known takes out of the paths that could not be read those that are held for it.
func (p *Publisher) known(unread map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(unread, func(path, _ string) bool { return p.held[path].unread })
}

// retry adds held files that could not be read to a batch (where there is one) when it is time, and says
// how long it is until then; 0: there are none.
func (p *Publisher) retry(batch *pending) time.Duration {
	var paths []string
	for path, h := range p.held {
		if h.unread {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return 0
	}
	wait := time.Until(p.retryAt)
	if batch == nil || wait > 0 {
		return max(wait, time.Millisecond)
	}
	now := time.Now()
	again := pending{paths: map[string]bool{}, first: now, last: now}
	for _, path := range paths {
		again.paths[path] = true
	}
	batch.putBack(again)
	p.retryAt = now.Add(retryHeld)
	return retryHeld
}

// Held lists what is on disk and not in history, by path.
func (p *Publisher) Held() []HeldFile {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Values(p.held), func(a, b HeldFile) int { return strings.Compare(a.Path, b.Path) })
}
