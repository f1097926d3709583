package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/watcher"
)

// nodeOptions is what watch and follow have in common.
type nodeOptions struct {
	place
	bus      busOptions
	fetch    fetchOptions
	listen   listenOptions
	watching watchingOptions
	Once     bool
}

func (o *nodeOptions) check() error {
	if err := o.place.check(); err != nil {
		return err
	}
	if err := o.watching.check(); err != nil {
		return err
	}
	if o.fetch.Poll <= 0 {
		return misuse("--poll takes a time above 0")
	}
	for _, b := range o.bus.list() {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			return misuse("--brokers takes HOST:PORT,HOST:PORT, embedded or none, not %q", o.bus.Brokers)
		}
	}
	if o.bus.Brokers == embedded {
		if _, _, err := net.SplitHostPort(o.bus.BrokerListen); err != nil {
			return misuse("--broker-listen takes HOST:PORT, not %q", o.bus.BrokerListen)
		}
	}
	if o.Once {
		return nil
	}
	return o.listen.check(o.fetch.TokenFile)
}

// station is a node put together: what a command opens, and closes in reverse.
type station struct {
	nodeOptions
	role     string
	instance string
	log      *slog.Logger
	step     func(string)
	store    *gitstore.Store
	dir      *gsgit.Directory
	health   *gsgit.Health
	broker   *kafkabus.Embedded
	topics   *kafkabus.Bus // nil: none
	sources  *gsgit.Sources
	listener net.Listener
	node     *gsgit.Node
	heart    *gsgit.Loop // keeps the node's record on the topic; nil: no bus

	write   sync.Mutex
	closers []func()
}

// openStation takes the node lock and opens everything but the watcher, in the order in which a failure is cheapest.
func openStation(o nodeOptions, role string, log *slog.Logger) (*station, error) {
	s := &station{nodeOptions: o, role: role, log: log, step: crashSteps()}
	for _, open := range []func() error{s.openRepository, s.openBus, s.openListener, s.openNode} {
		if err := open(); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *station) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	s.closers = nil
}

func (s *station) closing(f func()) { s.closers = append(s.closers, f) }

// openRepository makes or opens the repository, and holds the node lock for life.
func (s *station) openRepository() error {
	if info, err := os.Stat(s.GitDir); err == nil && !info.IsDir() {
		return hinted{fmt.Errorf("%s is a file, as git makes it for a worktree or a submodule", s.GitDir), "name another place for the repository with --git-dir"}
	}
	var err error
	if s.instance, err = s.place.instance(); err != nil {
		return err
	}
	// The lock comes first: two starts at once must not both make the repository.
	writable := "run gsgit as a user that may write to " + filepath.Dir(s.GitDir) + ", on a disk that may be written to"
	if err := os.MkdirAll(s.stateDir(), 0o700); err != nil {
		return hinted{fmt.Errorf("make the repository: %w", err), writable}
	}
	lock, err := gitstore.LockFile(filepath.Join(s.stateDir(), "node.lock"), 2*time.Second)
	switch {
	case errors.Is(err, gitstore.ErrLocked):
		return fmt.Errorf("another gsgit works on %s: %w", s.DataDir, err)
	case err != nil:
		return hinted{fmt.Errorf("open the repository: %w", err), writable}
	}
	s.closing(func() { _ = lock.Release() })
	s.store, err = gitstore.Create(s.GitDir, gitstore.Options{Branch: s.Branch, Logger: s.log, Step: s.step})
	if err != nil {
		return err
	}
	s.closing(func() { _ = s.store.Close() })
	if err := s.recover(); err != nil {
		return err
	}
	return s.keepInstance(s.instance)
}

// recover mends what a crash left. It waits for the write lock: a resync may be at work.
func (s *station) recover() error {
	release, err := s.lock()
	if err != nil {
		return err
	}
	defer release()
	return s.store.Recover(context.Background())
}

// lock takes the write lock: one writer at a time, of all loops and all processes.
func (s *station) lock() (func(), error) {
	s.write.Lock()
	l, err := gitstore.LockFile(filepath.Join(s.stateDir(), "write.lock"), 30*time.Second)
	if err != nil {
		s.write.Unlock()
		return nil, err
	}
	return func() { _ = l.Release(); s.write.Unlock() }, nil
}

