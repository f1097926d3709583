// Package kafkabus tells the nodes of a cluster about each other: which commit
// each primary published last, and how each node is doing.
//
// Its words:
//
//   - An Announcement says that a commit can be fetched. It stands on the topic
//     <prefix>.commits under the key instance/ref, so that compaction keeps
//     exactly the newest head of every instance and branch.
//   - A NodeRecord is a node's own account of itself, on <prefix>.nodes under
//     the instance's name.
//   - The table is what this process has read of both topics: the latest record
//     of every key.
//   - A replay reads a topic from its first offset. Each start and each lost
//     link begins with one; no offset is ever stored.
//   - A Bus is the table and the link to a Kafka cluster, an Embedded is a small
//     broker inside this process, a Memory is neither: a fake for fast tests.
//
// A topic is a table and a doorbell, never the truth: Git is. So a lost, doubled
// or late record costs a look and changes nothing, and an empty topic means that
// nobody has spoken yet, never that something was deleted.
//
// The package knows no Git: ids are strings to it, and which of two commits is
// newer is for others to say. It never writes to another instance's keys (Retire
// aside), uses no consumer groups, and of kafka-go only Client and Transport:
// its Reader and Writer lose records and hang on compacted topics.
package kafkabus
