package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// authority signs certificates for 127.0.0.1 and keeps all of its files in one directory.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a := &authority{dir: t.TempDir(), key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nodes"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key)
	must(t, err)
	a.cert, err = x509.ParseCertificate(der)
	must(t, err, a.write("ca.crt", "CERTIFICATE", der))
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) write(name, kind string, der []byte) error {
	return os.WriteFile(a.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// node makes the certificate of a node, for both ends of a connection, and gives the flags that name it.
func (a *authority) node(t *testing.T, name string) []string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: a.cert.NotBefore,
		NotAfter: a.cert.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, key.Public(), a.key)
	must(t, err, a.write(name+".crt", "CERTIFICATE", der), a.write(name+".key", "EC PRIVATE KEY", secret))
	return []string{"--tls-cert", a.file(name + ".crt"), "--tls-key", a.file(name + ".key")}
}

// get asks as the named node, or without a certificate of one's own where the name is empty.
func (a *authority) get(name, url string) (string, error) {
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(a.cert)
	if name != "" {
		pair, err := tls.LoadX509KeyPair(a.file(name+".crt"), a.file(name+".key"))
		if err != nil {
			return "", err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: patience}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		err = errors.Join(err, errors.New(answer.Status))
	}
	return string(text), err
}

// TestClientCertificates: where a node asks for them, only those of its CA are answered, whatever they ask.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	ca, strangers := newAuthority(t), newAuthority(t)
	primary, replica := sampled(t).Dir, t.TempDir()
	p := launch(t, nil, watching(primary, append(ca.node(t, "a"), "--brokers", "none", "--tls-client-ca", ca.file("ca.crt"))...)...)
	url := p.http()
	if !strings.HasPrefix(url, "https://127.0.0.1:") {
		t.Fatalf("the node is at %s", url)
	}
	p.await("msg=watching")
	theirs := strangers.node(t, "b")
	ours := ca.node(t, "b")
	for _, path := range []string{"/git/info/refs?service=git-upload-pack", "/status", "/healthz"} {
		if text, err := ca.get("b", url+path); err != nil || text == "" {
			t.Errorf("%s: %v, %q", path, err, text)
		}
		if text, err := ca.get("", url+path); err == nil || !strings.Contains(err.Error(), "certificate required") {
			t.Errorf("%s without a certificate: %v, %q", path, err, text)
		}
	}
	from := []string{"--once", "--from", url + "/git/", "--tls-ca", ca.file("ca.crt")}
	refused(t, []string{"certificate required"}, following(t.TempDir(), from...)...)
	refused(t, []string{"unknown certificate authority"}, following(t.TempDir(), append(theirs, from...)...)...)
	refused(t, []string{"certificate signed by unknown authority"},
		following(t.TempDir(), append(ours, "--once", "--from", url+"/git/", "--tls-ca", strangers.file("ca.crt"))...)...)
	runs(t, following(replica, append(ours, from...)...)...)
	if got, want := ref(t, replica, mainRef), ref(t, primary, mainRef); got != want {
		t.Errorf("fetched %s, and the primary is at %s", got, want)
	}
	inStep(t, replica, false)
}

// TestStatusOverTLS: a node is asked as it was started, wherever the command is given, and known by its certificate: for
// the machine's other addresses too, and where --tls-ca is of others.
func TestStatusOverTLS(t *testing.T) {
	t.Parallel()
	ca, others, dir := newAuthority(t), newAuthority(t), sampled(t).Dir
	here, err := os.Getwd()
	must(t, err)
	named := ca.node(t, "a")
	for _, i := range []int{1, 3} { // from where the node is started, which the later command is not
		named[i], err = filepath.Rel(here, named[i])
		must(t, err)
	}
	for name, more := range map[string][]string{
		"certificate":         nil,
		"client certificates": {"--tls-client-ca", ca.file("ca.crt")},
		"CA of others":        {"--tls-client-ca", ca.file("ca.crt"), "--tls-ca", others.file("ca.crt")},
		"all addresses":       {"--tls-client-ca", ca.file("ca.crt"), "--listen", "0.0.0.0:0"},
	} {
		t.Run(name, func(t *testing.T) {
			p := launch(t, nil, watching(dir, slices.Concat(named, []string{"--brokers", "none"}, more)...)...)
			want := fmt.Sprintf("%q", p.http())
			p.await("msg=watching")
			cmd := exec.Command("gsgit", "status", "-d", dir, "--json")
			cmd.Dir = t.TempDir()
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
				t.Errorf("status ends with %v, and nothing of %s: %s", err, want, out)
			}
			p.terminate()
		})
	}
}
