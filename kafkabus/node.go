package kafkabus

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// NodeRecord is a node's own account of itself, written every few seconds and
// at each change. Ids are git SHA-1 in hex, or "" where there is none yet.
type NodeRecord struct {
	V        int               `json:"v"` // wire version; Encode sets it
	Instance string            `json:"instance"`
	Cluster  string            `json:"cluster"` // "" before the first commit
	Roles    []string          `json:"roles"`   // "watch", "follow"
	Version  string            `json:"version"` // of gsgit
	State    string            `json:"state"`   // one lower-case word, "ok"
	Heads    map[string]string `json:"heads"`   // ref to commit
	Disk     string            `json:"disk"`    // what its directory holds
	Applied  string            `json:"applied"` // what its GeoServer runs
	Lag      int               `json:"lag"`     // commits
	Drift    int               `json:"drift"`   // objects
	Started  time.Time         `json:"started"`
	Time     time.Time         `json:"time"`
	URL      string            `json:"url"` // git URL that it serves, or ""
}

// Node is a NodeRecord as it was heard here.
type Node struct {
	NodeRecord

	// Seen is when the record arrived, by the clock of this machine: a node
	// counts as silent by that, since its own clock may be wrong. Of a record
	// that had been there before this process listened it is the record's own
	// time, at most now.
	Seen time.Time
}

// EncodeNode returns the record value, less than 8 KiB; a record that no peer
// would accept is an error.
func EncodeNode(n NodeRecord) ([]byte, error) {
	n = n.normal()
	if err := n.check(); err != nil {
		return nil, refuse("node record of "+n.Instance, err)
	}
	data, err := encode(n)
	if err == nil && len(data) >= maxValue {
		err = fmt.Errorf("it takes %d bytes", len(data))
	}
	if err != nil {
		return nil, refuse("node record of "+n.Instance, err)
	}
	return data, nil
}

// DecodeNode reads a record value that anybody may have written, with the same
// care as DecodeAnnouncement.
func DecodeNode(data []byte) (NodeRecord, error) {
	var n NodeRecord
	if err := decode(data, &n); err != nil {
		return NodeRecord{}, refuse("node record", err)
	}
	n.Started, n.Time, n.Roles = n.Started.UTC(), n.Time.UTC(), list(n.Roles)
	if n.Heads == nil {
		n.Heads = map[string]string{}
	}
	if err := n.check(); err != nil {
		return NodeRecord{}, refuse("node record", err)
	}
	return n, nil
}

func (n NodeRecord) normal() NodeRecord {
	n.V, n.Started, n.Time = wireVersion, n.Started.UTC(), n.Time.UTC()
	n.Roles, n.Version = list(n.Roles), clean(n.Version)
	if n.Heads = maps.Clone(n.Heads); n.Heads == nil {
		n.Heads = map[string]string{}
	}
	if urls := withoutUsers([]string{n.URL}); len(urls) == 1 {
		n.URL = urls[0]
	} else {
		n.URL = ""
	}
	return n
}

func (n NodeRecord) check() error {
	for ref, commit := range n.Heads {
		if err := firstError(checkRef(ref), checkID("head", commit)); err != nil {
			return err
		}
	}
	return firstError(
		checkInstance(n.Instance),
		checkOptionalID("cluster", n.Cluster),
		checkTexts("roles", n.Roles, 8),
		checkWord("state", n.State),
		checkOptionalID("disk", n.Disk),
		checkOptionalID("applied", n.Applied),
		checkCounts(n.Lag, n.Drift),
		checkTexts("version", []string{n.Version}, 1),
		checkTexts("url", []string{n.URL}, 1),
	)
}

// sameNews reports whether the two differ in nothing but their time and how far
// the node has come: a mere heartbeat, for which nobody need be woken. What is to
// be fetched is announced.
func (n NodeRecord) sameNews(o NodeRecord) bool {
	return n.Instance == o.Instance && n.Cluster == o.Cluster && slices.Equal(n.Roles, o.Roles) &&
		n.Version == o.Version && n.State == o.State && n.Drift == o.Drift &&
		n.Started.Equal(o.Started) && n.URL == o.URL
}
