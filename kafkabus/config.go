package kafkabus

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"time"
)

// Config says which brokers, how to speak to them, and how patiently. The zero
// value of every field but Brokers is a good one.
type Config struct {
	Brokers     []string     // "host:port" of some brokers of one cluster
	Prefix      string       // of both topics' names; "gsgit"
	ClientID    string       // by which the broker's logs name us; "gsgit"
	Security    Security     // plaintext
	Replication int          // copies of a topic that is created; 0: as the broker does by default
	Logger      *slog.Logger // none

	Timeout  time.Duration // of one exchange with the broker; 10 s
	PollWait time.Duration // how long the broker holds a fetch open when there is nothing new; 5 s
	RetryMin time.Duration // wait after a first failure of the link, then doubled; 100 ms
	RetryMax time.Duration // 2 s

	// Dial opens the connections, for a proxy or a test; nil is the ordinary one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Step is called at the crash points "kafkabus.topic" (a topic was created)
	// and "kafkabus.written" (the broker has the record); may be nil.
	Step func(name string)
}

var prefixShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,200}$`)

// checked returns the config with its defaults, or what is wrong with it.
func (c Config) checked() (Config, error) {
	orString(&c.Prefix, "gsgit")
	orString(&c.ClientID, "gsgit")
	orDuration(&c.Timeout, 10*time.Second)
	orDuration(&c.PollWait, 5*time.Second)
	orDuration(&c.RetryMin, 100*time.Millisecond)
	orDuration(&c.RetryMax, 2*time.Second)
	if c.Step == nil {
		c.Step = func(string) {}
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	}
	if !prefixShape.MatchString(c.Prefix) {
		return c, misuse(fmt.Sprintf("topic prefix %q", c.Prefix), "--topic-prefix takes letters, digits, dots, dashes and underscores")
	}
	if len(c.Brokers) == 0 {
		return c, misuse("no broker is given", "--brokers takes host:port,host:port")
	}
	for _, b := range c.Brokers {
		host, port, err := net.SplitHostPort(b)
		if err != nil || host == "" || port == "" {
			return c, misuse(fmt.Sprintf("broker %q is not host:port", b), "--brokers takes host:port,host:port")
		}
	}
	_, _, err := c.Security.credentials()
	return c, err
}

func orString(s *string, other string) {
	if *s == "" {
		*s = other
	}
}

func orDuration(d *time.Duration, other time.Duration) {
	if *d <= 0 {
		*d = other
	}
}

// misuse is the error for a setting that can not work.
func misuse(what, hint string) error { return &Error{what: what, hint: hint, permanent: true} }
