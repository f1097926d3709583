package kafkabus

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// table is what a bus knows, and how it tells that it knows more. Both kinds of
// bus share it: one reads Kafka into it, the other memory.
type table struct {
	logger *slog.Logger
	hint   chan struct{} // one slot: a full one says that somebody was told already
	caught chan struct{}

	mu      sync.Mutex
	heads   shelf[Announcement]
	nodes   shelf[Node]
	read    [topics]bool // read to its end at least once
	refused [topics]string
	errs    [parts]error
}

func newTable(logger *slog.Logger) *table {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &table{
		logger: logger, hint: make(chan struct{}, 1), caught: make(chan struct{}),
		heads: newShelf[Announcement](), nodes: newShelf[Node](),
	}
}

// wake leaves a hint for whoever waits on Changed.
func (t *table) wake() {
	select {
	case t.hint <- struct{}{}:
	default:
	}
}

func (t *table) begin(which topic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if which == commitsTopic {
		t.heads.begin()
	} else {
		t.nodes.begin()
	}
}

// end makes what a replay read the current state. It is called once a topic was
// read to the end that it had when the replay began, or found not to exist.
func (t *table) end(which topic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var some bool
	if which == commitsTopic {
		some = t.heads.end()
	} else {
		some = t.nodes.end()
	}
	if some || !t.read[which] { // a topic that is still missing is no news
		t.wake()
	}
	if t.read[which] {
		return
	}
	t.read[which] = true
	if t.read[commitsTopic] && t.read[nodesTopic] {
		close(t.caught)
	}
}

// take puts one record on its shelf, or refuses it: anybody may have written it.
func (t *table) take(which topic, r record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	if which == commitsTopic {
		err = t.takeHead(r)
	} else {
		err = t.takeNode(r)
	}
	if err != nil && t.refused[which] != err.Error() {
		// The same bad record comes again with each heartbeat: one line is enough.
		t.refused[which] = err.Error()
		t.logger.Warn("record refused", "topic", which.String(), "key", clean(r.key), "err", err)
	}
}

func (t *table) takeHead(r record) error {
	if r.value == nil {
		t.heads.put(r.key, nil)
		t.wakeLive(t.heads.staged != nil)
		return nil
	}
	a, err := DecodeAnnouncement(r.value)
	if err != nil {
		return err
	}
	if a.Key() != r.key {
		return refuse("announcement of "+a.Key(), errForeignKey)
	}
	t.heads.put(r.key, &a)
	t.wakeLive(t.heads.staged != nil)
	return nil
}

func (t *table) takeNode(r record) error {
	replay := t.nodes.staged != nil
	if r.value == nil {
		t.nodes.put(r.key, nil)
		t.wakeLive(replay)
		return nil
	}
	n, err := DecodeNode(r.value)
	if err != nil {
		return err
	}
	if n.Instance != r.key {
		return refuse("node record of "+n.Instance, errForeignKey)
	}
	before, known := t.nodes.known[r.key]
	t.nodes.put(r.key, &Node{NodeRecord: n, Seen: seen(n, before, known, replay, time.Now())})
	if !known || !n.sameNews(before.NodeRecord) {
		t.wakeLive(replay)
	}
	return nil
}

// seen is when the record of a node was heard: now, but in a replay, where the
// records of nodes that died long ago come by as well.
func seen(n NodeRecord, before Node, known, replay bool, now time.Time) time.Time {
	switch {
	case !replay:
		return now
	case known && n.Time.Equal(before.Time):
		return before.Seen
	case n.Time.After(now):
		return now
	}
	return n.Time
}

func (t *table) wakeLive(replay bool) {
	if !replay {
		t.wake()
	}
}

// CaughtUp is closed once both topics were read to their end: everything that
// had been said before Run started is known. A topic that does not exist yet has
// nothing to read.
func (t *table) CaughtUp() <-chan struct{} { return t.caught }

// Changed carries one hint at a time: the table is not what it was, or the link
// to the broker came or went. A node's record gives none where it only says that
// the node is alive and how far it has come.
func (t *table) Changed() <-chan struct{} { return t.hint }

// Heads returns the newest announcement of every key that was ever heard and
// not retired, in the order of the keys.
func (t *table) Heads() []Announcement {
	t.mu.Lock()
	defer t.mu.Unlock()
	return inOrder(t.heads.known)
}

// Nodes returns the newest record of every node, in the order of their names.
func (t *table) Nodes() []Node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return inOrder(t.nodes.known)
}

// Own returns what the topic holds now under key, false where it holds nothing:
// unlike Heads it forgets what a deleted or emptied topic lost. Judge says what
// an announcer makes of it.
func (t *table) Own(key string) (Announcement, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.heads.log[key]
	return a, ok
}

// keysOf returns the keys of an instance: of its announcements, and whether it
// has a node record.
func (t *table) keysOf(instance string) (heads []string, node bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(t.heads.known)) {
		if strings.HasPrefix(key, instance+"/") {
			heads = append(heads, key)
		}
	}
	_, node = t.nodes.known[instance]
	return heads, node
}
