package gsgit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// board is where heads are announced: a Kafka topic, or memory in tests. Own reads this node's own key
// back as last heard, so that a topic that was wiped or taken over is noticed.
type board interface {
	Announce(ctx context.Context, a kafkabus.Announcement) error
	Own(key string) (kafkabus.Announcement, bool)
	Heads() []kafkabus.Announcement
	CaughtUp() <-chan struct{}
}

// Announcer tells of the head of a primary's branch. The marker refs/gsgit/announced is the outbox: while
// the head is beyond it the newest head is announced, and the marker moves last. It is a Task of its own,
// so that a broker that does not answer never delays a commit.
type Announcer struct {
	Store    *gitstore.Store
	Board    board
	Instance string
	Epoch    string          // of this process: Unix ns, "-", 8 hex digits
	Hub      gitstore.Source // pushed to before announcing; no URL: none
	Remotes  func() []string // git URLs under which replicas can fetch
	Log      *slog.Logger
	Step     func(string)

	mu       sync.Mutex
	recorded map[gitstore.Hash]kafkabus.Summary // of commits not yet announced
	cluster  string
	sent     time.Time             // when a record was last written
	answered kafkabus.Announcement // the record of an earlier life that was announced over
}

// Sync announces the newest head if the outbox or the topic lacks it.
func (a *Announcer) Sync(ctx context.Context) (time.Duration, error) {
	head, err := a.Store.Ref(a.Store.BranchRef())
	if err != nil || head.IsZero() {
		return 0, err
	}
	announced, err := a.Store.Ref(AnnouncedRef)
	if err != nil {
		return 0, err
	}
	due := head != announced
	if a.Board != nil {
		if due, err = a.due(ctx, announced, head); err != nil {
			return 0, err
		}
	}
	if !due {
		return a.unread(), nil
	}
	if err := a.push(ctx, head); err != nil {
		return 0, err
	}
	return readBack, a.announce(ctx, announced, head)
}

// readBack is how long a record of ours may take to come back from the topic before it counts as lost.
const readBack = 5 * time.Second

// unread asks for a look when a record that was written and not read back yet would count as lost.
func (a *Announcer) unread() time.Duration {
	if wait := readBack - time.Since(a.sent); wait > 0 {
		return wait
	}
	return 0
}

// due tells whether the head must be announced, by the outbox and by what the topic says. Nothing is
// announced before the topic has been read: it may know of a history that this head would hide.
func (a *Announcer) due(ctx context.Context, announced, head gitstore.Hash) (bool, error) {
	select {
	case <-a.Board.CaughtUp():
	default:
		return false, nil // a hint comes when the topic has been read
	}
	if err := a.sameCluster(ctx, head); err != nil {
		return false, err
	}
	again, err := a.judge(ctx, head)
	return again || head != announced, err
}

// sameCluster stops two unrelated GeoServers from announcing on one branch.
func (a *Announcer) sameCluster(ctx context.Context, head gitstore.Hash) error {
	cluster, err := a.clusterID(ctx, head)
	if err != nil {
		return err
	}
	for _, other := range a.Board.Heads() {
		if other.Ref == a.Store.BranchRef() && other.Cluster != cluster {
			return &Problem{State: Diverged, Why: fmt.Sprintf("%s announces the history of another GeoServer on %s", other.Instance, a.Store.Branch()),
				Help: "give one of the two another --topic-prefix or --branch, or start this one with --from to join the other"}
		}
	}
	return nil
}

// judge reads our own key back. An older record of ours that hides the newest, or an empty topic, is
// answered by announcing again; another live process under our name is not argued with.
func (a *Announcer) judge(ctx context.Context, head gitstore.Hash) (bool, error) {
	own := kafkabus.Announcement{Instance: a.Instance, Ref: a.Store.BranchRef(), Commit: head.String(), Epoch: a.Epoch}
	seen, ok := a.Board.Own(own.Key())
	switch kafkabus.Judge(own, seen, ok, a.answered) {
	case kafkabus.Twin:
		return false, &Problem{State: Error, Why: fmt.Sprintf("another gsgit announces as %s (since %s)", a.Instance, seen.Epoch),
			Help: "give each node its own --instance; nothing is announced until one of them has another"}
	case kafkabus.Again:
		if err := a.covers(ctx, seen, ok, head); err != nil {
			return false, err
		}
		if a.unread() > 0 {
			return false, nil // ours is on its way back
		}
		a.answered = seen
		return true, nil
	}
	// A start on an unchanged head may have other addresses than the life before.
	return a.unread() == 0 && !slices.Equal(seen.Remotes, a.Remotes()), nil
}

// covers makes sure that the head contains what was announced under our name before: a directory restored
// from a backup, with its repository, may have forgotten commits that replicas have applied.
func (a *Announcer) covers(ctx context.Context, seen kafkabus.Announcement, ok bool, head gitstore.Hash) error {
	if !ok {
		return nil
	}
	commit, err := gitstore.ParseHash(seen.Commit)
	if err != nil {
		return nil // nonsense under our key is written over
	}
	if a.Store.Has(commit) {
		if older, err := a.Store.IsAncestor(ctx, commit, head); err != nil || older {
			return err
		}
	}
	return &Problem{State: Diverged, Why: fmt.Sprintf("%s was announced by this instance and is not in its history", seen.Commit),
		Help: "start again with the broker and a replica within reach: the commit is then fetched and the directory recorded on top of it"}
}

