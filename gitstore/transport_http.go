package gitstore

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const maxRedirects = 5

// httpPeer speaks git's smart http protocol: one GET for the advertisement, one
// POST for the exchange, no state at the server in between.
type httpPeer struct {
	client *http.Client
	own    bool
	base   *url.URL // without user, query and the last slash
	what   service

	user, password string
}

func newHTTPPeer(u *url.URL, src Source, what service) *httpPeer {
	p := &httpPeer{what: what, own: src.Client == nil}
	p.client = p.redirecting(src.Client)
	p.setBase(u)
	if u.User != nil {
		p.user = u.User.Username()
		p.password, _ = u.User.Password()
	}
	if src.Token != "" {
		p.password = src.Token
	}
	return p
}

// redirecting copies the client, so that the caller's keeps its own rule.
func (p *httpPeer) redirecting(given *http.Client) *http.Client {
	c := http.Client{Transport: ownTransport()}
	if given != nil {
		c = *given
	}
	c.CheckRedirect = checkRedirect
	return &c
}

// ownTransport has no limit for a whole answer, since a clone may take long:
// the stallGuard ends those that have stopped moving.
func ownTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
	}
}

// checkRedirect lets only the first request be forwarded, as git does, and
// takes the credentials off before they reach another host: Go by itself still
// sends them to subdomains and other ports.
func checkRedirect(next *http.Request, before []*http.Request) error {
	first := before[0]
	switch {
	case first.Method != http.MethodGet:
		return http.ErrUseLastResponse
	case len(before) > maxRedirects:
		return errors.New("it forwards in a circle")
	case first.URL.Scheme == "https" && next.URL.Scheme != "https":
		return errors.New("it forwards from https to plain http")
	}
	if !sameOrigin(first.URL, next.URL) {
		next.Header.Del("Authorization")
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

func (p *httpPeer) setBase(u *url.URL) {
	base := *u
	base.User, base.RawQuery, base.Fragment = nil, "", ""
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), ""
	p.base = &base
}

func (p *httpPeer) advert(ctx context.Context) (io.ReadCloser, error) {
	resp, err := p.do(ctx, http.MethodGet, "/info/refs?service="+string(p.what), nil, 0)
	if err != nil {
		return nil, err
	}
	if err := p.expect(resp, "advertisement"); err != nil {
		return nil, err
	}
	p.follow(resp.Request.URL)
	return &drainedBody{resp.Body}, nil
}

// drainedBody reads the few bytes of framing behind the last line, so that the
// connection can carry the next request, too.
type drainedBody struct{ io.ReadCloser }

func (b *drainedBody) Close() error {
	_, _ = io.CopyN(io.Discard, b.ReadCloser, 64) // only a connection is lost without
	return b.ReadCloser.Close()
}

// follow makes the place that the first request was forwarded to the base of
// the second, which goes there without credentials if it is another host's.
func (p *httpPeer) follow(final *url.URL) {
	path, ok := strings.CutSuffix(final.Path, "/info/refs")
	if !ok {
		return
	}
	if !sameOrigin(p.base, final) {
		p.user, p.password = "", ""
	}
	moved := *final
	moved.Path = path
	p.setBase(&moved)
}

func (p *httpPeer) exchange(ctx context.Context, request io.Reader, size int64) (io.ReadCloser, error) {
	resp, err := p.do(ctx, http.MethodPost, "/"+string(p.what), io.NopCloser(request), size)
	if err != nil {
		return nil, err
	}
	return &drainedBody{resp.Body}, p.expect(resp, "result")
}

func (p *httpPeer) do(ctx context.Context, method, path string, body io.Reader, size int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.base.String()+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "git/2.0 (gsgit)") // some hubs send everything but git to their web pages
	// Packs are deflated already, and a few zipped bytes could become a disk full.
	req.Header.Set("Accept-Encoding", "identity")
	if method == http.MethodPost {
		req.ContentLength = size
		req.Header.Set("Content-Type", "application/x-"+string(p.what)+"-request")
		req.Header.Set("Accept", "application/x-"+string(p.what)+"-result")
	}
	if p.password != "" {
		// Our own server looks at the password alone; a hub wants some name.
		req.SetBasicAuth(cmp.Or(p.user, "gsgit"), p.password)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, dialError(because(ctx, err))
	}
	return resp, nil
}

// expect refuses every answer that is not git's, and closes it: a captive
// portal or a wrong path answers 200 with a page.
func (p *httpPeer) expect(resp *http.Response, part string) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusOK && kind == "application/x-"+string(p.what)+"-"+part {
		return nil
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return remoteFault(nil, "the address of a node ends in /git/, that of a hub is what git clone takes", false,
			"what answers there is not a git server (%.60s)", cmp.Or(kind, "no content type"))
	}
	said := ""
	if kind == "text/plain" {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // a nicety; the status stands without it
		said = printable(string(text))
	}
	return statusError(resp.StatusCode, said)
}

func (p *httpPeer) close() error {
	if p.own {
		p.client.CloseIdleConnections()
	}
	return nil
}
