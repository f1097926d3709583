package gitstore

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Source says where commits are fetched from or pushed to.
type Source struct {
	// URL is an http, https, ssh or file URL, host:path as git writes it for
	// ssh, or a local path: a data directory with .git inside, a bare
	// repository, or a .git directory.
	URL string
	// Token goes to an http source as the password of basic authentication,
	// which every git host takes, and never to another host by a redirect.
	Token string
	// Client carries http requests; nil is one of our own with time-outs.
	Client *http.Client
	// Silence is how long a source may send nothing before it counts as gone;
	// zero is two minutes.
	Silence time.Duration
}

// Advert is what a source shows of itself before anything is fetched.
type Advert struct {
	// Refs holds the commits by full name, such as refs/heads/main.
	Refs map[string]Hash
	// Head is the full name of the branch that HEAD names, empty where the
	// source does not say.
	Head string

	capabilities map[string]bool
}

// A service is the half of git's protocol that a conversation is about.
type service string

const (
	uploadPack  service = "git-upload-pack"
	receivePack service = "git-receive-pack"
)

const (
	defaultSilence = 2 * time.Minute
	maxAdvertBytes = 16 << 20
)

// A peer is one conversation with a git server: its advertisement first, then
// at most one request and its answer. Neither stream is bounded or timed by it.
type peer interface {
	advert(ctx context.Context) (io.ReadCloser, error)
	exchange(ctx context.Context, request io.Reader, size int64) (io.ReadCloser, error)
	close() error
}

// A location is a source's URL taken apart; dir is set for local paths alone.
type location struct {
	url *url.URL
	dir string
}

// locate tells the ways to write a source apart, as git does: a colon before
// any slash is ssh, anything else without a scheme is a path.
func locate(raw string) (location, error) {
	if raw == "" {
		return location{}, remoteFault(nil, "give a URL or a path", true, "the source has no address")
	}
	if !strings.Contains(raw, "://") {
		host, path, ssh := strings.Cut(raw, ":")
		if ssh && !strings.Contains(host, "/") {
			return sshLocation(host, path)
		}
		return location{dir: filepath.Clean(raw)}, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The parser's error quotes the address, and with it a password.
		return location{}, remoteFault(nil, "", true, "the address of the source can not be read")
	}
	switch u.Scheme {
	case "http", "https", "ssh":
		if u.Host == "" {
			return location{}, remoteFault(nil, "", true, "the address %s names no host", u.Redacted())
		}
		return location{url: u}, nil
	case "file":
		if u.Path == "" || u.Host != "" && u.Host != "localhost" {
			return location{}, remoteFault(nil, "write file:///path, or the path alone", true, "%s is no path of this machine", u.Redacted())
		}
		return location{dir: filepath.FromSlash(u.Path)}, nil
	}
	return location{}, remoteFault(nil, "use http, https, ssh, file or a local path", true,
		"sources by %s are not known", u.Scheme)
}

func sshLocation(host, path string) (location, error) {
	u := &url.URL{Scheme: "ssh", Host: host, Path: path}
	if user, name, ok := strings.Cut(host, "@"); ok {
		u.User, u.Host = url.User(user), name
	}
	return location{url: u}, nil
}

// String is the source as it may stand in a log: without its password.
func (l location) String() string {
	if l.url == nil {
		return l.dir
	}
	return l.url.Redacted()
}

// dial begins a conversation; no byte has been sent when it returns.
func dial(l location, src Source, what service) (peer, error) {
	switch {
	case l.url == nil:
		return localProcess(l.dir, what)
	case l.url.Scheme == "ssh":
		return sshProcess(l.url, what)
	}
	return newHTTPPeer(l.url, src, what), nil
}

// stallGuard ends a conversation in which nothing moves any more, or hardly anything: a peer that keeps its connection
// open and says nothing, or a byte a minute, would hold the loop for ever.
type stallGuard struct {
	timer *time.Timer
	limit time.Duration
	stop  func()

	mu    sync.Mutex
	moved int       // bytes since then
	since time.Time // when there were enough of them last
}

// A peer that gives signs of life may take its time to make a pack, but not more than crawlLimits silences for each
// crawlBytes.
const (
	crawlBytes  = 64 << 10
	crawlLimits = 15
)

func guardStall(ctx context.Context, limit time.Duration) (context.Context, *stallGuard) {
	if limit <= 0 {
		limit = defaultSilence
	}
	ctx, cancel := context.WithCancelCause(ctx)
	g := &stallGuard{limit: limit, since: time.Now()}
	g.timer = time.AfterFunc(limit, func() { cancel(g.fault()) })
	g.stop = func() { g.timer.Stop(); cancel(nil) }
	return ctx, g
}

func (g *stallGuard) fault() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.since) >= crawlLimits*g.limit {
		return remoteFault(nil, "", false, "only %d bytes came in %v", g.moved, crawlLimits*g.limit)
	}
	return remoteFault(nil, "", false, "nothing came for %v", g.limit)
}

// sign is a sign of life: some bytes, or none.
func (g *stallGuard) sign(bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.moved += bytes; g.moved >= crawlBytes {
		g.moved, g.since = 0, time.Now()
	}
	g.timer.Reset(min(g.limit, max(0, time.Until(g.since.Add(crawlLimits*g.limit)))))
}

// rest ends the watch: the source has done its part, and checking what it sent
// may take longer than its silence may.
func (g *stallGuard) rest() { g.timer.Stop() }

// reader passes r on and takes each read as a sign of life.
func (g *stallGuard) reader(r io.Reader) io.Reader { return &liveReader{r, g} }

type liveReader struct {
	io.Reader
	guard *stallGuard
}

func (r *liveReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.guard.sign(n)
	return n, err
}

// writer is reader for what goes out: a slow disk is no silent source.
func (g *stallGuard) writer(w io.Writer) io.Writer { return &liveWriter{w, g} }

type liveWriter struct {
	io.Writer
	guard *stallGuard
}

func (w *liveWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.guard.sign(n)
	return n, err
}

// because replaces the bare "context canceled" that a read ends with by the
// reason for the cancelling.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// boundedReader ends with an error, not with an end of file, where a peer sends
// more than it may.
type boundedReader struct {
	io.Reader
	left int64
}

func (r *boundedReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than anything sensible")
	}
	n, err := r.Reader.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}
