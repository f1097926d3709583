package kafkabus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// missing reports whether err says that the topic is not there. kafka-go has
// three ways to say so, depending on whether it asked the broker.
func missing(err error) bool {
	return errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition)
}

// explain adds to an error of the link what a person needs: which brokers, and
// what to do. It leaves alone what was explained already.
func explain(err error, c Config) error {
	var known *Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	return &Error{what: "kafka " + strings.Join(c.Brokers, ","), cause: plainly(err), hint: advice(err, c.Security)}
}

// plainly drops what makes every try read differently, the number of our own
// port, and the names of kafka-go's functions, and says what a time-out means.
func plainly(err error) error {
	for strings.HasPrefix(err.Error(), "kafka.(*") && errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Addr != nil:
		return fmt.Errorf("%s %s: %w", op.Op, op.Addr, bare(op.Err))
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer in time: %w", err)
	}
	return err
}

// bare drops the name of the system call, which repeats the operation's.
func bare(err error) error {
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}

// advice is one line on what to do about err, "" where there is none. The order
// is from the certain to the likely: a broker that dislikes how it is spoken to
// mostly just hangs up.
func advice(err error, s Security) string {
	var (
		dns      *net.DNSError
		host     x509.HostnameError
		verify   *tls.CertificateVerificationError
		notTLS   tls.RecordHeaderError
		tlsAlert tls.AlertError
	)
	switch {
	case errors.As(err, &dns):
		return "no such host: correct --brokers"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: start the broker, or correct --brokers"
	case errors.As(err, &host):
		return "the broker's certificate is for another name: give it with --kafka-server-name"
	case errors.As(err, &verify):
		return "the broker's certificate is not trusted: give the CA that signed it with --kafka-ssl-ca"
	case errors.As(err, &tlsAlert):
		return "the broker refused our certificate: --kafka-ssl-cert and --kafka-ssl-key"
	case errors.As(err, &notTLS):
		return "the broker does not speak TLS there: --kafka-security-protocol, or another port"
	case strings.Contains(err.Error(), "appears to be expecting TLS"):
		return "the broker speaks TLS there: --kafka-security-protocol SSL or SASL_SSL"
	}
	if hint := adviceOnCode(err); hint != "" {
		return hint
	}
	return adviceOnSilence(err, s)
}

// adviceOnCode is about what a broker said in so many words.
func adviceOnCode(err error) string {
	switch {
	case errors.Is(err, kafka.SASLAuthenticationFailed):
		return "the broker refused user or password: --kafka-sasl-username, --kafka-sasl-password-file"
	case errors.Is(err, kafka.UnsupportedSASLMechanism):
		return "the broker does not take this mechanism: --kafka-sasl-mechanism"
	case errors.Is(err, kafka.TopicAuthorizationFailed), errors.Is(err, kafka.ClusterAuthorizationFailed):
		return "the user lacks an ACL: Describe, Read and Write on both topics, and Create and DescribeConfigs or topics made beforehand"
	case errors.Is(err, kafka.InvalidReplicationFactor):
		return "the cluster has fewer brokers than copies were asked for: --replication-factor"
	case errors.Is(err, kafka.NotEnoughReplicas), errors.Is(err, kafka.NotEnoughReplicasAfterAppend):
		return "too few brokers of the cluster are up to take a record (min.insync.replicas)"
	}
	return ""
}

// adviceOnSilence is about a broker that hung up or never answered.
func adviceOnSilence(err error, s Security) string {
	var timeout net.Error
	hungUp := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
	switch {
	case hungUp && s.usesTLS():
		return "the broker hung up: it may not speak TLS there (--kafka-security-protocol, or another port)"
	case hungUp && s.usesSASL():
		return "the broker hung up: wrong password, or it asks for no user there"
	case hungUp:
		return "the broker hung up: it may be starting, or ask for a user there (--kafka-security-protocol)"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the broker takes connections and does not answer, or a firewall drops them"
	}
	return ""
}
