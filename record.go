package gsgit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// edits compares the directory with the head at the given paths. A file that changed by noise alone is not
// among them: it keeps its old blob, whatever else is committed.
func (p *Publisher) edits(paths []string) ([]xmlcatalog.Edit, error) {
	return comparison{dir: p.Dir, store: p.Store, commit: p.head, same: xmlcatalog.Noise}.edits(paths)
}

// holdBack takes the files that can not be parsed out of a batch whose hold is over, and gives the rest
// with the damage to be named in its commit.
func (p *Publisher) holdBack(edits []xmlcatalog.Edit) ([]xmlcatalog.Edit, []xmlcatalog.Damage) {
	var good []xmlcatalog.Edit
	for _, e := range edits {
		what := ""
		if e.New != nil {
			what = xmlcatalog.Unreadable(e.Path, e.New)
		}
		if what == "" {
			good = append(good, e)
			continue
		}
		p.hold(e.Path, what)
	}
	damage := xmlcatalog.NewDamage(p.catalog, p.catalog.With(good), good)
	return good, notable(damage)
}

// hold keeps a file out of history until it changes: named once in the log, and in the status while it lasts.
func (p *Publisher) hold(path, what string) {
	object := xmlcatalog.Object{Kind: "file", Name: path, Path: path}
	if o, ok := p.catalog.Object(path); ok {
		object = o
	}
	held := HeldFile{Object: object.String(), Path: path, Class: string(xmlcatalog.Dropped), What: what}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = map[string]HeldFile{}
	}
	if p.held[path] != held {
		p.Log.Warn("held: not committed until it is mended", "object", held.Object, "path", path, "what", what)
	}
	p.held[path] = held
}

// forget drops from the held files those that this batch looked at and that are no longer wrong.
func (p *Publisher) forget(batch pending, edits []xmlcatalog.Edit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	committed := map[string]bool{}
	for _, e := range edits {
		committed[e.Path] = true
	}
	for path := range p.held {
		content, there, err := p.Dir.Read(path)
		if committed[path] || err == nil && (!there || xmlcatalog.Unreadable(path, content) == "") {
			delete(p.held, path)
		}
	}
}

// Held lists what is on disk and not in history, by path.
func (p *Publisher) Held() []HeldFile {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Values(p.held), func(a, b HeldFile) int { return strings.Compare(a.Path, b.Path) })
}

// commit writes one commit of the edits on top of the head: objects, ref, marker, each durable before the next.
func (p *Publisher) commit(ctx context.Context, edits []xmlcatalog.Edit, damage []xmlcatalog.Damage) error {
	start := time.Now()
	after := p.catalog.With(edits)
	message := xmlcatalog.Describe(xmlcatalog.Compare(p.catalog, after, edits), edits)
	draft := gitstore.Draft{
		Parent: p.head, Edits: drafted(edits),
		Author: author(message.Author, p.Instance), Committer: committer(p.Instance),
		Message: commitMessage(message, p.Instance, damage),
	}
	id, err := p.Store.Write(ctx, draft)
	if err != nil {
		return fmt.Errorf("commit %q: %w", message.Subject, err)
	}
	if err := p.advance(ctx, id); err != nil {
		return err
	}
	p.catalog.Absorb(edits)
	p.tell(id, message, len(edits), damage, start)
	return nil
}

// advance moves the branch and then the marker. Killed in between, the next start finds that the commit
// beyond the marker is its own.
func (p *Publisher) advance(ctx context.Context, id gitstore.Hash) error {
	disk, err := p.Store.Ref(DiskRef)
	if err != nil {
		return err
	}
	err = p.Store.SetRef(ctx, p.Store.BranchRef(), p.head, id)
	if errors.Is(err, gitstore.ErrRefMoved) {
		p.head, p.catalog = gitstore.Hash{}, nil
		return fmt.Errorf("%s was moved by someone else: %w", p.Store.Branch(), err)
	}
	if err != nil {
		return err
	}
	p.step("publisher.disk")
	p.head = id
	return p.Store.SetRef(ctx, DiskRef, disk, id)
}

func (p *Publisher) tell(id gitstore.Hash, m xmlcatalog.Message, files int, damage []xmlcatalog.Damage, start time.Time) {
	if p.Recorded != nil {
		p.Recorded(id, m)
	}
	p.Log.Info("committed", "commit", id.String(), "subject", m.Subject, "files", files, "took", time.Since(start).Round(100*time.Microsecond))
	for _, d := range damage {
		p.Log.Warn("committed with damage", "commit", id.String(), "damage", d.String())
	}
}

func (p *Publisher) step(name string) {
	if p.Step != nil {
		p.Step(name)
	}
}
