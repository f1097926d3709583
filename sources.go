package gsgit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
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

	polled  time.Time
	pollErr error                // of the last poll, until the next
	heard   map[string]bool      // refs that the topic stands for now
	asked   map[string]bool      // refs that the last poll stands for, while no doorbell can be heard
	silent  map[string]time.Time // when sources failed to give a commit, by URL
	named   *http.Client         // for remotes in records: to hosts that a person named
}

// Listen fetches what was announced and is not here, and polls where it is due. An error for one source
// does not keep it from the others. The result asks for the next poll.
func (s *Sources) Listen(ctx context.Context, store *gitstore.Store, disk func() (gitstore.Hash, error)) (time.Duration, error) {
	have, err := disk()
	if err != nil {
		return 0, err
	}
	heard := s.listen(ctx, store, have)
	if !s.blind(store) {
		s.asked, s.pollErr = nil, nil
		return s.Poll, heard
	}
	if wait := s.Poll - time.Since(s.polled); wait > 0 {
		return wait, errors.Join(heard, s.pollErr)
	}
	s.polled = time.Now()
	s.pollErr = s.poll(ctx, store, have)
	return s.Poll, errors.Join(heard, s.pollErr)
}

// blind tells whether no doorbell can be heard now: there is none, it is broken, or, on an empty topic, it
// never rang for our branch. That says nothing of those who were named as sources.
func (s *Sources) blind(store *gitstore.Store) bool {
	return s.Table == nil || s.Table.Err() != nil ||
		!slices.ContainsFunc(s.Table.Heads(), func(a kafkabus.Announcement) bool { return a.Ref == store.BranchRef() })
}

// Heads lists the heads that were fetched, by refs/remotes/: those that somebody stands for now, and those
// that are only remembered, of a retired instance or from before a start.
func (s *Sources) Heads(store *gitstore.Store) (current, remembered []gitstore.Hash, err error) {
	refs, err := store.Refs(remoteRefs)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		_, branch, _ := strings.Cut(strings.TrimPrefix(name, remoteRefs), "/")
		switch {
		case branch != store.Branch() || refs[name].IsZero():
		case s.heard[name] || s.asked[name]:
			current = append(current, refs[name])
		default:
			remembered = append(remembered, refs[name])
		}
	}
	return current, remembered, nil
}

const remoteRefs = "refs/remotes/"

// listen brings each announced head of our branch that is not here.
func (s *Sources) listen(ctx context.Context, store *gitstore.Store, have gitstore.Hash) error {
	if s.Table == nil {
		return nil
	}
	heads := s.Table.Heads()
	s.remember(heads)
	s.heard = map[string]bool{}
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
	held, err := s.holds(ctx, store, a, commit)
	if err == nil && !held {
		err = s.fetch(ctx, store, a, commit, have)
	}
	if err != nil {
		return err
	}
	root, err := store.Root(ctx, commit)
	if err != nil {
		return fmt.Errorf("%s announced what is no commit: %w", a.Instance, err)
	}
	if root.String() != a.Cluster {
		return &Problem{State: Diverged, Why: fmt.Sprintf("%s announces %s as of cluster %s, and it is of %s", a.Instance, commit, a.Cluster, root),
			Help: "look at what runs as that instance"}
	}
	return note(ctx, store, refName(store, a.Instance), commit, s.heard)
}

// holds tells whether an announced commit is here whole. Mostly it was noted when it was fetched.
func (s *Sources) holds(ctx context.Context, store *gitstore.Store, a kafkabus.Announcement, commit gitstore.Hash) (bool, error) {
	if noted, err := store.Ref(refName(store, a.Instance)); err == nil && noted == commit && store.Has(commit) {
		return true, nil
	}
	return store.Holds(ctx, commit)
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
	s.silentLast(sources, time.Now())
	for _, src := range sources {
		err := store.Fetch(ctx, src, commit, have)
		if err == nil {
			return nil
		}
		s.silent[src.URL] = time.Now()
		all = errors.Join(all, err)
	}
	return fmt.Errorf("fetch %s of %s: %w", commit, a.Instance, all)
}

// refetch brings all that a commit reaches from any source there is, whatever seems to be here.
func (s *Sources) refetch(ctx context.Context, store *gitstore.Store, commit gitstore.Hash) error {
	remotes := s.Memory.Remotes()
	if s.Table != nil {
		for _, a := range s.Table.Heads() {
			remotes = append(remotes, a.Remotes...)
		}
	}
	all := errors.New("no source for it is known")
	for i, src := range s.sources(remotes) {
		err := store.Refetch(ctx, src, commit)
		if err == nil {
			return nil
		}
		if i == 0 {
			all = nil
		}
		all = errors.Join(all, err)
	}
	return fmt.Errorf("fetch it again: %w", all)
}

// silentLast puts the sources that failed a moment ago behind the others: one that swallows every question
// costs its whole wait each time.
func (s *Sources) silentLast(sources []gitstore.Source, now time.Time) {
	if s.silent == nil {
		s.silent = map[string]time.Time{}
	}
	slices.SortStableFunc(sources, func(a, b gitstore.Source) int {
		return rank(now.Sub(s.silent[a.URL]) < silence) - rank(now.Sub(s.silent[b.URL]) < silence)
	})
}

// silence is how long a source that failed is asked after the others.
const silence = time.Minute

func rank(silent bool) int {
	if silent {
		return 1
	}
	return 0
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
			all = append(all, gitstore.Source{URL: u, Token: s.Token, Client: s.toNamedHosts()})
		}
		seen[u] = true
	}
	return all
}

// poll asks every known source for the branch's head.
func (s *Sources) poll(ctx context.Context, store *gitstore.Store, have gitstore.Hash) error {
	sources := s.sources(s.Memory.Remotes())
	s.asked = map[string]bool{}
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
			if err := note(ctx, store, s.refOf(store, src.URL), head, s.asked); err != nil {
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

// refOf is the ref of a source that has no instance name, another one for each that this poll has asked.
func (s *Sources) refOf(store *gitstore.Store, source string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, source)
	const most = 200 // a name of a file, which may have 255 bytes
	name = "from-" + strings.Trim(name[max(0, len(name)-most):], "-")
	for s.asked[refName(store, name)] {
		name += "-too"
	}
	return refName(store, name)
}

// refName is the ref of what an instance stands for. Instances may have names that git takes for no part of
// a ref, as "..", "a..b" and "x.lock": their dots are written as web addresses write them.
func refName(store *gitstore.Store, name string) string {
	if strings.Contains(name, "..") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.HasSuffix(name, ".lock") {
		name = strings.ReplaceAll(name, ".", "%2E")
	}
	return remoteRefs + name + "/" + store.Branch()
}

// note remembers a fetched head under refs/remotes/, and that somebody stands for it.
func note(ctx context.Context, store *gitstore.Store, ref string, head gitstore.Hash, current map[string]bool) error {
	was, err := store.Ref(ref)
	if err == nil && was != head {
		err = store.SetRef(ctx, ref, was, head)
	}
	if errors.Is(err, gitstore.ErrRefMoved) {
		// A resync beside this node hears the same news.
		if was, err = store.Ref(ref); err == nil && was != head {
			err = store.SetRef(ctx, ref, was, head)
		}
	}
	current[ref] = err == nil
	return err
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
