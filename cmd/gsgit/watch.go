package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

type watchOptions struct {
	nodeOptions
	Hold     time.Duration
	Security string
	MaxNew   int
	Force    bool
}

func (o *watchOptions) check() error {
	if o.bus.Brokers == "" {
		o.bus.Brokers = embedded
	}
	if err := o.nodeOptions.check(); err != nil {
		return err
	}
	if o.Hold <= 0 {
		return misuse("--hold takes a time above 0")
	}
	if o.Security != "rules" && o.Security != "all" {
		return misuse("--security is rules or all, not %q", o.Security)
	}
	if o.MaxNew <= 0 {
		return misuse("--max-new-files takes a number above 0")
	}
	return gsgit.CheckDirectory(o.DataDir, o.Force)
}

func watchCommand() *cli.Command {
	o := &watchOptions{}
	flags := append(o.place.flags(), o.bus.flags()...)
	flags = append(append(append(flags, o.fetch.flags()...), o.listen.flags()...), o.watching.flags()...)
	flags = append(flags,
		&cli.DurationFlag{Name: "hold", Destination: &o.Hold, Value: 30 * time.Second, Usage: "`TIME` that an incomplete batch of edits may wait"},
		securityFlag(&o.Security),
		maxNewFlag(&o.MaxNew),
		&cli.BoolFlag{Name: "force", Destination: &o.Force, Usage: "watch a directory without global.xml; take in, once, what --max-new-files keeps out"},
		&cli.BoolFlag{Name: "once", Destination: &o.Once, Usage: "commit and announce what is there, then exit"},
	)
	return &cli.Command{
		Name: "watch", Usage: "turn edits of a data directory into commits, and announce them", Flags: flags, OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("watch takes no argument, but got %q", c.Args().First())
			}
			if err := o.check(); err != nil {
				return err
			}
			return runWatch(c.Context, *o, o.logger(c.App.ErrWriter), nil)
		},
	}
}

func securityFlag(to *string) cli.Flag {
	return &cli.StringFlag{Name: "security", Destination: to, Value: "rules", Usage: "`PART` of security/ that is tracked: its three rule files (rules) or all of it (all)"}
}

// maxNewFiles is how many new files beside configuration are taken in at once unless somebody says otherwise.
const maxNewFiles = 5000

func maxNewFlag(to *int) cli.Flag {
	return &cli.IntFlag{Name: "max-new-files", Destination: to, Value: maxNewFiles, Usage: "`NUMBER` of new files, beside configuration, that are taken in at once; more, and binary files over 1 MiB, are kept out"}
}

// primary is a station that watches.
type primary struct {
	*station
	publisher *gsgit.Publisher
	announcer *gsgit.Announcer
}

// runWatch runs a primary until ctx ends. started (may be nil) hears of the node once it is ready.
func runWatch(ctx context.Context, o watchOptions, log *slog.Logger, started func(*gsgit.Node)) error {
	s, err := openStation(o.nodeOptions, "watch", log)
	if err != nil {
		return err
	}
	defer s.close()
	s.dir = &gsgit.Directory{Root: o.DataDir, Rules: xmlcatalog.Rules{All: o.Security == "all", Local: o.watching.Local.Value()}}
	kept := s.used()
	kept.Security, kept.MaxNew = o.Security, o.MaxNew
	if err := s.keepSettings(kept); err != nil {
		return err
	}
	p, err := newPrimary(s, o)
	if err != nil {
		return err
	}
	s.warnOfLinks()
	s.tellOwner()
	w := newWorkers(ctx)
	if o.Once {
		w.Go(func() error { return p.once(w) })
	} else {
		w.Go(func() error { return p.run(w, started) })
	}
	return s.stopped(ctx, w.Wait())
}

func newPrimary(s *station, o watchOptions) (*primary, error) {
	files, err := resync.Open(resync.Options{Root: s.DataDir, State: s.stateDir(), Logger: s.log})
	if err != nil {
		return nil, err
	}
	p := &primary{station: s}
	p.publisher = &gsgit.Publisher{
		Dir: s.dir, Store: s.store, Files: files, Instance: s.instance, Hold: o.Hold, MinFree: s.watching.MinFree,
		MaxNew: o.MaxNew, Force: o.Force,
		Log: s.log, Step: s.step, Lock: s.lock,
	}
	p.announcer = &gsgit.Announcer{
		Store: s.store, Instance: s.instance, Epoch: s.epoch(), Hub: s.sources.Hub, Remotes: p.remotes, Log: s.log, Step: s.step,
	}
	if s.topics != nil {
		p.announcer.Board = s.topics
	}
	s.node.Held = p.publisher.Held
	s.node.Notes = (&gsgit.Notes{Store: s.store, Dir: s.dir}).List
	return p, nil
}

