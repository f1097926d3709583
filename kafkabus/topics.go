package kafkabus

import (
	"fmt"
	"slices"
	"strings"
)

// topic is one of the two topics; topics is how many there are.
type topic int

const (
	commitsTopic topic = iota
	nodesTopic
	topics
)

func (t topic) String() string {
	if t == commitsTopic {
		return "commits"
	}
	return "nodes"
}

func (t topic) name(prefix string) string { return prefix + "." + t.String() }

// settings are the topic configs asked for when a topic is created.
//
// Heads are kept for ever, one of each key; records stay uncompacted for an hour,
// as a journal for people, and uncompressed by the broker, since some readers
// stumble on compressed batches that compaction thinned out. Node records fade
// after a week of silence.
func (t topic) settings() map[string]string {
	if t == commitsTopic {
		return map[string]string{
			"cleanup.policy":            "compact",
			"compression.type":          "producer",
			"min.compaction.lag.ms":     "3600000",
			"max.compaction.lag.ms":     "86400000",
			"delete.retention.ms":       "86400000",
			"segment.ms":                "86400000",
			"min.cleanable.dirty.ratio": "0.1",
			"max.message.bytes":         "65536",
		}
	}
	return map[string]string{
		"cleanup.policy":    "compact,delete",
		"compression.type":  "producer",
		"retention.ms":      "604800000",
		"segment.ms":        "3600000",
		"max.message.bytes": "65536",
	}
}

// checkPolicy refuses a topic that would lose announcements: one whose records
// are deleted by age. A nodes topic must be compacted; whether its records also
// age is the operator's choice.
func (t topic) checkPolicy(name, policy string) error {
	words := strings.Split(strings.ReplaceAll(policy, " ", ""), ",")
	compact, ages := slices.Contains(words, "compact"), slices.Contains(words, "delete")
	if compact && (t == nodesTopic || !ages) {
		return nil
	}
	want := t.settings()["cleanup.policy"]
	return &Error{
		what: fmt.Sprintf("topic %s has cleanup.policy=%s, not %s", name, policy, want),
		hint: fmt.Sprintf("set it: kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config 'cleanup.policy=[%s]', or choose another --topic-prefix",
			name, want),
		permanent: true,
	}
}
