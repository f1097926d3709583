package kafkabus

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Security is how to speak to the brokers, in the words that Kafka's own clients
// use. Files are PEM; they are read again for every new link, so that a renewed
// certificate or password needs no restart.
type Security struct {
	Protocol     string // PLAINTEXT (also ""), SSL, SASL_PLAINTEXT, SASL_SSL
	Mechanism    string // PLAIN (also ""), SCRAM-SHA-256, SCRAM-SHA-512
	Username     string
	PasswordFile string // the password, without the newline at its end
	CA           string // file of the CA that signed the brokers' certificates; "": the system's
	Cert, Key    string // files of our own certificate, where the brokers ask for one
	ServerName   string // the name in the brokers' certificates, where it is not their host name
}

func (s Security) protocol() string {
	if s.Protocol == "" {
		return "PLAINTEXT"
	}
	return strings.ToUpper(s.Protocol)
}

func (s Security) usesTLS() bool  { return strings.HasSuffix(s.protocol(), "SSL") }
func (s Security) usesSASL() bool { return strings.HasPrefix(s.protocol(), "SASL_") }

// credentials reads the files. A nil TLS config or mechanism is one not used.
func (s Security) credentials() (*tls.Config, sasl.Mechanism, error) {
	switch s.protocol() {
	case "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL":
	default:
		return nil, nil, misuse(fmt.Sprintf("kafka security protocol %q", s.Protocol),
			"--kafka-security-protocol takes PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
	}
	if err := s.checkUnused(); err != nil {
		return nil, nil, err
	}
	config, err := s.tls()
	if err != nil {
		return nil, nil, err
	}
	mechanism, err := s.sasl()
	return config, mechanism, err
}

// checkUnused refuses settings that the protocol would silently ignore: somebody
// who names a password or a CA believes that the link is protected.
func (s Security) checkUnused() error {
	if !s.usesSASL() && (s.Username != "" || s.PasswordFile != "" || s.Mechanism != "") {
		return misuse("kafka user given, but protocol "+s.protocol(), "--kafka-security-protocol SASL_SSL or SASL_PLAINTEXT")
	}
	if !s.usesTLS() && (s.CA != "" || s.Cert != "" || s.Key != "" || s.ServerName != "") {
		return misuse("kafka certificates given, but protocol "+s.protocol(), "--kafka-security-protocol SSL or SASL_SSL")
	}
	return nil
}

func (s Security) tls() (*tls.Config, error) {
	if !s.usesTLS() {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.ServerName}
	if s.CA != "" {
		pem, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, &Error{what: "kafka CA", cause: err, hint: "--kafka-ssl-ca takes a PEM file"}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, misuse("kafka CA "+s.CA+" holds no certificate", "--kafka-ssl-ca takes a PEM file")
		}
	}
	if s.Cert == "" && s.Key == "" {
		return config, nil
	}
	pair, err := tls.LoadX509KeyPair(s.Cert, s.Key)
	if err != nil {
		return nil, &Error{what: "kafka client certificate", cause: err,
			hint: "--kafka-ssl-cert and --kafka-ssl-key take PEM files that belong together"}
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

func (s Security) sasl() (sasl.Mechanism, error) {
	if !s.usesSASL() {
		return nil, nil
	}
	if s.Username == "" || s.PasswordFile == "" {
		return nil, misuse("kafka user or password file is not given", "--kafka-sasl-username and --kafka-sasl-password-file")
	}
	data, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return nil, &Error{what: "kafka password", cause: err, hint: "--kafka-sasl-password-file takes a file that holds nothing else"}
	}
	password := strings.TrimRight(string(data), "\r\n")
	switch strings.ToUpper(s.Mechanism) {
	case "", "PLAIN":
		return plain.Mechanism{Username: s.Username, Password: password}, nil
	case "SCRAM-SHA-256":
		return scram.Mechanism(scram.SHA256, s.Username, password)
	case "SCRAM-SHA-512":
		return scram.Mechanism(scram.SHA512, s.Username, password)
	}
	return nil, misuse(fmt.Sprintf("kafka mechanism %q", s.Mechanism), "--kafka-sasl-mechanism takes PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
}