// remotes are the git URLs of the announcements: the hub, or this node's own.
func (p *primary) remotes() []string {
	switch {
	case p.fetch.Remote != "":
		return []string{p.fetch.Remote}
	case p.node.GitURL != "":
		return []string{p.node.GitURL}
	}
	return []string{}
}

// run starts a primary in the order that loses nothing: the topics are asked before anything is recorded,
// the watches stand before the first look, and the node is ready after it.
func (p *primary) run(w workers, started func(*gsgit.Node)) error {
	if err := p.serveNode(w); err != nil {
		return err
	}
	announce := p.newLoop("announce", p.announcer, nil)
	maintain := p.maintain(w)
	p.publisher.Recorded = func(commit gitstore.Hash, m xmlcatalog.Message) {
		p.announcer.Recorded(commit, m)
		announce.Hint()
		maintain.Hint()
	}
	p.hear(w, announce.Hint)
	if err := p.begin(w.ctx); err != nil {
		return err
	}
	record := p.newLoop("record", p.publisher, func(err error) {
		p.tellHeld()
		if err == nil && !p.node.IsReady() {
			p.node.Ready()
			p.log.Info("watching", "dir", p.DataDir, "instance", p.instance, "branch", p.store.Branch())
			if started != nil {
				started(p.node)
			}
		}
	})
	if err := p.watch(w, p.publisher.Hold, p.publisher.Observe, record.Hint); err != nil {
		return err
	}
	p.publisher.LookAtAll()
	w.run(record, announce)
	if p.heart != nil {
		w.run(p.heart)
	}
	return nil
}

// begin asks the topics what they know of this branch. A broker that does not answer costs a wait, no more.
func (p *primary) begin(ctx context.Context) error {
	var heads []kafkabus.Announcement
	if p.topics != nil {
		if err := p.awaitTopics(ctx, topicsWait); err != nil {
			p.log.Warn("starting without the topics", "err", err)
		} else {
			heads = p.topics.Heads()
		}
	}
	if err := p.mend(ctx); err != nil {
		return err
	}
	release, err := p.lock()
	if err != nil {
		return err
	}
	defer release()
	return p.publisher.Begin(ctx, p.sources, heads)
}

// tellHeld makes what is on disk and not in history a condition of the node.
func (p *primary) tellHeld() {
	held := p.publisher.Held()
	if len(held) == 0 {
		p.health.Set("held", gsgit.Condition{})
		return
	}
	p.health.Set("held", gsgit.Condition{State: gsgit.Held,
		Why:  fmt.Sprintf("on disk and not in history: %s (%s)%s", held[0].Path, held[0].What, more(len(held)-1)),
		Hint: held[0].Hint})
}

// more tells of the rest of a list whose first is named.
func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", n)
}

// once commits and announces what is there by the same rules as the daemon, and ends.
func (p *primary) once(w workers) error {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	inner := newWorkers(ctx)
	p.hear(inner, func() {})
	err := p.begin(ctx)
	if err == nil {
		err = p.recordOnce(inner)
	}
	if err == nil && (p.topics != nil || p.fetch.Remote != "") {
		err = p.announceOnce(ctx)
	}
	p.tellHeld()
	cancel()
	return errors.Join(err, inner.Wait(), p.verdict(err))
}

// recordOnce looks again and again until nothing is pending: a batch may have to wait for its rest.
func (p *primary) recordOnce(w workers) error {
	again := make(chan struct{}, 1)
	hint := func() {
		select {
		case again <- struct{}{}:
		default:
		}
	}
	if err := p.watch(w, p.publisher.Hold, p.publisher.Observe, hint); err != nil {
		return err
	}
	p.publisher.LookAtAll()
	for {
		wait, err := p.publisher.Sync(w.ctx)
		if err != nil || p.publisher.Idle() {
			return err
		}
		select {
		case <-w.ctx.Done():
			return w.ctx.Err()
		case <-again:
		case <-time.After(wait):
		}
	}
}

func (p *primary) announceOnce(ctx context.Context) error {
	if err := p.awaitTopics(ctx, onceWait); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	_, err := p.announcer.Sync(ctx)
	return err
}
