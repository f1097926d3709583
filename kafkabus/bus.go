package kafkabus

import (
	"context"
	"sync"
)

// Bus is a node's line to a Kafka cluster. Its methods may be called from any
// goroutine; Run must be running for the table to be kept, and everything else
// works without it.
type Bus struct {
	voice
	config Config
	tails  [topics]*tail

	mu      sync.Mutex
	link    *link // for writing; nil until needed and after an error
	closed  bool
	checked [topics]bool
}

// Open checks the config and reads its files; it dials nothing, so that a node
// starts as well where the broker is down. A wrong setting is permanent.
func Open(c Config) (*Bus, error) {
	c, err := c.checked()
	if err != nil {
		return nil, err
	}
	b := &Bus{config: c}
	b.voice = voice{table: newTable(c.Logger), put: b.write}
	for t := range topics {
		b.tails[t] = &tail{which: t, part: part(t), config: c, table: b.table, poke: make(chan struct{}, 1)}
	}
	return b, nil
}

// Run reads both topics from their first offset and keeps the table until ctx
// ends; it returns the cause of that. It is called once. It survives whatever a broker does: Err
// tells of it, and the log when it begins and ends.
func (b *Bus) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, t := range b.tails {
		running.Go(func() { t.run(ctx) })
	}
	running.Wait()
	return context.Cause(ctx)
}

// Ping asks the brokers for their names over a new connection, so that its error
// is the true and present reason why nothing else works.
func (b *Bus) Ping(ctx context.Context) error {
	l, err := openLink(b.config)
	if err != nil {
		return err
	}
	defer l.close()
	_, err = l.lookUp(ctx, commitsTopic)
	return explain(err, b.config)
}

// Close lets go of the connections. What is being written fails, and so does
// whatever is said afterwards.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.link != nil {
		b.link.close()
		b.link = nil
	}
}
