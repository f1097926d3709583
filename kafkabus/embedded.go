package kafkabus

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Embedded is a small Kafka broker inside this process, so that a pair of nodes
// needs no other server. It keeps its records in memory alone: whoever starts
// one announces its heads again. It is the franz-go project's kfake, a fake by
// its own word, behind a guard; no replication, no quorum, no broker for others.
type Embedded struct {
	cluster *kfake.Cluster
	guard   *guard
	address string
	once    sync.Once
}

// EmbeddedOption is an optional setting of StartEmbedded.
type EmbeddedOption func(*embeddedSettings)

type embeddedSettings struct {
	tls            *tls.Config
	user, password string
}

// WithUser makes the embedded broker ask for a user (SASL, PLAIN or SCRAM), which
// it needs in order to listen beyond this machine.
func WithUser(name, password string) EmbeddedOption {
	return func(s *embeddedSettings) { s.user, s.password = name, password }
}

// WithTLS makes the embedded broker speak TLS.
func WithTLS(config *tls.Config) EmbeddedOption {
	return func(s *embeddedSettings) { s.tls = config }
}

// StartEmbedded starts a broker that listens on host:port (port 0 picks one) and
// tells its clients to come to advertise, "" being where it listens. It refuses
// to listen beyond loopback without a user, and says so where the port is taken.
func StartEmbedded(listen, advertise string, logger *slog.Logger, options ...EmbeddedOption) (*Embedded, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	var s embeddedSettings
	for _, o := range options {
		o(&s)
	}
	if err := checkExposure(listen, s); err != nil {
		return nil, err
	}
	tcp, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, listenError(listen, err)
	}
	address, err := advertised(tcp.Addr(), advertise)
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return serve(tcp, address, logger, s)
}

func serve(tcp net.Listener, address string, logger *slog.Logger, s embeddedSettings) (*Embedded, error) {
	if s.tls != nil {
		tcp = tls.NewListener(tcp, s.tls) // below the guard, which reads plain frames
	}
	g := &guard{Listener: tcp, logger: logger}
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("gsgit-" + rand.Text()),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return front{g, named(address)}, nil }),
	}
	if s.user != "" {
		options = append(options, kfake.EnableSASL())
		for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
			options = append(options, kfake.Superuser(mechanism, s.user, s.password))
		}
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		tcp.Close()
		return nil, fmt.Errorf("start the embedded broker: %w", err)
	}
	cluster.ControlKey(kmsg.CreateTopics.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if err := checkTopics(r); err != nil {
			cluster.KeepControl()
			return nil, err, true // hangs up
		}
		return nil, nil, false // goes on to the broker
	})
	return &Embedded{cluster: cluster, guard: g, address: address}, nil
}

// checkTopics lets only small requests to create topics through: the broker would
// try to make two thousand million partitions if it were asked to, and serve
// nobody meanwhile.
func checkTopics(r kmsg.Request) error {
	create, ok := r.(*kmsg.CreateTopicsRequest)
	if !ok {
		return errFrame
	}
	for _, t := range create.Topics {
		if t.NumPartitions > 1 || len(t.ReplicaAssignment) > 0 || len(create.Topics) > int(topics) {
			return errFrame
		}
	}
	return nil
}

// Addr is the host:port that clients come to.
func (e *Embedded) Addr() string { return e.address }

// Close stops the broker and hangs up on its clients.
func (e *Embedded) Close() { e.once.Do(e.cluster.Close) }

// front is the guard under the address that the broker gives to its clients.
type front struct {
	*guard
	address net.Addr
}

func (f front) Addr() net.Addr { return f.address }

// named is a net.Addr for a host name.
type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }

// advertised is the host:port to give to clients. Nobody can connect to a
// wildcard, so this machine's name stands for it; a port 0 is the one picked.
func advertised(bound net.Addr, advertise string) (string, error) {
	b := bound.(*net.TCPAddr)
	if advertise == "" {
		if !b.IP.IsUnspecified() {
			return b.String(), nil
		}
		name, err := os.Hostname()
		if err != nil {
			return "", fmt.Errorf("name of this machine: %w", err)
		}
		return net.JoinHostPort(name, strconv.Itoa(b.Port)), nil
	}
	host, port, err := net.SplitHostPort(advertise)
	if err != nil || host == "" {
		return "", misuse(fmt.Sprintf("advertised broker %q is not host:port", advertise), "give the name that other nodes know this machine by")
	}
	if port == "0" || port == "" {
		port = strconv.Itoa(b.Port)
	}
	return net.JoinHostPort(host, port), nil
}

// checkExposure keeps a broker without a password on this machine.
func checkExposure(listen string, s embeddedSettings) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return misuse(fmt.Sprintf("broker address %q is not host:port", listen), "--broker-listen takes host:port, port 0 picks one")
	}
	if ip := net.ParseIP(host); s.user != "" || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return misuse(fmt.Sprintf("the embedded broker would listen on %s without asking for a user", listen),
		"--broker-listen 127.0.0.1:9092, or give --kafka-sasl-username and --kafka-sasl-password-file")
}

func listenError(listen string, err error) error {
	e := &Error{what: "embedded broker on " + listen, cause: err, permanent: true, hint: "--broker-listen takes another address"}
	if errors.Is(err, syscall.EADDRINUSE) {
		e.hint = "another process listens there: --broker-listen takes another port, or --brokers " + listen + " if it is a Kafka broker"
	}
	return e
}
