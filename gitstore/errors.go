package gitstore

import "errors"

// Errors that callers tell apart with errors.Is.
var (
	// ErrNoRepository: there is nothing at the git directory, so a new one may be made there.
	ErrNoRepository = errors.New("no git repository")
	// ErrRefMoved: the ref is not, or no longer, at the old value that the caller named.
	ErrRefMoved = errors.New("the ref was moved by someone else")
	// ErrLocked: another process holds the lock.
	ErrLocked = errors.New("locked by another process")
	// ErrNotFound: no object, commit or revision of that name is here.
	ErrNotFound = errors.New("not found in this repository")
)

// storeError is the package's one error type: what, why, what to do about it, and whether trying again is any use.
type storeError struct {
	text      string
	cause     error
	hint      string
	permanent bool
}

func (e *storeError) Error() string {
	if e.cause == nil {
		return e.text
	}
	return e.text + ": " + e.cause.Error()
}

func (e *storeError) Unwrap() error   { return e.cause }
func (e *storeError) Hint() string    { return e.hint }
func (e *storeError) Permanent() bool { return e.permanent }
