package gitstore

import "time"

// Signature says who and when. The zone of When is kept, fractions of a second are not.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Commit is one point of the history.
type Commit struct {
	ID, Tree          Hash
	Parents           []Hash
	Author, Committer Signature
	Message           string
}
