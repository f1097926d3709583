package main

import (
	"context"
	"errors"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/kafkabus"
)

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
				if s.heart != nil {
					s.heart.Hint() // a twin's record may be among the news
				}
			}
		}
	})
}
