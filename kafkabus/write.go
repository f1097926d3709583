package kafkabus

import (
	"context"
	"errors"
	"time"

	"github.com/segmentio/kafka-go"
)

// write is one attempt from the caller's view, within Config.Timeout. Two
// failures count for nothing: a link that had worked before and died unnoticed,
// as every connection does when a broker starts again, and a topic that was
// created this moment and that not every broker has heard of yet.
func (b *Bus) write(ctx context.Context, which topic, r record) error {
	whole, cancel := context.WithTimeout(ctx, b.config.Timeout)
	defer cancel()
	err := b.tryWrite(whole, which, r)
	err = explain(err, b.config)
	if ctx.Err() == nil { // a caller who lost patience says nothing about the broker
		b.mark(writing, err)
	}
	return err
}

func (b *Bus) tryWrite(ctx context.Context, which topic, r record) error {
	for {
		l, used, err := b.writeLink()
		if err != nil {
			return err
		}
		err = b.writeOver(ctx, l, which, r)
		switch {
		case err == nil, ctx.Err() != nil:
			return err
		case missing(err):
			pause(ctx, 50*time.Millisecond)
		case !used || refused(err):
			return err
		}
	}
}

// refused reports whether we know the reason already, and that a new link would
// meet it as well.
func refused(err error) bool {
	var known *Error
	return errors.As(err, &known)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// writeLink returns the link for writing; used tells whether it had worked before.
func (b *Bus) writeLink() (l *link, used bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, false, misuse("the bus was closed", "")
	}
	if b.link != nil {
		return b.link, true, nil
	}
	b.link, err = openLink(b.config)
	return b.link, false, err
}

// dropLink throws away a link that met an error, and what was known over it.
func (b *Bus) dropLink(l *link) {
	b.mu.Lock()
	if b.link == l {
		b.link, b.checked = nil, [topics]bool{}
	}
	b.mu.Unlock()
	l.close()
}

func (b *Bus) writeOver(ctx context.Context, l *link, which topic, r record) error {
	err := b.prepare(ctx, l, which)
	if err == nil {
		err = l.produce(ctx, which, r)
	}
	if err != nil {
		b.dropLink(l)
		return err
	}
	b.config.Step("kafkabus.written")
	return nil
}

func (l *link) produce(ctx context.Context, which topic, r record) error {
	wire := kafka.Record{Key: kafka.NewBytes([]byte(r.key))}
	if r.value != nil {
		wire.Value = kafka.NewBytes(r.value)
	}
	answer, err := l.client().Produce(ctx, &kafka.ProduceRequest{
		Topic: l.topics[which], RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(wire),
	})
	if err != nil {
		return err
	}
	return answer.Error
}
