package resync

import (
	"fmt"
	"strings"
)

// Error is a refusal: nothing tracked was changed by the call that returned it.
type Error struct {
	what      string
	hint      string
	permanent bool
	cause     error
}

// Error names the paths concerned and why they are refused.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.what
	}
	return e.what + ": " + e.cause.Error()
}

// Unwrap returns the operating system's error, if there was one.
func (e *Error) Unwrap() error { return e.cause }

// Hint says in one line what a person can do; it may be empty.
func (e *Error) Hint() string { return e.hint }

// Permanent reports that the tree itself is at fault: only another commit helps.
func (e *Error) Permanent() bool { return e.permanent }

// refusals gathers every fault of a plan, so that a person mends all of them at once.
type refusals struct {
	faults []string
	hint   string
}

func (r *refusals) add(path, format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf("%q %s", path, fmt.Sprintf(format, args...)))
}

// advise keeps the first hint: the faults of one directory mostly share a cause.
func (r *refusals) advise(format string, args ...any) {
	if r.hint == "" {
		r.hint = fmt.Sprintf(format, args...)
	}
}

func (r *refusals) err(what string, permanent bool) error {
	if len(r.faults) == 0 {
		return nil
	}
	return &Error{
		what:      what + ": " + strings.Join(r.faults, "; "),
		hint:      r.hint,
		permanent: permanent,
	}
}

func quoted(path string) string { return fmt.Sprintf("%q", path) }
