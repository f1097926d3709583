package gsgit

import (
	"context"
	"fmt"

	"github.com/gsgit/gsgit/gitstore"
)

// whole tells that no apply was cut off in this directory, by the death of a replica that is a primary now or of a
// resync: half of another commit would be recorded as edits. One whose marker has moved was at its end.
func (p *Publisher) whole(ctx context.Context) error {
	if p.Files == nil {
		return nil
	}
	plan, pending, err := p.Files.Pending()
	if err != nil || !pending {
		return err
	}
	target, err := gitstore.ParseHash(plan.Target)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	disk, err := p.Store.Ref(DiskRef)
	if err != nil {
		return err
	}
	if !disk.IsZero() {
		if done, err := p.Store.IsAncestor(ctx, target, disk); err != nil {
			return err
		} else if done {
			return p.Files.Done()
		}
	}
	return &Problem{State: Held, Why: fmt.Sprintf("an apply of %s was cut off, and a part of it is in the directory", target),
		Help: fmt.Sprintf("end it with `gsgit resync --to %s`", target)}
}
