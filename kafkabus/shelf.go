package kafkabus

import (
	"maps"
	"slices"
)

// record is what the table takes from a topic.
type record struct {
	key   string
	value []byte // nil: a tombstone, the key was retired
}

// shelf holds the latest value of each key of one topic.
//
// A replay fills it aside and swaps it in at the end, so that nobody sees old
// records come by again. What the replay did not meet is kept in known, since an
// empty topic never means "delete", but not in log: that is how an announcer
// notices that the topic lost its record.
type shelf[T any] struct {
	known  map[string]T
	log    map[string]T
	staged map[string]*T // nil outside of a replay; a nil value is a tombstone
}

func (s *shelf[T]) begin() { s.staged = map[string]*T{} }

func (s *shelf[T]) put(key string, v *T) {
	if s.staged != nil {
		s.staged[key] = v
		return
	}
	s.settle(key, v)
}

func (s *shelf[T]) settle(key string, v *T) {
	if v == nil {
		delete(s.known, key)
		delete(s.log, key)
		return
	}
	s.known[key], s.log[key] = *v, *v
}

// end reports whether there was anything to read, now or before.
func (s *shelf[T]) end() bool {
	some := len(s.staged)+len(s.log) > 0
	s.log = map[string]T{}
	for key, v := range s.staged {
		s.settle(key, v)
	}
	s.staged = nil
	return some
}

func newShelf[T any]() shelf[T] {
	return shelf[T]{known: map[string]T{}, log: map[string]T{}}
}

// inOrder returns the values in the order of their keys.
func inOrder[T any](m map[string]T) []T {
	out := make([]T, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[key])
	}
	return out
}
