package kafkabus

import "errors"

// Error is an error of this package that knows more than its text. Callers ask
// for its methods with errors.As and an interface of their own.
type Error struct {
	what      string
	cause     error
	hint      string
	permanent bool
}

// Error returns what went wrong, then why.
func (e *Error) Error() string {
	switch {
	case e.cause == nil:
		return e.what
	case e.what == "":
		return e.cause.Error()
	}
	return e.what + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Hint is one line for a person: what to do about it; "" where there is no advice.
func (e *Error) Hint() string { return e.hint }

// Permanent reports whether trying again can not help.
func (e *Error) Permanent() bool { return e.permanent }

// refuse is the error for a record that must not be sent or believed. A hint of
// the cause is kept: errors.As finds this error first.
func refuse(what string, cause error) error {
	e := &Error{what: what, cause: cause, permanent: true}
	if c := (*Error)(nil); errors.As(cause, &c) {
		e.hint = c.hint
	}
	return e
}

// errForeignKey is the reason to refuse a record under another's key.
var errForeignKey = &Error{what: "it stands under another key"}
