package gsgit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
)

// table is what a replica hears: the announced heads and the node records of the topics.
type table interface {
	Heads() []kafkabus.Announcement
	Nodes() []kafkabus.Node
	Err() error
}

// Sources knows where commits can be fetched and brings them, by what the bus says or, without a doorbell,
// by asking. It only ever adds objects and moves refs/remotes/: what to do with them is the Follower's.
type Sources struct {
	Table   table           // nil: no bus
	From    gitstore.Source // asked first; no URL: none
	Hub     gitstore.Source // asked next
	Trust   []string        // hosts whose remotes in records are used, beside From's and the brokers'
	Brokers []string        // host:port
	Own     string          // this instance, which is no source
	Token   string          // for remotes in records
	Client  *http.Client    // for remotes in records; nil: the store's own
	Poll    time.Duration   // between questions where no doorbell rings
	Memory  *Memory         // the remotes last heard, for a start without a broker
	Log     *slog.Logger

	polled time.Time
}

// Listen fetches what was announced and is not here, and polls where it is due. An error for one source
// does not keep it from the others. The result asks for the next poll.
func (s *Sources) Listen(ctx context.Context, store *gitstore.Store, disk func() (gitstore.Hash, error)) (time.Duration, error) {
	have, err := disk()
	if err != nil {
		return 0, err
	}
	heard := s.listen(ctx, store, have)
	if !s.blind() {
		return s.Poll, heard
	}
	if time.Since(s.polled) < s.Poll {
		return s.Poll - time.Since(s.polled), heard
	}
	s.polled = time.Now()
	return s.Poll, errors.Join(heard, s.poll(ctx, store, have))
}

// blind tells whether no doorbell can be heard now.
func (s *Sources) blind() bool { return s.Table == nil || s.Table.Err() != nil }

// Heads lists the heads that were fetched, by refs/remotes/.
func (s *Sources) Heads(store *gitstore.Store) ([]gitstore.Hash, error) {
	refs, err := store.Refs("refs/remotes/")
	if err != nil {
		return nil, err
	}
	var heads []gitstore.Hash
	for name, head := range refs {
		if strings.HasSuffix(name, "/"+store.Branch()) && !head.IsZero() {
			heads = append(heads, head)
		}
	}
	slices.SortFunc(heads, func(a, b gitstore.Hash) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(heads), nil
}

// listen brings each announced head of our branch that is not here.
func (s *Sources) listen(ctx context.Context, store *gitstore.Store, have gitstore.Hash) error {
	if s.Table == nil {
		return nil
	}
	heads := s.Table.Heads()
	s.remember(heads)
	var all error
	for _, a := range heads {
		if a.Ref == store.BranchRef() {
			all = errors.Join(all, s.bring(ctx, store, a, have))
		}
	}
	return all
}

func (s *Sources) bring(ctx context.Context, store *gitstore.Store, a kafkabus.Announcement, have gitstore.Hash) error {
	commit, err := gitstore.ParseHash(a.Commit)
	if err != nil {
		return fmt.Errorf("%s announced %q: %w", a.Instance, a.Commit, err)
	}
	if err := s.sameCluster(ctx, store, a, have); err != nil {
		return err
	}
	if !store.Has(commit) {
		if err := s.fetch(ctx, store, a, commit, have); err != nil {
			return err
		}
	}
	return note(ctx, store, a.Instance, commit)
}

// sameCluster keeps the history of another catalog out: only a first apply may choose one.
func (s *Sources) sameCluster(ctx context.Context, store *gitstore.Store, a kafkabus.Announcement, have gitstore.Hash) error {
	if have.IsZero() {
		return nil
	}
	root, err := store.Root(ctx, have)
	if err != nil {
		return fmt.Errorf("find the first commit of %s: %w", have, err)
	}
	if root.String() == a.Cluster {
		return nil
	}
	return &Problem{State: Diverged, Why: fmt.Sprintf("%s announces another cluster on %s", a.Instance, store.Branch()),
		Help: "give one of them another --topic-prefix or --branch"}
}

// fetch tries every source that may have an announced commit, in the order of docs/wire.md.
func (s *Sources) fetch(ctx context.Context, store *gitstore.Store, a kafkabus.Announcement, commit, have gitstore.Hash) error {
	sources := s.sources(a.Remotes)
	if len(sources) == 0 {
		return &Problem{State: Degraded, Why: fmt.Sprintf("%s announced %s, and no source for it is trusted: %s", a.Instance, commit, strings.Join(a.Remotes, ", ")),
			Help: "name its host with --trust, or a source with --from"}
	}
	var all error
	for _, src := range sources {
		err := store.Fetch(ctx, src, commit, have)
		if err == nil {
			return nil
		}
		all = errors.Join(all, err)
	}
	return fmt.Errorf("fetch %s of %s: %w", commit, a.Instance, all)
}

// sources puts the given ones first, then the trusted remotes of a record and of every node.
func (s *Sources) sources(remotes []string) []gitstore.Source {
	var all []gitstore.Source
	for _, given := range []gitstore.Source{s.From, s.Hub} {
		if given.URL != "" {
			all = append(all, given)
		}
	}
	urls := slices.Clone(remotes)
	if s.Table != nil {
		for _, n := range s.Table.Nodes() {
			if n.Instance != s.Own {
				urls = append(urls, n.URL)
			}
		}
	}
	seen := map[string]bool{"": true}
	for _, u := range urls {
		if !seen[u] && s.trusted(u) {
			all = append(all, gitstore.Source{URL: u, Token: s.Token, Client: s.Client})
		}
		seen[u] = true
	}
	return all
}

// poll asks every known source for the branch's head.
func (s *Sources) poll(ctx context.Context, store *gitstore.Store, have gitstore.Hash) error {
	sources := s.sources(s.Memory.Remotes())
	var all error
	answered := false
	for _, src := range sources {
		head, err := store.FetchBranch(ctx, src, store.BranchRef(), have)
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		answered = true
		if !head.IsZero() {
			if err := note(ctx, store, remoteName(src.URL), head); err != nil {
				return err
			}
		}
	}
	if answered {
		return nil // the others may be down: that costs nothing while one answers
	}
	if all != nil {
		return fmt.Errorf("poll: %w", all)
	}
	return nil
}

// remoteName makes the ref component of a source that has no instance name.
func remoteName(source string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, source)
	return "from-" + strings.Trim(name, "-")
}

// note remembers a fetched head under refs/remotes/.
func note(ctx context.Context, store *gitstore.Store, name string, head gitstore.Hash) error {
	ref := "refs/remotes/" + name + "/" + store.Branch()
	was, err := store.Ref(ref)
	if err != nil || was == head {
		return err
	}
	return store.SetRef(ctx, ref, was, head)
}

func (s *Sources) remember(heads []kafkabus.Announcement) {
	var urls []string
	for _, a := range heads {
		for _, u := range a.Remotes {
			if s.trusted(u) {
				urls = append(urls, u)
			}
		}
	}
	if err := s.Memory.Remember(urls); err != nil {
		s.Log.Warn("remember the sources", "err", err)
	}
}

// trusted tells whether a remote out of a record may be asked: http(s), on a host that a person named.
func (s *Sources) trusted(remote string) bool {
	u, err := url.Parse(remote)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := hostOf(u.Host)
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
