package bustest

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// Line is a network that a test can break: its Dial goes into Config.Dial. Only
// the links that were opened over it are met, so many tests may share a broker.
type Line struct {
	mu      sync.Mutex
	state   lineState
	conns   map[*lineConn]struct{}
	dialled int
}

type lineState int

const (
	passing lineState = iota
	refusing
	swallowing
)

// Dial opens a connection as far as the line lets it.
func (l *Line) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	l.dialled++
	refuse := l.state == refusing
	l.mu.Unlock()
	if refuse {
		return nil, broken("dial", network, named(address))
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	conn := &lineConn{Conn: c, line: l, swallowed: l.state == swallowing}
	if l.conns == nil {
		l.conns = map[*lineConn]struct{}{}
	}
	l.conns[conn] = struct{}{}
	return conn, nil
}

// Dialled is how many connections were asked for so far.
func (l *Line) Dialled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dialled
}

// Break cuts every connection and refuses new ones.
func (l *Line) Break() { l.enter(refusing) }

// Swallow makes the line a black hole: connections stand, nothing arrives. Those
// that were swallowed stay so.
func (l *Line) Swallow() { l.enter(swallowing) }

// Mend lets new connections through.
func (l *Line) Mend() { l.enter(passing) }

func (l *Line) enter(s lineState) {
	l.mu.Lock()
	l.state = s
	var cut []*lineConn
	for c := range l.conns {
		c.swallowed = c.swallowed || s == swallowing
		if c.cut = c.cut || s == refusing; c.cut {
			cut = append(cut, c)
		}
	}
	l.mu.Unlock()
	for _, c := range cut {
		_ = c.Close()
	}
}

type lineConn struct {
	net.Conn
	line      *Line
	swallowed bool // this and cut are under the line's lock
	cut       bool
}

func (c *lineConn) fate() (swallowed, cut bool) {
	c.line.mu.Lock()
	defer c.line.mu.Unlock()
	return c.swallowed, c.cut
}

// broken is what the other end's reset or refusal would look like.
func broken(op, network string, address net.Addr) error {
	reason := syscall.ECONNREFUSED
	if op != "dial" {
		reason = syscall.ECONNRESET
	}
	return &net.OpError{Op: op, Net: network, Addr: address, Err: reason}
}

type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }

// Read reads on and on in a black hole; the deadline alone ends that.
func (c *lineConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		switch swallowed, cut := c.fate(); {
		case cut:
			return 0, broken("read", "tcp", c.RemoteAddr())
		case err != nil || !swallowed:
			return n, err
		}
	}
}

func (c *lineConn) Write(p []byte) (int, error) {
	if swallowed, _ := c.fate(); swallowed {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c)
	c.line.mu.Unlock()
	return c.Conn.Close()
}
