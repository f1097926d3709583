package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
)

// listenOptions say where a node answers.
type listenOptions struct {
	Listen      string
	Advertise   string
	TLSCert     string
	TLSKey      string
	TLSClientCA string
	TLSCA       string
}

func (l *listenOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Destination: &l.Listen, Value: "127.0.0.1:8418", Usage: "`ADDR` for /git/, /healthz, /readyz and /status; port 0 picks one"},
		&cli.StringFlag{Name: "advertise", Destination: &l.Advertise, Usage: "`URL` of this node's /git/ for the others, where it is not the address that it listens on"},
		&cli.StringFlag{Name: "tls-cert", Destination: &l.TLSCert, Usage: "`FILE` with this node's certificate"},
		&cli.StringFlag{Name: "tls-key", Destination: &l.TLSKey, Usage: "`FILE` with this node's key"},
		&cli.StringFlag{Name: "tls-client-ca", Destination: &l.TLSClientCA, Usage: "`FILE` with the CA of clients: only those with a certificate of it are answered"},
		&cli.StringFlag{Name: "tls-ca", Destination: &l.TLSCA, Usage: "`FILE` with the CA of the nodes fetched from"},
	}
}

// take fills in what the node used last and no flag says.
func (l *listenOptions) take(kept settings) {
	if l.TLSCA == "" {
		l.TLSCA = kept.TLSCA
	}
	if l.TLSCert == "" && l.TLSKey == "" {
		l.TLSCert, l.TLSKey = kept.TLSCert, kept.TLSKey
	}
}

// check refuses an open port without a lock.
func (l *listenOptions) check(tokenFile string) error {
	if _, _, err := net.SplitHostPort(l.Listen); err != nil {
		return misuse("--listen takes HOST:PORT, not %q", l.Listen)
	}
	if (l.TLSCert == "") != (l.TLSKey == "") {
		return misuse("--tls-cert and --tls-key go together")
	}
	if l.TLSClientCA != "" && l.TLSCert == "" { // without TLS nobody would be asked for a certificate
		return misuse("--tls-client-ca needs --tls-cert and --tls-key")
	}
	if !gsgit.IsLoopback(l.Listen) && tokenFile == "" && l.TLSClientCA == "" {
		return hinted{fmt.Errorf("--listen %s is open to other machines, and nothing guards it", l.Listen), "give --token-file, or --tls-cert, --tls-key and --tls-client-ca"}
	}
	return nil
}

// listener opens the port, with TLS where a certificate is given.
func (l *listenOptions) listener() (net.Listener, error) {
	ln, err := net.Listen("tcp", l.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, hinted{fmt.Errorf("%s is in use", l.Listen), "is another gsgit running here? Give this one another --listen, or port 0"}
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	config, err := l.serverTLS()
	if err != nil {
		ln.Close()
		return nil, err
	}
	if config != nil {
		return tls.NewListener(ln, config), nil
	}
	return ln, nil
}

func (l *listenOptions) serverTLS() (*tls.Config, error) {
	if l.TLSCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(l.TLSCert, l.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if l.TLSClientCA != "" {
		if config.ClientCAs, err = certPool(l.TLSClientCA); err != nil {
			return nil, err
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// client is the HTTP client for sources; nil is gitstore's own.
func (l *listenOptions) client() (*http.Client, error) {
	if l.TLSCA == "" && l.TLSCert == "" {
		return nil, nil
	}
	config, err := l.clientTLS()
	if err != nil {
		return nil, err
	}
	return clientWith(config), nil
}

// ownClient is for this very node. It is asked at the address that it listens on, of which its certificate may say
// nothing, and --tls-ca may be of other nodes: what counts is the certificate that it was started with, or one of a
// trusted CA with the same name, for a node goes on with the old one after a renewal.
func (l *listenOptions) ownClient() (*http.Client, error) {
	config, err := l.clientTLS()
	if err != nil {
		return nil, err
	}
	if len(config.Certificates) == 0 {
		return clientWith(config), nil
	}
	if config.RootCAs == nil {
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool() // a system without CAs; our own certificate suffices
		}
	}
	own := config.Certificates[0].Leaf
	config.RootCAs.AddCert(own)
	config.ServerName = nameIn(own)
	return clientWith(config), nil
}

// nameIn is a host name or an address that a certificate is good for; "" where it has none.
func nameIn(cert *x509.Certificate) string {
	if len(cert.DNSNames) > 0 {
		return strings.Replace(cert.DNSNames[0], "*", "node", 1)
	}
	if len(cert.IPAddresses) > 0 {
		return cert.IPAddresses[0].String()
	}
	return ""
}

func (l *listenOptions) clientTLS() (config *tls.Config, err error) {
	config = &tls.Config{MinVersion: tls.VersionTLS12}
	if l.TLSCA != "" {
		if config.RootCAs, err = certPool(l.TLSCA); err != nil {
			return nil, err
		}
	}
	if l.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(l.TLSCert, l.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("read the certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func clientWith(config *tls.Config) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: config, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 60 * time.Second,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	}}
}

func certPool(file string) (*x509.CertPool, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s holds no PEM certificate", file)
	}
	return pool, nil
}

// url is where this node's server is reached.
func (l *listenOptions) url(ln net.Listener) string {
	scheme := "http"
	if l.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + ln.Addr().String()
}

// gitURL is what this node announces; "" where others can not use it: a loopback address is of no use to
// a cluster on other machines.
func (l *listenOptions) gitURL(own string, brokersLoopback bool) string {
	if l.Advertise != "" {
		return strings.TrimSuffix(l.Advertise, "/") + "/"
	}
	host := strings.TrimPrefix(strings.TrimPrefix(own, "http://"), "https://")
	if gsgit.IsLoopback(host) && !brokersLoopback {
		return ""
	}
	return own + "/git/"
}

// serve answers until ctx ends.
func serve(ctx context.Context, ln net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(closing) != nil {
		_ = server.Close() // a fetch that still runs is tried again elsewhere
	}
	return nil
}
