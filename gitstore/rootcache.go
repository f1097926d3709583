package gitstore

import "sync"

// hashCache remembers some pairs of ids; when it is full it starts anew.
type hashCache struct {
	mu    sync.Mutex
	known map[Hash]Hash
}

const hashCacheSize = 1024

func (c *hashCache) get(key Hash) (Hash, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.known[key]
	return v, ok
}

func (c *hashCache) put(key, value Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= hashCacheSize {
		c.known = map[Hash]Hash{}
	}
	c.known[key] = value
}