// announce publishes and moves the marker. Killed in between, one record is announced twice: harmless.
func (a *Announcer) announce(ctx context.Context, announced, head gitstore.Hash) error {
	if a.Board == nil {
		return a.mark(ctx, announced, head) // replicas poll
	}
	record, err := a.record(ctx, announced, head)
	if err != nil {
		return err
	}
	a.step("announcer.announce")
	if err := a.Board.Announce(ctx, record); err != nil {
		return fmt.Errorf("announce %s: %w", head, err)
	}
	a.sent = time.Now()
	a.step("announcer.announced")
	if err := a.mark(ctx, announced, head); err != nil {
		return err
	}
	a.Log.Info("announced", "commit", head.String(), "commits", record.Commits)
	return nil
}

func (a *Announcer) mark(ctx context.Context, announced, head gitstore.Hash) error {
	a.mu.Lock()
	clear(a.recorded)
	a.mu.Unlock()
	if announced == head {
		return nil
	}
	return a.Store.SetRef(ctx, AnnouncedRef, announced, head)
}

// push brings the hub up to date before anyone hears of a commit that is to be fetched there.
func (a *Announcer) push(ctx context.Context, head gitstore.Hash) error {
	if a.Hub.URL == "" {
		return nil
	}
	advert, err := a.Store.Advertised(ctx, a.Hub)
	if err != nil {
		return fmt.Errorf("ask the hub: %w", err)
	}
	there := advert.Refs[a.Store.BranchRef()]
	if there == head {
		return nil
	}
	if !there.IsZero() && !a.Store.Has(there) {
		return &Problem{State: Diverged, Why: "the hub has commits that this node lacks", Help: "look at them with git, then `gsgit resync --to REF`"}
	}
	err = a.Store.Push(ctx, a.Hub, a.Store.BranchRef(), there, head)
	if errors.Is(err, gitstore.ErrRejected) {
		return &Problem{State: Diverged, Why: "the hub refused the push", Cause: err, Help: HintOf(err)}
	}
	return err
}

// record is the announcement of head to those who know the last one.
func (a *Announcer) record(ctx context.Context, announced, head gitstore.Hash) (kafkabus.Announcement, error) {
	cluster, err := a.clusterID(ctx, head)
	if err != nil {
		return kafkabus.Announcement{}, err
	}
	record := kafkabus.Announcement{
		V: 1, Cluster: cluster, Instance: a.Instance, Ref: a.Store.BranchRef(), Commit: head.String(),
		Epoch: a.Epoch, Time: time.Now().UTC(), Remotes: a.Remotes(),
	}
	if !announced.IsZero() {
		record.Parent = announced.String()
	}
	commits, err := a.unannounced(ctx, announced, head)
	if err != nil {
		return record, err
	}
	record.Commits = len(commits)
	record.Summary, err = a.summary(ctx, announced, commits)
	return record, err
}

// unannounced lists the commits beyond the outbox's marker, newest first.
func (a *Announcer) unannounced(ctx context.Context, announced, head gitstore.Hash) ([]gitstore.Hash, error) {
	var commits []gitstore.Hash
	for c, err := range a.Store.Log(ctx, head) {
		if err != nil {
			return nil, fmt.Errorf("count the commits since the last announcement: %w", err)
		}
		if c.ID == announced {
			break
		}
		commits = append(commits, c.ID)
	}
	return commits, nil
}

func (a *Announcer) clusterID(ctx context.Context, head gitstore.Hash) (string, error) {
	if a.cluster != "" {
		return a.cluster, nil
	}
	root, err := a.Store.Root(ctx, head)
	if err != nil {
		return "", fmt.Errorf("find the first commit of %s: %w", a.Store.Branch(), err)
	}
	a.cluster = root.String()
	return a.cluster, nil
}

// Recorded remembers what a commit means until it is announced, and is safe from any goroutine.
func (a *Announcer) Recorded(commit gitstore.Hash, m xmlcatalog.Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.recorded == nil {
		a.recorded = map[gitstore.Hash]kafkabus.Summary{}
	}
	a.recorded[commit] = summaryOf(m)
}

func summaryOf(m xmlcatalog.Message) kafkabus.Summary {
	return kafkabus.Summary{Created: m.Created, Modified: m.Modified, Deleted: m.Deleted, Renamed: m.Renamed, Objects: m.Touched}
}

// summary counts what the unannounced commits changed: as remembered, or, for those made before this
// process started, by comparing. A first announcement has none, since it would be everything.
func (a *Announcer) summary(ctx context.Context, announced gitstore.Hash, commits []gitstore.Hash) (kafkabus.Summary, error) {
	var sum kafkabus.Summary
	if announced.IsZero() || len(commits) == 0 {
		return sum, nil
	}
	a.mu.Lock()
	recorded := maps.Clone(a.recorded) // not held while comparing: it would keep the next commit waiting
	a.mu.Unlock()
	for _, c := range commits {
		s, ok := recorded[c]
		if !ok {
			changes, edits, err := ChangesBetween(ctx, a.Store, announced, commits[0])
			return summaryOf(xmlcatalog.Describe(changes, edits)), err
		}
		sum.Created, sum.Modified = sum.Created+s.Created, sum.Modified+s.Modified
		sum.Deleted, sum.Renamed = sum.Deleted+s.Deleted, sum.Renamed+s.Renamed
		sum.Objects = append(sum.Objects, s.Objects...)
	}
	return sum, nil
}

func (a *Announcer) step(name string) {
	if a.Step != nil {
		a.Step(name)
	}
}
