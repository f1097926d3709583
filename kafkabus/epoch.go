package kafkabus

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var epochShape = regexp.MustCompile(`^[0-9]{1,19}-[0-9a-f]{8}$`)

// NewEpoch names one life of an announcing process: its start in Unix
// nanoseconds, a dash, and eight random hex digits. Epochs are compared by the
// number. last is the epoch of this node's life before, or "": the new one is
// later than it even when the clock went back, since otherwise a node would take
// its own last record for a twin's.
func NewEpoch(start time.Time, last string) string {
	var random [4]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	return fmt.Sprintf("%d-%s", max(start.UnixNano(), epochNumber(last)+1), hex.EncodeToString(random[:]))
}

// epochNumber is the number of an epoch, -1 where there is none.
func epochNumber(epoch string) int64 {
	number, _, _ := strings.Cut(epoch, "-")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func checkEpoch(s string) error {
	if !epochShape.MatchString(s) || epochNumber(s) < 0 {
		return fmt.Errorf("epoch %.40q is not a number, a dash and 8 hex digits", s)
	}
	return nil
}

// Verdict is what an announcer does about its own key as it reads it back.
type Verdict int

// The three verdicts of Judge.
const (
	Fine  Verdict = iota // the topic says what we said last
	Again                // the topic lost it or an old record hides it: announce the newest head again
	Twin                 // another live process announces under our name: stop, a person must rename one
)

// String returns the verdict's name in lower case.
func (v Verdict) String() string {
	switch v {
	case Fine:
		return "fine"
	case Again:
		return "again"
	case Twin:
		return "twin"
	}
	return "verdict " + strconv.Itoa(int(v))
}

// Judge compares own, what this process announced last or is about to (its Epoch
// and Commit), with seen, what the topic holds under the same key; ok is false
// where it holds nothing. answered is the record of an earlier epoch over which
// this process has announced already, or the zero Announcement: the very same
// record is only our own not read back yet, while a new one of that epoch shows
// that the process that wrote it is alive.
func Judge(own, seen Announcement, ok bool, answered Announcement) Verdict {
	mine, theirs := epochNumber(own.Epoch), epochNumber(seen.Epoch)
	switch {
	case !ok:
		return Again
	case seen.Epoch == own.Epoch && seen.Commit == own.Commit:
		return Fine
	case seen.Epoch == own.Epoch:
		return Again // a request of ours that was delayed on its way
	case theirs >= mine:
		return Twin
	case answered.Epoch == seen.Epoch && !sameRecord(answered, seen):
		return Twin
	case seen.Commit == own.Commit:
		return Fine // we started again on an unchanged head
	}
	return Again
}

func sameRecord(a, b Announcement) bool {
	return a.Epoch == b.Epoch && a.Commit == b.Commit && a.Time.Equal(b.Time)
}
