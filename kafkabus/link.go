package kafkabus

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// metadataAge is how often kafka-go asks for the brokers of an idle link. It may
// be long: after any error the link is thrown away, and a new one asks first.
const metadataAge = time.Minute

// link is one kafka-go Transport for as long as all goes well.
//
// A Transport that met an error is not to be trusted: it keeps metadata of a
// cluster that is gone, may hang for ever where a broker stalls inside the SASL
// exchange, and answers a ping from its cache. So a link ends with its first
// error, with every socket it opened, and the next one begins with the bootstrap
// list and a Metadata request, whose error is the true one (others say "broker
// not available" for a wrong CA, password or port).
type link struct {
	config    Config
	topics    [topics]string
	transport *kafka.Transport

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// openLink does not dial yet; it fails where a certificate or password file can
// not be read.
func openLink(c Config) (*link, error) {
	config, mechanism, err := c.Security.credentials()
	if err != nil {
		return nil, err
	}
	l := &link{config: c, conns: map[net.Conn]struct{}{}}
	for t := range topics {
		l.topics[t] = t.name(c.Prefix)
	}
	l.transport = &kafka.Transport{
		ClientID: c.ClientID, TLS: config, SASL: mechanism, Dial: l.dial,
		DialTimeout: min(5*time.Second, c.Timeout), IdleTimeout: 5 * time.Minute,
		MetadataTTL:    metadataAge,
		MetadataTopics: l.topics[:], // else it would ask for every topic of the cluster
	}
	return l, nil
}

// client is for short exchanges. Its timeout is not only ours: half of it is what
// the broker gives itself to bring a record to its replicas.
func (l *link) client() *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(l.config.Brokers...), Transport: l.transport, Timeout: l.config.Timeout}
}

// poller is for fetches: it has no timeout, which would cap the long poll at half
// of it. The call brings a context with a deadline.
func (l *link) poller() *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(l.config.Brokers...), Transport: l.transport}
}

// within bounds one exchange.
func (l *link) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, l.config.Timeout)
}

func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := l.config.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := &linkConn{Conn: c, link: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
		return nil, net.ErrClosed
	}
	l.conns[conn] = struct{}{}
	return conn, nil
}

// close ends the link and whatever is under way on it, a long poll or a SASL
// exchange with a broker that stalls: kafka-go has no deadline for the latter.
func (l *link) close() {
	l.transport.CloseIdleConnections()
	l.mu.Lock()
	l.closed = true
	conns := make([]net.Conn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// linkConn is a connection that its link can close.
type linkConn struct {
	net.Conn
	link *link
}

func (c *linkConn) Close() error {
	c.link.mu.Lock()
	delete(c.link.conns, c)
	c.link.mu.Unlock()
	return c.Conn.Close()
}

// lookUp asks the cluster for a topic: true where it exists and can be seen.
func (l *link) lookUp(ctx context.Context, which topic) (bool, error) {
	ctx, cancel := l.within(ctx)
	defer cancel()
	name := l.topics[which]
	r, err := l.client().Metadata(ctx, &kafka.MetadataRequest{Topics: []string{name}})
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(r.Topics, func(t kafka.Topic) bool { return t.Name == name })
	if i < 0 {
		return false, nil
	}
	if err := r.Topics[i].Error; missing(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, nil
}
