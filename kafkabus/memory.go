package kafkabus

import (
	"context"
	"errors"
	"sync"
)

// Memory is a broker of two topics that exists only as Go values: the fake of the
// fast tests. It opens no socket and starts no goroutine of its own, so it may be
// used inside a testing/synctest bubble; it passes the same suite as the others.
type Memory struct {
	mu      sync.Mutex
	logs    [topics]memoryLog
	down    bool
	changed chan struct{} // closed and replaced at each change
}

// memoryLog is one topic. A topic that is deleted and created again is another
// life: readers begin again.
type memoryLog struct {
	policy  string // "" where the topic does not exist
	life    int
	records []record
}

// NewMemory returns a broker without topics.
func NewMemory() *Memory { return &Memory{changed: make(chan struct{})} }

// Bus returns a line to the broker, as Open does; clientID only names it.
func (m *Memory) Bus(clientID string) *MemoryBus {
	b := &MemoryBus{memory: m, name: clientID}
	b.voice = voice{table: newTable(nil), put: b.put}
	return b
}

// SetDown makes every exchange fail, or work again.
func (m *Memory) SetDown(down bool) {
	m.change(func() { m.down = down })
}

// DeleteTopics removes both topics with all that they hold.
func (m *Memory) DeleteTopics() {
	m.DeleteTopic(commitsTopic.String())
	m.DeleteTopic(nodesTopic.String())
}

// DeleteTopic removes "commits" or "nodes".
func (m *Memory) DeleteTopic(name string) {
	m.change(func() {
		for t := range m.logs {
			if topic(t).String() == name {
				m.logs[t] = memoryLog{life: m.logs[t].life + 1}
			}
		}
	})
}

// CreateTopic makes "commits" or "nodes" beforehand, with a cleanup.policy.
func (m *Memory) CreateTopic(name, policy string) {
	m.change(func() {
		for t := range m.logs {
			if topic(t).String() == name {
				m.logs[t].policy = policy
			}
		}
	})
}

func (m *Memory) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

// answer is nil while the broker is up. The caller holds the lock.
func (m *Memory) answer() error {
	if m.down {
		return &Error{what: "memory", cause: errMemoryDown, hint: "start it"}
	}
	return nil
}

var errMemoryDown = errors.New("the memory broker is down")

func (m *Memory) append(which topic, r record) error {
	var err error
	m.change(func() {
		if err = m.answer(); err != nil {
			return
		}
		l := &m.logs[which]
		if l.policy == "" {
			l.policy = which.settings()["cleanup.policy"]
		}
		if err = which.checkPolicy(which.String(), l.policy); err == nil {
			l.records = append(l.records, r)
		}
	})
	return err
}

// MemoryBus is a Bus on a Memory, with the same methods.
type MemoryBus struct {
	voice
	memory *Memory
	name   string
}

// Run keeps the table until ctx ends and returns the cause of that.
func (b *MemoryBus) Run(ctx context.Context) error {
	var at [topics]memoryCursor
	for {
		b.memory.mu.Lock()
		logs, down, changed := b.memory.logs, b.memory.answer(), b.memory.changed
		b.memory.mu.Unlock()
		for t := range topics {
			b.mark(part(t), down)
			if down != nil {
				at[t].read = false // a lost link begins again from the first record
				continue
			}
			at[t].follow(b.table, t, logs[t])
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// memoryCursor is how far a bus has read one topic.
type memoryCursor struct {
	read bool
	life int
	next int
}

func (c *memoryCursor) follow(t *table, which topic, l memoryLog) {
	replay := !c.read || c.life != l.life
	if replay {
		*c = memoryCursor{read: true, life: l.life}
		t.begin(which)
	}
	for ; c.next < len(l.records); c.next++ {
		t.take(which, l.records[c.next])
	}
	if replay {
		t.end(which)
	}
}

// Ping returns an error while the broker is down.
func (b *MemoryBus) Ping(ctx context.Context) error {
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	if err := b.memory.answer(); err != nil {
		return err
	}
	return ctx.Err()
}

// Close does nothing: there is nothing to let go of.
func (b *MemoryBus) Close() {}

func (b *MemoryBus) put(ctx context.Context, which topic, r record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := b.memory.append(which, r)
	b.mark(writing, err)
	return err
}
