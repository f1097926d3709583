package kafkabus

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// prepare creates the topic where it is missing and looks at its policy, once
// for each link: a topic may be deleted and made anew by a stranger, or by a
// broker that creates whatever it is asked about.
func (b *Bus) prepare(ctx context.Context, l *link, which topic) error {
	b.mu.Lock()
	done := b.checked[which] && b.link == l
	b.mu.Unlock()
	if done {
		return nil
	}
	if err := b.create(ctx, l, which); err != nil {
		return err
	}
	if err := l.checkPolicy(ctx, which); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.checked[which] = b.link == l
	return nil
}

func (b *Bus) create(ctx context.Context, l *link, which topic) error {
	there, err := l.lookUp(ctx, which)
	if err != nil || there {
		return err
	}
	if err := l.createTopic(ctx, which); err != nil {
		return fmt.Errorf("create topic %s: %w", l.topics[which], err)
	}
	b.config.Step("kafkabus.topic")
	select {
	case b.tails[which].poke <- struct{}{}: // else it would find the topic at its next look only
	default:
	}
	return nil
}

func (l *link) createTopic(ctx context.Context, which topic) error {
	copies := l.config.Replication
	if copies <= 0 {
		copies = -1
	}
	t := kafka.TopicConfig{Topic: l.topics[which], NumPartitions: 1, ReplicationFactor: copies}
	for name, value := range which.settings() {
		t.ConfigEntries = append(t.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	if copies >= 3 {
		t.ConfigEntries = append(t.ConfigEntries, kafka.ConfigEntry{ConfigName: "min.insync.replicas", ConfigValue: "2"})
	}
	r, err := l.client().CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{t}})
	if err != nil {
		return err
	}
	if err := r.Errors[t.Topic]; err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
		return err
	}
	return nil
}

// checkPolicy looks at cleanup.policy. Where we may not look, we go on, as
// Kafka's own tools do: the ACL for it is one that few clusters give.
func (l *link) checkPolicy(ctx context.Context, which topic) error {
	name := l.topics[which]
	r, err := l.client().DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: name, ConfigNames: []string{"cleanup.policy"},
	}}})
	if err != nil {
		return err
	}
	for _, resource := range r.Resources {
		for _, entry := range resource.ConfigEntries {
			if entry.ConfigName == "cleanup.policy" {
				return which.checkPolicy(name, entry.ConfigValue)
			}
		}
	}
	return nil
}
