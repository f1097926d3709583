package kafkabus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/kafkabus/bustest"
	"github.com/gsgit/gsgit/kafkabus/testkafka"
)

// certificate makes a self-signed one for 127.0.0.1, which is its own CA.
func certificate(t *testing.T) (config *tls.Config, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	ca = file(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, ca
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// attempt is one way to come to a broker: it works, or ends in an error with
// these words and this advice.
type attempt struct {
	name     string
	address  string
	security kafkabus.Security
	words    string // "": it works
	hint     string
}

func (a attempt) run(t *testing.T) {
	b := open(t, kafkabus.Config{Brokers: []string{a.address}, Security: a.security, Prefix: "security"})
	defer b.Close()
	err := b.Ping(t.Context())
	if a.words == "" {
		if err == nil {
			err = b.Announce(t.Context(), bustest.News("gs-a", 2))
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if err == nil {
		t.Fatal("it works")
	}
	if !strings.Contains(err.Error(), a.words) || !strings.Contains(hintOf(err), a.hint) || a.hint == "" {
		t.Errorf("%v\nhint: %s", err, hintOf(err))
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is in: %v", err)
	}
}

func TestEmbeddedSecurity(t *testing.T) {
	config, ca := certificate(t)
	_, otherCA := certificate(t)
	right, wrong := file(t, "password", "secret\n"), file(t, "password", "wrong")
	plain, withTLS := startEmbedded(t), startEmbedded(t, kafkabus.WithTLS(config))
	withUser, both := startEmbedded(t, kafkabus.WithUser("gsgit", "secret")), startEmbedded(t, kafkabus.WithTLS(config), kafkabus.WithUser("gsgit", "secret"))
	user := func(protocol, mechanism, password, ca string) kafkabus.Security {
		return kafkabus.Security{Protocol: protocol, Mechanism: mechanism, Username: "gsgit", PasswordFile: password, CA: ca}
	}
	for _, a := range []attempt{
		{"plaintext", plain.Addr(), kafkabus.Security{}, "", ""},
		{"TLS", withTLS.Addr(), kafkabus.Security{Protocol: "ssl", CA: ca}, "", ""},
		{"PLAIN", withUser.Addr(), user("SASL_PLAINTEXT", "", right, ""), "", ""},
		{"SCRAM 256", withUser.Addr(), user("SASL_PLAINTEXT", "scram-sha-256", right, ""), "", ""},
		{"SCRAM 512 and TLS", both.Addr(), user("SASL_SSL", "SCRAM-SHA-512", right, ca), "", ""},
		{"wrong CA", withTLS.Addr(), kafkabus.Security{Protocol: "SSL", CA: otherCA}, "unknown authority", "--kafka-ssl-ca"},
		{"wrong name", withTLS.Addr(), kafkabus.Security{Protocol: "SSL", CA: ca, ServerName: "other"}, "not other", "--kafka-server-name"},
		{"plaintext to TLS", withTLS.Addr(), kafkabus.Security{}, "EOF", "hung up"},
		{"TLS to plaintext", plain.Addr(), kafkabus.Security{Protocol: "SSL", CA: ca}, plain.Addr(), "may not speak TLS"},
		{"wrong password", withUser.Addr(), user("SASL_PLAINTEXT", "PLAIN", wrong, ""), "EOF", "password"},
		{"wrong password, SCRAM", withUser.Addr(), user("SASL_PLAINTEXT", "SCRAM-SHA-512", wrong, ""), "EOF", "password"},
		{"no user", withUser.Addr(), kafkabus.Security{}, "EOF", "--kafka-security-protocol"},
		{"nobody listens", "127.0.0.1:1", kafkabus.Security{}, "connection refused", "--brokers"},
		{"no such host", "gsgit.invalid:9092", kafkabus.Security{}, "gsgit.invalid", "--brokers"},
	} {
		t.Run(a.name, a.run)
	}
}

func TestKafkaSecurity(t *testing.T) {
	k := testkafka.Start(t)
	_, otherCA := certificate(t)
	right, wrong := file(t, "password", "secret\n"), file(t, "password", "wrong")
	user := func(protocol, mechanism, name, password, ca string) kafkabus.Security {
		return kafkabus.Security{Protocol: protocol, Mechanism: mechanism, Username: name, PasswordFile: password, CA: ca}
	}
	for _, a := range []attempt{
		{"TLS", k.TLS, kafkabus.Security{Protocol: "SSL", CA: k.CA}, "", ""},
		{"PLAIN", k.SASL, user("SASL_PLAINTEXT", "PLAIN", "gsgit", right, ""), "", ""},
		{"SCRAM 256", k.SASL, user("SASL_PLAINTEXT", "SCRAM-SHA-256", "gsgit", right, ""), "", ""},
		{"SCRAM 512 and TLS", k.SASLWithTLS, user("SASL_SSL", "SCRAM-SHA-512", "gsgit", right, k.CA), "", ""},
		{"wrong CA", k.TLS, kafkabus.Security{Protocol: "SSL", CA: otherCA}, "unknown authority", "--kafka-ssl-ca"},
		{"wrong name", k.TLS, kafkabus.Security{Protocol: "SSL", CA: k.CA, ServerName: "other"}, "not other", "--kafka-server-name"},
		{"plaintext to TLS", k.TLS, kafkabus.Security{}, "expecting TLS", "--kafka-security-protocol SSL"},
		{"TLS to plaintext", k.Addr, kafkabus.Security{Protocol: "SSL", CA: k.CA}, "EOF", "TLS"},
		{"wrong password", k.SASL, user("SASL_PLAINTEXT", "PLAIN", "gsgit", wrong, ""), "[58]", "--kafka-sasl-password-file"},
		{"wrong password, SCRAM", k.SASL, user("SASL_PLAINTEXT", "SCRAM-SHA-512", "gsgit", wrong, ""), "[58]", "--kafka-sasl-password-file"},
		{"no user", k.SASL, kafkabus.Security{}, "EOF", "--kafka-security-protocol"},
	} {
		t.Run(a.name, a.run)
	}
	t.Run("no ACL", func(t *testing.T) {
		b := open(t, kafkabus.Config{Brokers: []string{k.SASL}, Prefix: "security", Security: user("SASL_PLAINTEXT", "PLAIN", "guest", right, "")})
		defer b.Close()
		err := b.Announce(t.Context(), bustest.News("gs-a", 2))
		if err == nil || !strings.Contains(err.Error(), "[29]") || !strings.Contains(hintOf(err), "ACL") {
			t.Errorf("%v\nhint: %s", err, hintOf(err))
		}
	})
}

// TestPasswordIsReadAgain: a new password needs no restart.
func TestPasswordIsReadAgain(t *testing.T) {
	e := startEmbedded(t, kafkabus.WithUser("gsgit", "secret"))
	password := file(t, "password", "old")
	b := open(t, kafkabus.Config{Brokers: []string{e.Addr()}, Security: kafkabus.Security{
		Protocol: "SASL_PLAINTEXT", Mechanism: "SCRAM-SHA-512", Username: "gsgit", PasswordFile: password,
	}})
	defer b.Close()
	if b.Announce(t.Context(), bustest.News("gs-a", 2)) == nil {
		t.Fatal("the old password works")
	}
	if err := os.WriteFile(password, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Announce(t.Context(), bustest.News("gs-a", 2)); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	good := []string{"127.0.0.1:9092"}
	password := file(t, "password", "secret")
	for name, c := range map[string]kafkabus.Config{
		"no broker":           {},
		"broker without port": {Brokers: []string{"localhost"}},
		"broker without host": {Brokers: []string{":9092"}},
		"prefix":              {Brokers: good, Prefix: "a/b"},
		"protocol":            {Brokers: good, Security: kafkabus.Security{Protocol: "TLS"}},
		"mechanism":           {Brokers: good, Security: kafkabus.Security{Protocol: "SASL_SSL", Mechanism: "GSSAPI", Username: "a", PasswordFile: password}},
		"no user":             {Brokers: good, Security: kafkabus.Security{Protocol: "SASL_SSL"}},
		"no password file":    {Brokers: good, Security: kafkabus.Security{Protocol: "SASL_SSL", Username: "a", PasswordFile: "/nowhere/at/all"}},
		"user unprotected":    {Brokers: good, Security: kafkabus.Security{Username: "a", PasswordFile: password}},
		"CA unused":           {Brokers: good, Security: kafkabus.Security{CA: password}},
		"CA not PEM":          {Brokers: good, Security: kafkabus.Security{Protocol: "SSL", CA: password}},
		"certificate":         {Brokers: good, Security: kafkabus.Security{Protocol: "SSL", Cert: password, Key: password}},
		"key alone":           {Brokers: good, Security: kafkabus.Security{Protocol: "SSL", Key: password}},
	} {
		b, err := kafkabus.Open(c)
		if err == nil {
			b.Close()
			t.Errorf("%s: opened", name)
		} else if !strings.Contains(hintOf(err), "--") {
			t.Errorf("%s: no flag named in the hint of: %v", name, err)
		}
	}
}
