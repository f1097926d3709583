package gsgit

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// trusted tells whether a remote out of a record may be asked: http(s), without a user, on a host that a
// person named.
func (s *Sources) trusted(remote string) bool {
	u, err := url.Parse(remote)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && s.namedHost(u.Host)
}

func (s *Sources) namedHost(hostport string) bool {
	host := hostOf(hostport)
	if host == "" {
		return false
	}
	for _, b := range s.Brokers {
		if hostOf(b) == host {
			return true
		}
	}
	if from, err := url.Parse(s.From.URL); err == nil && from.Host != "" && hostOf(from.Host) == host {
		return true
	}
	return slices.ContainsFunc(s.Trust, func(t string) bool { return hostOf(t) == host })
}

// toNamedHosts is the client for remotes in records. A named host that forwards us to another must not get
// this node to ask inside a network that whoever wrote the record can not reach.
func (s *Sources) toNamedHosts() *http.Client {
	if s.named != nil {
		return s.named
	}
	var own http.RoundTripper = &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: sourceWait}).DialContext,
		TLSHandshakeTimeout: sourceWait, ResponseHeaderTimeout: 60 * time.Second, ForceAttemptHTTP2: true,
		IdleConnTimeout: time.Minute,
	}
	if s.Client != nil && s.Client.Transport != nil {
		own = s.Client.Transport
	}
	s.named = &http.Client{Transport: namedHosts{own, s.namedHost}}
	return s.named
}

// sourceWait is how long a source may take to be reached at all.
const sourceWait = 10 * time.Second

// namedHosts is a transport that goes to hosts alone that a person named, wherever it is forwarded.
type namedHosts struct {
	http.RoundTripper
	named func(hostport string) bool
}

// RoundTrip refuses every other host.
func (n namedHosts) RoundTrip(r *http.Request) (*http.Response, error) {
	if !n.named(r.URL.Host) {
		return nil, &Problem{State: Degraded, Why: "it forwards to a host that nobody named: " + r.URL.Host,
			Help: "name that host with --trust if it may be asked"}
	}
	return n.RoundTripper.RoundTrip(r)
}

// hostOf is the host of host or host:port, in lower case; all loopback names are one host.
func hostOf(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return "localhost"
	}
	return host
}

// IsLoopback tells whether host or host:port is this machine alone.
func IsLoopback(hostport string) bool { return hostOf(hostport) == "localhost" }
