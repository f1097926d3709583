package gsgit

import (
	"context"
	"time"

	"github.com/gsgit/gsgit/gitstore"
)

// maintainEvery is the least time between two looks at the shape of a repository.
const maintainEvery = 10 * time.Second

// Maintenance is the Task that keeps a node's repository in shape. A crash of it, or a failure, costs
// nothing but room.
type Maintenance struct {
	Store *gitstore.Store

	at time.Time
}

// Sync rolls packs up where there are many, at most every ten seconds.
func (m *Maintenance) Sync(ctx context.Context) (time.Duration, error) {
	if wait := maintainEvery - time.Since(m.at); wait > 0 {
		return wait, nil
	}
	m.at = time.Now()
	return 0, m.Store.Maintain(ctx)
}
