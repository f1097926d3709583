package gitstore

import "sync"

// treeCache keeps directories by the id of their tree, so that all commits share what they have in common. It has two
// generations: what was not asked for during the filling of one goes with it.
type treeCache[T interface{ memory() int }] struct {
	mu         sync.Mutex
	young, old map[Hash]T
	size       int
	limit      int // of a generation, in bytes
}

const (
	treeCacheBytes = 24 << 20 // of a store: the whole tree of 100,000 layers
	entryBytes     = 60       // an entry with its name, about
)

func (c *treeCache[T]) get(id Hash) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.young[id]
	if !ok {
		if d, ok = c.old[id]; ok {
			c.add(id, d)
		}
	}
	return d, ok
}

func (c *treeCache[T]) put(id Hash, d T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(id, d)
}

// replace puts a directory in the place of the one that it was made from, which is history now.
func (c *treeCache[T]) replace(old, id Hash, d T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was, ok := c.young[old]; ok && old != id {
		c.size -= was.memory()
		delete(c.young, old)
	}
	c.add(id, d)
}

func (c *treeCache[T]) add(id Hash, d T) {
	if c.young == nil || c.size > c.limit {
		c.old, c.young, c.size = c.young, map[Hash]T{}, 0
	}
	if _, ok := c.young[id]; !ok {
		c.young[id] = d
		c.size += d.memory()
	}
}

func (d directory) memory() int { return entryBytes * (len(d) + 2) }

func (t rawTree) memory() int { return len(t) + entryBytes }
