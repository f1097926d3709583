package gsgit

import (
	"context"

	"github.com/gsgit/gsgit/gitstore"
)

// lag is a count of commits, and between which two it was counted: a replica that is far behind must not
// walk ten thousand commits at every heartbeat.
type lag struct {
	disk, target gitstore.Hash
	commits      int
}

// Lag counts the commits that are known and not on disk.
func (f *Follower) Lag() int {
	f.mu.Lock()
	now := lag{target: f.target}
	last := f.lag
	f.mu.Unlock()
	var err error
	now.disk, err = f.Store.Ref(DiskRef)
	if err != nil || now.target.IsZero() || now.target == now.disk {
		return 0
	}
	if last.disk == now.disk && last.target == now.target {
		return last.commits
	}
	for c, err := range f.Store.Log(context.Background(), now.target) {
		if err != nil || c.ID == now.disk {
			break
		}
		now.commits++
	}
	f.mu.Lock()
	f.lag = now
	f.mu.Unlock()
	return now.commits
}
