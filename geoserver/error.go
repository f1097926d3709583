package geoserver

import "fmt"

// Error is an answer, or the lack of one, that kept GeoServer from doing what it was
// asked.
type Error struct {
	what      string
	hint      string
	permanent bool
	status    int
	cause     error
}

// Error says what was asked, of whom, and what came back.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %v", e.what, e.cause)
	}
	return e.what
}

// Unwrap returns the transport's error where no answer came.
func (e *Error) Unwrap() error { return e.cause }

// Hint says in one line what a person can do.
func (e *Error) Hint() string { return e.hint }

// Permanent reports that the same request will be refused again, so that only another
// configuration helps.
func (e *Error) Permanent() bool { return e.permanent }

// Status returns the HTTP status of the answer, 0 where none came.
func (e *Error) Status() int { return e.status }
