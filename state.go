package gsgit

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"syscall"
)

// State is the condition of a node in one word: in status, node records and metrics alike.
type State string

// The states of a node, and the way out of each in docs/operations.md.
const (
	OK       State = "ok"
	Syncing  State = "syncing"  // behind, and working on it
	Degraded State = "degraded" // a broker, a source or the GeoServer is down; nothing is lost
	Held     State = "held"     // something on disk is not in history
	Refused  State = "refused"  // a replica will not write what would break it
	Diverged State = "diverged" // histories that do not lie on one line
	Pinned   State = "pinned"   // held at an older commit on request
	Error    State = "error"    // needs a person
)

// gravity orders the states: of several conditions the gravest names the node.
var gravity = []State{OK, Syncing, Degraded, Pinned, Held, Refused, Diverged, Error}

// Condition is one reason why a node is in a state.
type Condition struct {
	State State  `json:"state"`
	Why   string `json:"why"`  // a sentence without a full stop
	Hint  string `json:"hint"` // what a person can do, or ""
}

// Problem is an error that puts the node into a state of its own until it is gone.
type Problem struct {
	State State `json:"state"`
	Why   string
	Help  string
	Cause error
}

func (p *Problem) Error() string {
	if p.Cause == nil {
		return p.Why
	}
	return p.Why + ": " + p.Cause.Error()
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Hint says what a person can do.
func (p *Problem) Hint() string { return p.Help }

// Permanent tells that trying again at once can not help; the next hint or timer looks again all the same.
func (p *Problem) Permanent() bool { return p.State != Degraded && p.State != Syncing }

// Health gathers the conditions of a node's parts, each under its own name, and tells of each change.
type Health struct {
	mu      sync.Mutex
	parts   map[string]Condition
	changed func()
}

// NewHealth returns a Health without conditions, which is OK; changed (may be nil) is called after each change.
func NewHealth(changed func()) *Health {
	return &Health{parts: map[string]Condition{}, changed: changed}
}

// Set replaces the condition of one part; State OK (or "") removes it.
func (h *Health) Set(part string, c Condition) {
	h.mu.Lock()
	was, had := h.parts[part]
	if c.State == "" || c.State == OK {
		delete(h.parts, part)
	} else {
		h.parts[part] = c
	}
	now, has := h.parts[part]
	h.mu.Unlock()
	if h.changed != nil && (had != has || was != now) {
		h.changed()
	}
}

// SetError is Set with the condition that err stands for; nil clears it.
func (h *Health) SetError(part string, err error) { h.Set(part, conditionOf(err)) }

// Worst is the gravest condition, OK where there is none.
func (h *Health) Worst() Condition {
	worst := Condition{State: OK}
	for _, c := range h.All() {
		if slices.Index(gravity, c.State) > slices.Index(gravity, worst.State) {
			worst = c
		}
	}
	return worst
}

// All lists the conditions in the order of their parts' names.
func (h *Health) All() []Condition {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Condition
	for _, part := range slices.Sorted(maps.Keys(h.parts)) {
		all = append(all, h.parts[part])
	}
	return all
}

// conditionOf says which condition an error of a Sync is: its own where it is a Problem, error where a
// retry can not help or a person must make room, else degraded.
func conditionOf(err error) Condition {
	if err == nil {
		return Condition{State: OK}
	}
	c := Condition{State: Degraded, Why: err.Error(), Hint: HintOf(err)}
	var p *Problem
	joined, several := err.(interface{ Unwrap() []error })
	switch {
	case isFull(err): // whatever else was wrong besides
		c.State, c.Hint = Error, "make room: gsgit goes on by itself"
	case several:
		c.State = gravest(joined.Unwrap())
	case errors.As(err, &p):
		c.State = p.State
	case isPermanent(err):
		c.State = Error
	}
	return c
}

// gravest is the state that the worst of some errors stands for.
func gravest(errs []error) State {
	worst := OK
	for _, err := range errs {
		if s := conditionOf(err).State; slices.Index(gravity, s) > slices.Index(gravity, worst) {
			worst = s
		}
	}
	return worst
}

// gravestFirst joins errors so that the gravest names the condition of them all.
func gravestFirst(errs ...error) error {
	slices.SortStableFunc(errs, func(a, b error) int {
		return slices.Index(gravity, conditionOf(b).State) - slices.Index(gravity, conditionOf(a).State)
	})
	return errors.Join(errs...)
}

// HintOf is the first hint in an error's tree, or "". An error that could have one and has none does not
// hide that of its cause.
func HintOf(err error) string {
	if h, ok := err.(interface{ Hint() string }); ok && h.Hint() != "" {
		return h.Hint()
	}
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself, node by node
	case interface{ Unwrap() error }:
		return HintOf(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, cause := range e.Unwrap() {
			if hint := HintOf(cause); hint != "" {
				return hint
			}
		}
	}
	return ""
}

// isFull tells whether a disk, or somebody's share of one, has no room left.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isPermanent(err error) bool {
	var p interface{ Permanent() bool }
	return errors.As(err, &p) && p.Permanent()
}
