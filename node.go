package gsgit

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
)

// Node is what a process tells of itself: the record on the topic, /status, and whether it is ready.
type Node struct {
	Instance string
	Version  string
	Roles    []string // "watch", "follow"
	Store    *gitstore.Store
	Health   *Health
	Peers    func() []kafkabus.Node // what the topic says of the others; may be nil
	Held     func() []HeldFile      // may be nil
	Notes    func() []Note          // may be nil
	Drift    func() []string        // objects; may be nil
	Lag      func() int             // commits known and not applied; may be nil
	HTTP     string                 // URL of this node's own server
	Broker   string                 // host:port of the embedded broker, ""
	GitURL   string                 // under which others can fetch here, ""
	Started  time.Time

	mu    sync.Mutex
	ready bool
}

// Status is the document of `gsgit status --json` and of /status.
type Status struct {
	Node  NodeStatus            `json:"node"`
	Nodes []kafkabus.NodeRecord `json:"nodes"`
}

// NodeStatus is a node's record and what it tells only to those who ask it.
type NodeStatus struct {
	kafkabus.NodeRecord
	Running      bool        `json:"running"`
	HTTP         string      `json:"http"`
	Broker       string      `json:"broker"`
	Held         []HeldFile  `json:"held"`
	DriftObjects []string    `json:"driftObjects"`
	Conditions   []Condition `json:"conditions"`
	Notes        []Note      `json:"notes"`
}

// Ready marks that start-up is done.
func (n *Node) Ready() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ready = true
}

// IsReady tells whether start-up is done.
func (n *Node) IsReady() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ready
}

// Record is the node's own account for the topic. A ref that can not be read is left out: the state says why.
func (n *Node) Record() kafkabus.NodeRecord {
	head, _ := n.Store.Ref(n.Store.BranchRef())
	disk, _ := n.Store.Ref(DiskRef)
	applied, _ := n.Store.Ref(AppliedRef)
	r := kafkabus.NodeRecord{
		V: 1, Instance: n.Instance, Roles: n.Roles, Version: n.Version, State: string(n.Health.Worst().State),
		Heads: map[string]string{}, Disk: idOrNone(disk), Applied: idOrNone(applied),
		Started: n.Started.UTC(), Time: time.Now().UTC(), URL: n.GitURL,
	}
	if !head.IsZero() {
		r.Heads[n.Store.BranchRef()] = head.String()
		if root, err := n.Store.Root(context.Background(), head); err == nil {
			r.Cluster = root.String()
		}
	}
	if n.Drift != nil {
		r.Drift = len(n.Drift())
	}
	if n.Lag != nil {
		r.Lag = n.Lag()
	}
	return r
}

func idOrNone(id gitstore.Hash) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// Status is the whole answer, of this node and of every node of the topics.
func (n *Node) Status(running bool) Status {
	s := Status{Node: NodeStatus{
		NodeRecord: n.Record(), Running: running, HTTP: n.HTTP, Broker: n.Broker,
		Held: []HeldFile{}, DriftObjects: []string{}, Conditions: []Condition{}, Notes: []Note{},
	}, Nodes: []kafkabus.NodeRecord{}}
	if n.Held != nil {
		s.Node.Held = append(s.Node.Held, n.Held()...)
	}
	if n.Drift != nil {
		s.Node.DriftObjects = append(s.Node.DriftObjects, n.Drift()...)
	}
	if n.Notes != nil {
		s.Node.Notes = append(s.Node.Notes, n.Notes()...)
	}
	s.Node.Conditions = append(s.Node.Conditions, n.Health.All()...)
	if n.Peers != nil {
		for _, peer := range n.Peers() {
			s.Nodes = append(s.Nodes, peer.NodeRecord)
		}
	}
	return s
}

// Handler serves /healthz, /readyz, /status and, under /git/, the history.
func (n *Node) Handler(git http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/git/", http.StripPrefix("/git", git))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !n.IsReady() {
			say(w, http.StatusServiceUnavailable, "starting")
			return
		}
		say(w, http.StatusOK, "ready")
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		// The peer may be gone: there is nobody to tell of an error.
		_ = json.NewEncoder(w).Encode(n.Status(true))
	})
	return mux
}

func say(w http.ResponseWriter, code int, word string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(word + "\n"))
}
