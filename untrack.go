package gsgit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// untrackAtOnce is how many paths one commit leaves out at most: each of them is a line of its message.
const untrackAtOnce = 1000

// untrack takes paths out of history that the rules no longer track, as for a new --local, and leaves them on
// every disk: each commit names them, and a replica removes none of them. The head is looked through once in
// a life, since the rules are those of the command line.
func (p *Publisher) untrack(ctx context.Context) error {
	if p.untracked {
		return nil
	}
	var left []gitstore.Entry
	for e, err := range p.Store.Files(p.head, "") {
		if err != nil {
			return fmt.Errorf("look for what is no longer tracked in %s: %w", p.head, err)
		}
		if !p.Dir.Rules.Tracked(e.Path) && oneLine(e.Path) == e.Path {
			left = append(left, e)
		}
	}
	for some := range slices.Chunk(left, untrackAtOnce) {
		if err := p.leave(ctx, some); err != nil {
			return err
		}
	}
	p.untracked = true
	return nil
}

// leave is one commit without some paths.
func (p *Publisher) leave(ctx context.Context, some []gitstore.Entry) error {
	edits := make([]xmlcatalog.Edit, len(some))
	for i, e := range some {
		old, err := p.Store.Blob(e.Blob)
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", e.Path, p.head, err)
		}
		edits[i] = xmlcatalog.Edit{Path: e.Path, Old: nonNil(old)}
	}
	m := xmlcatalog.Message{Subject: fmt.Sprintf("leave %d files to each node", len(some))}
	if len(some) == 1 {
		m.Subject = fmt.Sprintf("leave %s to each node", oneLine(some[0].Path))
	}
	damage := notable(xmlcatalog.NewDamage(p.catalog, p.catalog.With(edits), edits))
	text := strings.Builder{}
	text.WriteString(commitMessage(m, p.Instance, damage))
	for _, e := range some {
		trailer(&text, trailerUntrack, e.Path)
	}
	id, err := p.Store.Write(ctx, gitstore.Draft{
		Parent: p.head, Edits: drafted(edits), Author: author("", p.Instance), Committer: committer(p.Instance), Message: text.String(),
	})
	if err != nil {
		return fmt.Errorf("commit %q: %w", m.Subject, err)
	}
	if err := p.moveBranch(ctx, id); err != nil {
		return err
	}
	p.catalog.Absorb(edits)
	if p.Recorded != nil {
		p.Recorded(id, m)
	}
	p.Log.Info("committed", "commit", id.String(), "subject", m.Subject, "files", len(some))
	return p.moveMarker(ctx, id)
}
