package kafkabus

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// maxFetch is how many bytes one fetch may bring.
const maxFetch = 1 << 20

// missingWait is how often a topic that does not exist is looked for: the first
// announcement of a new cluster is heard that late at most.
const missingWait = 500 * time.Millisecond

// tail follows one topic: a replay from its first offset, then what is new, until
// something goes wrong; then again. There is no resuming in the middle: after a
// lost link the topic may be another one under the same name, which no offset
// tells, and reading it whole takes milliseconds.
type tail struct {
	which  topic
	part   part
	config Config
	table  *table
	poke   chan struct{} // one slot: look now, the topic was created by ourselves
}

// run follows the topic until ctx ends.
func (t *tail) run(ctx context.Context) {
	misses := 0
	for wait := t.config.RetryMin; ; wait = min(2*wait, t.config.RetryMax) {
		caught, err := t.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		t.table.mark(t.part, explain(err, t.config))
		if err == nil { // there is no such topic
			misses++
			wait = t.miss(misses)
		} else {
			misses = 0
		}
		if caught { // all was well up to now
			wait = t.config.RetryMin
		}
		t.pause(ctx, wait)
	}
}

// miss returns how long to wait until the next look for a topic that was not
// there. The second time it is believed, and then everything in it is known. Not
// the first: a broker that has just started may not have heard of it yet, and a
// primary that believed the topic empty could begin a history of its own.
func (t *tail) miss(times int) (wait time.Duration) {
	if times < 2 {
		return t.config.RetryMin
	}
	t.table.end(t.which)
	return min(missingWait, t.config.RetryMax)
}

func (t *tail) pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-t.poke:
	case <-timer.C:
	}
}

// follow reads the topic over one link for as long as that lasts, and reports
// whether it caught up meanwhile. It returns no error only where there is no topic.
func (t *tail) follow(ctx context.Context) (caught bool, err error) {
	l, err := openLink(t.config)
	if err != nil {
		return false, err
	}
	defer l.close()
	there, err := l.lookUp(ctx, t.which)
	t.table.begin(t.which)
	if err != nil || !there {
		return false, err
	}
	first, end, err := l.offsets(ctx, t.which)
	if err != nil {
		return false, err
	}
	c := cursor{position: first, end: end}
	for {
		if !c.caught && c.position >= c.end {
			c.caught = true
			t.table.mark(t.part, nil)
			t.table.end(t.which)
		}
		if err := t.fetch(ctx, l, &c); err != nil {
			return c.caught, err
		}
		if c.emptyAnswers > 0 {
			t.pause(ctx, 200*time.Millisecond)
		}
	}
}

// cursor is how far one replay has come.
type cursor struct {
	position     int64 // the next offset to ask for
	end          int64 // where the log ended when the replay began
	caught       bool
	emptyAnswers int // one after the other, though the log goes on
}

// fetch waits for one answer and takes its records.
func (t *tail) fetch(ctx context.Context, l *link, c *cursor) error {
	ctx, cancel := context.WithTimeout(ctx, t.config.PollWait+t.config.Timeout)
	defer cancel()
	r, err := l.poller().Fetch(ctx, &kafka.FetchRequest{
		Topic: l.topics[t.which], Offset: c.position,
		MinBytes: 1, MaxBytes: maxFetch, MaxWait: t.config.PollWait,
	})
	if err == nil {
		err = r.Error
	}
	if err != nil {
		return err
	}
	next, batches := batchStarts(r.Records)
	last, err := t.takeAll(r.Records, c.position)
	if err != nil {
		return err
	}
	c.move(max(next, last), batches, r.HighWatermark, r.Throttle > 0)
	return nil
}

// move advances behind what an answer brought; next is the offset behind the
// last record or the start of the last batch, whichever is later.
func (c *cursor) move(next int64, batches int, highWatermark int64, throttled bool) {
	switch {
	case next > c.position:
		c.position = next
	case batches > 0:
		// Inside a batch that compaction emptied. Where it ends is not shown, so
		// step: the broker answers with the same batch until we are past it.
		c.position++
	case c.position < highWatermark:
		// No batch, though the log goes on: compaction left nothing up to its end,
		// or the broker holds us back. Never jump, that could skip records: the next
		// append is returned from here too. Only "caught up" is settled by patience.
		if !throttled {
			c.emptyAnswers++
		}
		if c.emptyAnswers >= 3 {
			c.end = min(c.end, c.position)
		}
		return
	}
	c.emptyAnswers = 0
}

// batchStarts returns the offset behind the first one of the last batch, and how
// many batches there are: compaction leaves some without any record.
func batchStarts(records kafka.RecordReader) (next int64, batches int) {
	stream, ok := records.(*protocol.RecordStream)
	if !ok {
		return 0, 0
	}
	for _, b := range stream.Records {
		switch b := b.(type) {
		case *protocol.RecordBatch:
			next = max(next, b.BaseOffset+1)
		case *protocol.ControlBatch:
			next = max(next, b.BaseOffset+1)
		}
	}
	return next, len(stream.Records)
}

// takeAll hands the records from an offset on to the table and returns the offset
// behind the last.
func (t *tail) takeAll(records kafka.RecordReader, from int64) (next int64, err error) {
	for {
		r, err := records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return next, err
		}
		key, err := readAll(r.Key)
		if err != nil {
			return next, err
		}
		value, err := readAll(r.Value)
		if err != nil {
			return next, err
		}
		if r.Offset < from {
			continue // its batch began before the offset that was asked for
		}
		t.table.take(t.which, record{key: string(key), value: value})
		next = r.Offset + 1
	}
}

// readAll keeps nil nil: a tombstone is not an empty value.
func readAll(b kafka.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	defer b.Close()
	return protocol.ReadAll(b)
}

// offsets returns the first offset of a topic and the one that its next record
// will have.
func (l *link) offsets(ctx context.Context, which topic) (first, end int64, err error) {
	ctx, cancel := l.within(ctx)
	defer cancel()
	name := l.topics[which]
	r, err := l.client().ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{name: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)}},
	})
	if err != nil {
		return 0, 0, err
	}
	if len(r.Topics[name]) == 0 {
		return 0, 0, kafka.UnknownTopicOrPartition
	}
	p := r.Topics[name][0] // one partition was asked for
	if p.Error == nil && (p.FirstOffset < 0 || p.LastOffset < 0) {
		return 0, 0, kafka.LeaderNotAvailable // half an answer
	}
	return p.FirstOffset, p.LastOffset, p.Error
}
