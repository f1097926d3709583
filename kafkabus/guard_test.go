package kafkabus_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/kafkabus/bustest"
)

// frame is a request head (size, key, version, correlation id, client id) and a body.
func frame(key, version int16, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(10+len(body)))
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, 7)
	b = binary.BigEndian.AppendUint16(b, 0xffff)
	return append(b, body...)
}

// sized is a frame that claims another size than it has.
func sized(size uint32, key int16) []byte {
	b := frame(key, 0, nil)
	binary.BigEndian.PutUint32(b, size)
	return b
}

// throw sends bytes to a broker and reports whether it hung up on us.
func throw(t *testing.T, address string, data []byte) (hungUp bool) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write(data); err != nil {
		return true
	}
	_, err = io.Copy(io.Discard, c)
	return err == nil || !isTimeout(err)
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// works fails the test unless the broker still serves an honest client.
func works(t *testing.T, e *kafkabus.Embedded) {
	t.Helper()
	b := open(t, kafkabus.Config{Brokers: []string{e.Addr()}})
	defer b.Close()
	if err := b.Announce(t.Context(), bustest.News("gs-a", 2)); err != nil {
		t.Fatalf("after that the broker is of no use: %v", err)
	}
}

func TestGuardHangsUp(t *testing.T) {
	e := startEmbedded(t)
	for name, data := range map[string][]byte{
		"unknown API key":        frame(9999, 0, nil),
		"negative API key":       frame(-3, 0, nil),
		"delete topics":          frame(20, 4, nil),
		"absurd version":         frame(3, 32767, nil),
		"negative version":       frame(3, -1, nil),
		"two GiB":                sized(0x7fffffff, 3),
		"negative size":          sized(0xffffffff, 3),
		"size zero":              sized(0, 3),
		"a byte above the limit": sized(1<<20+1, 3),
		"web browser":            []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"TLS hello":              []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefgh"),
		"good, then bad":         append(frame(18, 0, nil), frame(9999, 0, nil)...),
	} {
		t.Run(name, func(t *testing.T) {
			before := e.HungUp()
			if !throw(t, e.Addr(), data) {
				t.Error("the connection stays open")
			}
			if e.HungUp() != before+1 {
				t.Error("it was not the guard that hung up")
			}
			works(t, e)
		})
	}
}

// TestGuardGarbage throws frames that the guard must let through, with bodies
// that mean nothing: the broker behind it has to survive those by itself.
func TestGuardGarbage(t *testing.T) {
	e := startEmbedded(t)
	works(t, e) // so that there are topics to trip over
	random := rand.New(rand.NewPCG(1, 2))
	keys := []int16{0, 1, 2, 3, 17, 18, 19, 32, 36}
	for range 3000 {
		body := make([]byte, random.IntN(120))
		for i := range body {
			if random.IntN(3) > 0 { // zeros and small numbers get further than noise
				body[i] = byte(random.IntN(4))
			} else {
				body[i] = byte(random.Uint32())
			}
		}
		c, err := net.Dial("tcp", e.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c.Write(frame(keys[random.IntN(len(keys))], int16(random.IntN(20)), body))
		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		c.Read(make([]byte, 64))
		c.Close()
	}
	works(t, e)
}

// TestGuardHugeTopic asks for more partitions than there is memory.
func TestGuardHugeTopic(t *testing.T) {
	e := startEmbedded(t)
	client := admin(t, e.Addr())
	client.Timeout = 5 * time.Second
	_, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: "huge", NumPartitions: 1 << 30, ReplicationFactor: 1},
	}})
	if err == nil {
		t.Error("the broker made them")
	}
	works(t, e)
}

// TestGuardCountsPlaces fills every place and finds them free again afterwards.
func TestGuardCountsPlaces(t *testing.T) {
	e := startEmbedded(t)
	var conns []net.Conn
	for e.HungUp() == 0 {
		c, err := net.Dial("tcp", e.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if conns = append(conns, c); len(conns) > 2000 {
			t.Fatal("no limit")
		}
	}
	for _, c := range conns {
		c.Close()
	}
	b := open(t, kafkabus.Config{Brokers: []string{e.Addr()}})
	defer b.Close()
	bustest.Wait(t, "a place", func() bool { return b.Ping(t.Context()) == nil })
}

// tap keeps what a client writes.
type tap struct {
	net.Conn
	mu   *sync.Mutex
	sent *[][]byte
}

func (c tap) Write(p []byte) (int, error) {
	c.mu.Lock()
	*c.sent = append(*c.sent, bytes.Clone(p))
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// TestGuardBentFrames takes what an honest client says and bends it: such frames
// get deep into the broker behind the guard.
func TestGuardBentFrames(t *testing.T) {
	e := startEmbedded(t)
	var mu sync.Mutex
	var sent [][]byte
	b := open(t, kafkabus.Config{Brokers: []string{e.Addr()}, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return tap{c, &mu, &sent}, err
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	if err := b.Announce(ctx, bustest.News("gs-a", 2)); err != nil {
		t.Fatal(err)
	}
	bustest.Wait(t, "heard", func() bool { return len(b.Heads()) == 1 })
	cancel()
	<-done
	b.Close()

	random := rand.New(rand.NewPCG(3, 4))
	for range bends {
		data := bytes.Clone(sent[random.IntN(len(sent))])
		for range 1 + random.IntN(3) {
			if at := random.IntN(len(data)); at >= 8 { // the head is the guard's affair
				data[at] = []byte{0, 1, 0x7f, 0x80, 0xff, byte(random.Uint32())}[random.IntN(6)]
			}
		}
		c, err := net.Dial("tcp", e.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c.Write(data)
		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		c.Read(make([]byte, 64))
		c.Close()
	}
	works(t, e)
}

// bends is enough to find what is easy to find.
const bends = 2000
