package gitstore

import "sync"

// baseCache keeps the objects that deltas were resolved from: neighbours in a history share them. It has two
// generations: what was not asked for during the filling of one is dropped with it.
type baseCache struct {
	mu         sync.Mutex
	young, old map[baseKey]baseObject
	size       int
}

type baseKey struct {
	pack   *pack
	offset int64
}

type baseObject struct {
	kind    objectKind
	content []byte
}

const baseCacheBytes = 8 << 20 // each generation

func (c *baseCache) get(p *pack, offset int64) (objectKind, []byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := baseKey{p, offset}
	o, ok := c.young[key]
	if !ok {
		if o, ok = c.old[key]; ok {
			c.add(key, o)
		}
	}
	return o.kind, o.content, ok
}

func (c *baseCache) put(p *pack, offset int64, kind objectKind, content []byte) {
	if len(content) > baseCacheBytes/8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(baseKey{p, offset}, baseObject{kind, content})
}

func (c *baseCache) add(key baseKey, o baseObject) {
	if c.young == nil || c.size > baseCacheBytes {
		c.old, c.young, c.size = c.young, map[baseKey]baseObject{}, 0
	}
	if _, again := c.young[key]; !again {
		c.size += len(o.content) + 64
	}
	c.young[key] = o
}

// forget lets go of a pack that was closed.
func (c *baseCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.old, c.size = nil, nil, 0
}
