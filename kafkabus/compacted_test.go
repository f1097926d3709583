package kafkabus_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/kafkabus/bustest"
)

// batch is a record batch as compaction leaves them: it spans the offsets first
// to last and holds records at some of those, or at none.
type batch struct {
	first, last int64
	at          []int64 // the record at offset n announces gs-n's commit
	gzip        bool
	control     bool // a transaction's end marker
}

// bytes encodes the batch as a broker would.
func (b batch) bytes(t *testing.T) []byte {
	var records []byte
	for _, offset := range b.at {
		a := bustest.News(fmt.Sprintf("gs-%d", offset), int(offset)+2)
		value, err := kafkabus.EncodeAnnouncement(a)
		if err != nil {
			t.Fatal(err)
		}
		r := kmsg.Record{OffsetDelta: int32(offset - b.first), Key: []byte(a.Key()), Value: value}
		if b.control {
			r.Key, r.Value = []byte{0, 0, 0, 1}, []byte{0, 0, 0, 0, 0, 0}
		}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // without the length itself, one byte while it is 0
		records = r.AppendTo(records)
	}
	var attributes int16
	if b.gzip {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		w.Write(records)
		w.Close()
		records, attributes = packed.Bytes(), 1
	}
	if b.control {
		attributes |= 0x30
	}
	wire := kmsg.RecordBatch{
		FirstOffset: b.first, LastOffsetDelta: int32(b.last - b.first), Magic: 2, Attributes: attributes,
		ProducerID: -1, FirstSequence: -1, NumRecords: int32(len(b.at)), Records: records, Length: int32(49 + len(records)),
	}
	out := wire.AppendTo(nil)
	binary.BigEndian.PutUint32(out[17:], crc32.Checksum(out[21:], crc32.MakeTable(crc32.Castagnoli)))
	return out
}

// TestCompactedLogs reads logs of the shapes that real brokers leave behind, in
// answers of many batches and of one: nothing may be lost, and the reader may
// neither spin nor wait for offsets that are gone.
func TestCompactedLogs(t *testing.T) {
	for name, c := range map[string]struct {
		log []batch
		end int64 // high watermark; 0: behind the last batch

		start int64 // of the log; what is before it in its first batch is deleted
	}{
		"first batch emptied":        {log: []batch{{first: 0, last: 9}, {first: 10, last: 10, at: []int64{10}}}},
		"three batches emptied":      {log: []batch{{first: 0, last: 0, at: []int64{0}}, {first: 1, last: 9}, {first: 10, last: 19}, {first: 20, last: 29}, {first: 30, last: 30, at: []int64{30}}}},
		"last batch emptied":         {log: []batch{{first: 0, last: 0, at: []int64{0}}, {first: 1, last: 9}}},
		"end of a batch gone":        {log: []batch{{first: 0, last: 9, at: []int64{0, 3}}, {first: 10, last: 10, at: []int64{10}}}},
		"end of a zipped batch gone": {log: []batch{{first: 0, last: 9, at: []int64{0, 3}, gzip: true}, {first: 10, last: 10, at: []int64{10}}}},
		"wide hole":                  {log: []batch{{first: 0, last: 0, at: []int64{0}}, {first: 100000, last: 100000, at: []int64{100000}}}},
		"hole at the end":            {log: []batch{{first: 0, last: 0, at: []int64{0}}}, end: 500000},
		"transaction marker":         {log: []batch{{first: 0, last: 0, at: []int64{0}}, {first: 1, last: 1, at: []int64{1}, control: true}, {first: 2, last: 2, at: []int64{2}}}},
		"start inside a batch":       {log: []batch{{first: 0, last: 9, at: []int64{0, 3, 5}}, {first: 10, last: 10, at: []int64{10}}}, start: 4},
		"nothing left":               {end: 7},
	} {
		for _, one := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s one=%v", name, one), func(t *testing.T) {
				end := c.end
				if end == 0 {
					end = c.log[len(c.log)-1].last + 1
				}
				readCompacted(t, c.log, c.start, end, one)
			})
		}
	}
}

func readCompacted(t *testing.T, log []batch, start, end int64, one bool) {
	e := startEmbedded(t)
	if err := e.Cluster().CreateTopic("gsgit.commits", 1, nil); err != nil {
		t.Fatal(err)
	}
	fetches := serveLog(t, e, log, start, end, one)
	b := open(t, kafkabus.Config{Brokers: []string{e.Addr()}, PollWait: 100 * time.Millisecond})
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	defer func() { cancel(); <-done }()
	bustest.Wait(t, "caught up", func() bool {
		select {
		case <-b.CaughtUp():
			return true
		default:
			return false
		}
	})
	want := 0
	for _, batch := range log {
		for _, offset := range batch.at {
			if batch.control || offset < start {
				continue
			}
			want++
			key := fmt.Sprintf("gs-%d/refs/heads/main", offset)
			if bustest.Head(b, key) != bustest.Commit(int(offset)+2) {
				t.Errorf("the record at %d was lost", offset)
			}
		}
	}
	if heads := b.Heads(); len(heads) != want {
		t.Errorf("%d heads, want %d", len(heads), want)
	}
	// Each offset of an emptied batch may cost a step, a hole three looks.
	if n := fetches.Load(); n > 60 {
		t.Errorf("%d fetches: the reader spins", n)
	}
}

// serveLog makes the broker answer as if the commits topic held the log, and
// counts the fetches up to then.
func serveLog(t *testing.T, e *kafkabus.Embedded, log []batch, start, end int64, one bool) *atomic.Int64 {
	var encoded [][]byte
	for _, b := range log {
		encoded = append(encoded, b.bytes(t))
	}
	fetches := new(atomic.Int64)
	e.Cluster().ControlKey(kmsg.Fetch.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		request := r.(*kmsg.FetchRequest)
		if request.Topics[0].Topic != "gsgit.commits" {
			return nil, nil, false
		}
		e.Cluster().KeepControl()
		offset := request.Topics[0].Partitions[0].FetchOffset
		if offset >= end {
			time.Sleep(20 * time.Millisecond) // a short long poll
		} else {
			fetches.Add(1)
		}
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark, p.LastStableOffset, p.RecordBatches = end, end, []byte{}
		for i, b := range log {
			if b.last >= offset {
				p.RecordBatches = append(p.RecordBatches, encoded[i]...)
				if one {
					break
				}
			}
		}
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.Partitions = "gsgit.commits", []kmsg.FetchResponseTopicPartition{p}
		response := request.ResponseKind().(*kmsg.FetchResponse)
		response.Topics = append(response.Topics, topic)
		return response, nil, true
	})
	e.Cluster().ControlKey(kmsg.ListOffsets.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		request := r.(*kmsg.ListOffsetsRequest)
		if request.Topics[0].Topic != "gsgit.commits" {
			return nil, nil, false
		}
		e.Cluster().KeepControl()
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = "gsgit.commits"
		for _, asked := range request.Topics[0].Partitions {
			p := kmsg.NewListOffsetsResponseTopicPartition()
			p.Timestamp, p.Offset = -1, start
			if asked.Timestamp == -1 {
				p.Offset = end
			}
			topic.Partitions = append(topic.Partitions, p)
		}
		response := request.ResponseKind().(*kmsg.ListOffsetsResponse)
		response.Topics = append(response.Topics, topic)
		return response, nil, true
	})
	return fetches
}