// openBus starts the embedded broker where one is wanted, and readies the link.
func (s *station) openBus() error {
	brokers := s.bus.list()
	if s.bus.Brokers == embedded && !s.Once {
		var err error
		if s.broker, err = kafkabus.StartEmbedded(s.bus.BrokerListen, "", s.log); err != nil {
			return err
		}
		s.closing(s.broker.Close)
		brokers = []string{s.broker.Addr()}
	}
	if len(brokers) > 0 {
		var err error
		s.topics, err = kafkabus.Open(kafkabus.Config{
			Brokers: brokers, Prefix: s.bus.Prefix, ClientID: "gsgit-" + s.instance, Security: s.bus.Kafka,
			Replication: s.bus.Replication, Logger: s.log, Step: s.step,
		})
		if err != nil {
			return err
		}
		s.closing(s.topics.Close)
	}
	return s.openSources(brokers)
}

func (s *station) openSources(brokers []string) error {
	var err error
	if s.sources, err = s.fetch.sources(brokers, s.stateDir()); err != nil {
		return err
	}
	client, err := s.listen.client()
	if err != nil {
		return err
	}
	s.sources.From.Client, s.sources.Hub.Client, s.sources.Client = client, client, client
	s.sources.Log, s.sources.Own = s.log, s.instance
	if s.topics != nil {
		s.sources.Table = s.topics
	}
	return nil
}

func (s *station) openListener() error {
	if s.Once {
		return nil
	}
	var err error
	if s.listener, err = s.listen.listener(); err != nil {
		return err
	}
	s.closing(func() { s.listener.Close() })
	return nil
}

// openNode readies what this process tells of itself, and keeps the settings for status.
func (s *station) openNode() error {
	s.node = &gsgit.Node{Instance: s.instance, Version: version, Roles: []string{s.role}, Store: s.store, Started: time.Now()}
	s.health = gsgit.NewHealth(func() {
		if s.heart != nil {
			s.heart.Hint()
		}
	})
	s.node.Health = s.health
	if s.broker != nil {
		s.node.Broker = s.broker.Addr()
	}
	if s.topics != nil {
		s.node.Peers = s.topics.Nodes
		// A broker that is down is told of by the bus itself, not by each of those who speak to it.
		s.heart = gsgit.NewLoop("heartbeat", &gsgit.Heartbeat{Node: s.node, Board: s.topics}, s.log, nil)
	}
	if s.listener != nil {
		s.node.HTTP = s.listen.url(s.listener)
		s.node.GitURL = s.listen.gitURL(s.node.HTTP, s.brokersLoopback())
	}
	return nil
}

// used is the settings of this node, kept for the commands that work on its directory later.
func (s *station) used() settings {
	kept := settings{
		Roles: s.node.Roles, Brokers: s.bus.list(), Prefix: s.bus.Prefix, Kafka: s.bus.Kafka,
		HTTP: s.node.HTTP, Broker: s.node.Broker, Token: s.fetch.TokenFile, TLSCA: s.listen.TLSCA,
		From: s.fetch.From, Remote: s.fetch.Remote, Trust: s.fetch.Trust.Value(), Local: s.watching.Local.Value(),
	}
	if s.broker != nil {
		kept.Brokers = []string{s.node.Broker}
	}
	return kept
}

// maintain keeps the repository in shape, off the path of commits and applies.
func (s *station) maintain(w workers) *gsgit.Loop {
	l := gsgit.NewLoop("maintain", &gsgit.Maintenance{Store: s.store}, s.log, nil)
	w.run(l)
	return l
}

func (s *station) brokersLoopback() bool {
	for _, b := range s.bus.list() {
		if !gsgit.IsLoopback(b) {
			return false
		}
	}
	return true
}

// How long a start waits for the topics, and a --once at most.
const (
	topicsWait = 10 * time.Second
	onceWait   = 25 * time.Second
)

// awaitTopics waits until the topics were read once, a failure is known, or the time is over.
func (s *station) awaitTopics(ctx context.Context, most time.Duration) error {
	if s.topics == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-s.topics.CaughtUp():
			return nil
		case <-ctx.Done():
			return errors.Join(errors.New("the brokers do not answer"), s.topics.Err())
		case <-look.C:
			if err := s.topics.Err(); err != nil {
				return err
			}
		}
	}
}

// hearOnce reads the topics to their end.
func (s *station) hearOnce(ctx context.Context) error {
	if s.topics == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	w := newWorkers(ctx)
	w.Go(func() error { return s.topics.Run(w.ctx) })
	err := s.awaitTopics(ctx, onceWait)
	cancel()
	_ = w.Wait() // it was cancelled
	return err
}

