package kafkabus

import (
	"context"
	"fmt"
)

// voice is what a bus says, whatever carries it. put writes one record, a
// tombstone where its value is nil, and returns once it is kept for good.
type voice struct {
	*table
	put func(ctx context.Context, which topic, r record) error
}

// Announce writes the announcement once, creating the topic where it is missing,
// and returns when the brokers have it for good. After an error it may still
// have been written; to announce again is harmless. The caller decides on when,
// with its newest head.
func (v voice) Announce(ctx context.Context, a Announcement) error {
	value, err := EncodeAnnouncement(a)
	if err != nil {
		return err
	}
	if err := v.put(ctx, commitsTopic, record{a.Key(), value}); err != nil {
		return fmt.Errorf("announce %.10s: %w", a.Commit, err)
	}
	return nil
}

// Report writes the node record, as Announce does.
func (v voice) Report(ctx context.Context, n NodeRecord) error {
	value, err := EncodeNode(n)
	if err != nil {
		return err
	}
	if err := v.put(ctx, nodesTopic, record{n.Instance, value}); err != nil {
		return fmt.Errorf("report node %s: %w", n.Instance, err)
	}
	return nil
}

// Retire makes every node forget an instance: it writes a tombstone for each of
// its keys on both topics. Which those are only a table that has caught up knows,
// so Retire waits for that. An instance that nobody heard of is an error.
func (v voice) Retire(ctx context.Context, instance string) error {
	select {
	case <-v.CaughtUp():
	case <-ctx.Done():
		return fmt.Errorf("retire %s: the topics were not read yet: %w", instance, context.Cause(ctx))
	}
	heads, node := v.keysOf(instance)
	if len(heads) == 0 && !node {
		return unheardOf(instance)
	}
	for _, key := range heads {
		if err := v.put(ctx, commitsTopic, record{key: key}); err != nil {
			return fmt.Errorf("retire %s: %w", key, err)
		}
	}
	if !node {
		return nil
	}
	if err := v.put(ctx, nodesTopic, record{key: instance}); err != nil {
		return fmt.Errorf("retire node %s: %w", instance, err)
	}
	return nil
}

func unheardOf(instance string) error {
	return &Error{what: "no instance " + instance + " is known", hint: "gsgit status names those that are", permanent: true}
}
