package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/watcher"
)

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
		defer func() { _ = watching.Close() }()
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

// maintain keeps the repository in shape, off the path of commits and applies.
func (s *station) maintain(w workers) *gsgit.Loop {
	l := s.newLoop("maintain", &gsgit.Maintenance{Store: s.store}, nil)
	w.run(l)
	return l
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