// workers runs a node's goroutines until one fails or ctx ends; a signal is a clean end.
type workers struct {
	*errgroup.Group
	ctx context.Context
}

func newWorkers(ctx context.Context) workers {
	group, ctx := errgroup.WithContext(ctx)
	return workers{group, ctx}
}

// newLoop makes the loop of a task, whose result is a condition of the node.
func (s *station) newLoop(name string, task gsgit.Task, after func(error)) *gsgit.Loop {
	return gsgit.NewLoop(name, task, s.log, func(err error) {
		s.health.SetError(name, err)
		if after != nil {
			after(err)
		}
		if s.heart != nil {
			s.heart.Hint() // whatever was done may be news
		}
	})
}

// run runs loops until the workers end.
func (w workers) run(loops ...*gsgit.Loop) {
	for _, l := range loops {
		w.Go(func() error { l.Run(w.ctx); return nil })
	}
}

// stopped says why a node ended. A signal is a clean end; a loop's context ends with it.
func (s *station) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		s.log.Info("stopped", "cause", context.Cause(ctx))
		return nil
	}
	return err
}

// verdict is the result of --once: done only where the node is ok.
func (s *station) verdict(err error) error {
	if worst := s.health.Worst(); err == nil && worst.State != gsgit.OK {
		return hinted{fmt.Errorf("%s: %s", worst.State, worst.Why), worst.Hint}
	}
	return nil
}

// watch starts the watcher; batches go to observe, and hint rings after each.
func (s *station) watch(w workers, most time.Duration, observe func(watcher.Batch), hint func()) error {
	o := watcher.Options{
		Root: s.DataDir, Descend: s.dir.Rules.Descend, Tracked: s.dir.Rules.Tracked, Settle: s.watching.Settle,
		Cap: most, Scan: s.watching.Scan, Mode: s.watching.Watch, PollEvery: pollEvery, Logger: s.log,
	}
	watching, err := watcher.Start(w.ctx, o)
	if err != nil {
		return fmt.Errorf("watch %s: %w", s.DataDir, err)
	}
	w.Go(func() error {
		defer watching.Close()
		for {
			select {
			case <-w.ctx.Done():
				return nil
			case batch := <-watching.Batches():
				observe(batch)
				hint()
			}
		}
	})
	return nil
}

// pollEvery is the time between scans where the file system tells no events.
const pollEvery = 5 * time.Second

// warnOfLinks names the links that are left alone.
func (s *station) warnOfLinks() {
	links, err := s.dir.Links()
	if err != nil {
		s.log.Warn("look for links", "err", err)
	}
	for _, link := range links {
		s.log.Warn("a symbolic link is neither followed nor replaced", "path", link)
	}
}

// epoch names this life of the process, later than the one before even where the clock went back.
func (s *station) epoch() string {
	path := filepath.Join(s.stateDir(), "epoch")
	last, _ := os.ReadFile(path) // none at first; a torn one counts as none
	epoch := kafkabus.NewEpoch(time.Now(), strings.TrimSpace(string(last)))
	if err := os.WriteFile(path, []byte(epoch+"\n"), 0o600); err != nil {
		s.log.Warn("keep the epoch", "err", err)
	}
	return epoch
}

// serveNode answers on the node's port.
func (s *station) serveNode(w workers) error {
	token, err := s.fetch.token()
	if err != nil {
		return err
	}
	git := s.store.Handler(gitstore.ServeOptions{Logger: s.log, Token: token})
	w.Go(func() error { return serve(w.ctx, s.listener, s.node.Handler(git), s.log) })
	s.log.Info("listening", "http", s.node.HTTP, "broker", s.node.Broker)
	return nil
}

// hear keeps the bus going and the node's record on it, and passes its hints on.
func (s *station) hear(w workers, hint func()) {
	if s.topics == nil {
		return
	}
	w.Go(func() error {
		if err := s.topics.Run(w.ctx); err != nil && w.ctx.Err() == nil {
			return err
		}
		return nil
	})
	w.Go(func() error {
		for {
			select {
			case <-w.ctx.Done():
				return nil
			case <-s.topics.Changed():
				s.health.SetError("bus", s.topics.Err())
				hint()
			}
		}
	})
}
