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
	"syscall"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
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
	s.closing(thrift())
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
	err = s.store.Recover(context.Background())
	if s.store.Wounded() {
		err = nil // what is missing is looked for once the sources are known
	}
	return err
}

// mend brings back what the repository has lost, if it has lost anything. The topics name sources, where they answer.
func (s *station) mend(ctx context.Context) error {
	if !s.store.Wounded() {
		return nil
	}
	release, err := s.lock()
	if err != nil {
		return err
	}
	defer release()
	return (&gsgit.Mending{Store: s.store, Dir: s.dir, Sources: s.sources, Log: s.log}).Mend(ctx)
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
		HTTP: s.node.HTTP, Broker: s.node.Broker, Token: absolute(s.fetch.TokenFile),
		TLSCA: absolute(s.listen.TLSCA), TLSCert: absolute(s.listen.TLSCert), TLSKey: absolute(s.listen.TLSKey),
		From: s.fetch.From, Remote: s.fetch.Remote, Trust: s.fetch.Trust.Value(), Local: s.watching.Local.Value(),
	}
	if s.broker != nil {
		kept.Brokers = []string{s.node.Broker}
	}
	return kept
}

// absolute is a file's path from wherever a later command is given; "" stays "".
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil && path != "" {
		return abs
	}
	return path
}

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

// tellOwner helps the people of another user's directory, who would meet "dubious ownership" in the ordinary git.
func (s *station) tellOwner() {
	info, err := os.Stat(s.DataDir)
	if err != nil {
		return // who must read it says so
	}
	if owner, known := info.Sys().(*syscall.Stat_t); known && int(owner.Uid) != os.Geteuid() {
		s.log.Info("the repository belongs to another user than the directory", "mend", "git config --global --add safe.directory "+s.GitDir)
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
