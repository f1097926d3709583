package kafkabus

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// What the guard lets through. A fetch or an announcement takes a few hundred
// bytes; a node has about six connections.
const (
	maxFrame       = 1 << 20
	maxConnections = 512
	helloLimit     = 10 * time.Second // until the first frame, a TLS handshake included
	idleLimit      = 10 * time.Minute // until the next one
	frameHead      = 8                // size, API key, API version
)

// allowedKeys are the requests that kafka-go, kcat and the console tools need to
// read, write and list the topics, with the highest version that the broker
// behind the guard was tried with. Deleting, groups and transactions are not for
// this broker.
var allowedKeys = map[int16]string{
	0: "Produce", 1: "Fetch", 2: "ListOffsets", 3: "Metadata", 17: "SaslHandshake",
	18: "ApiVersions", 19: "CreateTopics", 32: "DescribeConfigs", 36: "SaslAuthenticate",
}

// maxVersion is above every version of those requests: a frame with a stranger
// one would be decoded by rules that nobody wrote.
const maxVersion = 30

var errFrame = errors.New("not a frame of a Kafka client")

// guard stands before the embedded broker, which was made to be a test's partner
// and trusts its clients: one frame with an unknown API key would end the process,
// one with a size of 2 GiB would be given the memory. The guard passes frames of
// known kinds and sane sizes and hangs up on everything else.
type guard struct {
	net.Listener
	logger *slog.Logger
	open   atomic.Int64
	hungUp atomic.Int64
}

// Accept returns the next connection. It keeps on where the system is short of
// something for a moment: the broker would stop listening for good.
func (g *guard) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			g.logger.Warn("broker can not accept", "err", err)
			time.Sleep(100 * time.Millisecond)
		case g.open.Load() >= maxConnections:
			g.hungUp.Add(1)
			c.Close()
		default:
			g.open.Add(1)
			return &guarded{Conn: c, guard: g}, nil
		}
	}
}

// guarded is a connection that is read frame by frame.
type guarded struct {
	net.Conn
	guard *guard
	once  sync.Once
	known bool // it has sent a good frame

	head     [frameHead]byte
	headLeft []byte // checked, not handed on yet
	bodyLeft int    // bytes of the frame that may still be read
}

// Close also frees the connection's place.
func (c *guarded) Close() error {
	c.once.Do(func() { c.guard.open.Add(-1) })
	return c.Conn.Close()
}

// Read hands on the bytes of checked frames only.
func (c *guarded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.headLeft) == 0 && c.bodyLeft == 0 {
		if err := c.nextFrame(); err != nil {
			return 0, err
		}
	}
	if len(c.headLeft) > 0 {
		n := copy(p, c.headLeft)
		c.headLeft = c.headLeft[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.bodyLeft)])
	c.bodyLeft -= n
	return n, err
}

// nextFrame reads and checks a frame's head. The deadline holds for the whole
// frame, so that nobody keeps a place by sending a byte now and then.
func (c *guarded) nextFrame() error {
	limit := idleLimit
	if !c.known {
		limit = helloLimit
	}
	if err := c.Conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	for have := 0; have < frameHead; {
		n, err := c.Conn.Read(c.head[have:])
		if have += n; err != nil && have < frameHead {
			return err
		}
	}
	size := int32(binary.BigEndian.Uint32(c.head[:4]))
	key := int16(binary.BigEndian.Uint16(c.head[4:6]))
	version := int16(binary.BigEndian.Uint16(c.head[6:8]))
	if _, ok := allowedKeys[key]; !ok || size < 10 || size > maxFrame || version < 0 || version > maxVersion {
		c.guard.hungUp.Add(1)
		c.guard.logger.Debug("broker hung up", "remote", c.RemoteAddr().String(), "size", size, "key", key, "version", version)
		_ = c.Close()
		return errFrame
	}
	c.known = true
	c.headLeft, c.bodyLeft = c.head[:], int(size)-4
	return nil
}
