package gsgit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// commitSome commits edits if there are any.
func (p *Publisher) commitSome(ctx context.Context, edits []xmlcatalog.Edit, damage []xmlcatalog.Damage) error {
	if len(edits) == 0 {
		return nil
	}
	return p.commit(ctx, edits, damage)
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
	if err := p.moveBranch(ctx, id); err != nil {
		return err
	}
	p.catalog.Settle(after)
	err = p.moveMarker(ctx, id)
	p.tell(id, message, len(edits), damage, start) // it is history, whatever became of the marker
	return err
}

// moveBranch makes a commit the head.
func (p *Publisher) moveBranch(ctx context.Context, id gitstore.Hash) error {
	err := p.Store.SetRef(ctx, p.Store.BranchRef(), p.head, id)
	if err != nil {
		p.head, p.catalog = gitstore.Hash{}, nil // it may have moved all the same: look at it anew
	}
	if errors.Is(err, gitstore.ErrRefMoved) {
		return fmt.Errorf("%s was moved by someone else: %w", p.Store.Branch(), err)
	}
	if err == nil {
		p.head = id
	}
	return err
}

// moveMarker notes that the directory was recorded as a commit. Killed before it, the next start finds that
// the commit beyond the marker is its own.
func (p *Publisher) moveMarker(ctx context.Context, id gitstore.Hash) error {
	p.step("publisher.disk")
	disk, err := p.Store.Ref(DiskRef)
	if err != nil {
		return err
	}
	// A signal between the two would leave a clean stop looking like a crash.
	return p.Store.SetRef(context.WithoutCancel(ctx), DiskRef, disk, id)
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
