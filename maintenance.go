package gsgit

import (
	"context"
	"time"

	"github.com/gsgit/gsgit/gitstore"
)

// maintainEvery is the least time between two looks at the shape of a repository.
const maintainEvery = 10 * time.Second

// Maintenance is the Task that keeps a node's repository in shape. A crash of it costs nothing but room; a
// failure that lasts is told, since a damaged pack is a hole in the history.
type Maintenance struct {
	Store *gitstore.Store

	at   time.Time
	last error
}

// Sync rolls packs up where there are many, at most every ten seconds. In between the last result stands.
func (m *Maintenance) Sync(ctx context.Context) (time.Duration, error) {
	if wait := maintainEvery - time.Since(m.at); wait > 0 {
		return wait, m.last
	}
	m.at = time.Now()
	m.last = m.Store.Maintain(ctx)
	return 0, m.last
}
