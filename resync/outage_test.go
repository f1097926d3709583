package resync_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// errDied is what every file operation returns from the one on at which the process died:
// whatever its code still tries, nothing reaches the disk any more.
var errDied = errors.New("the process died")

// outage is a file layer in which one operation fails: with an error, or as the last that
// the process came to. It may be asked by several goroutines at once.
type outage struct {
	at    func(operation string, paths ...string) bool
	cause error // errDied: this and every operation after it; or the error of this one
	lasts bool  // also where it is an error

	// works hears of each operation that is about to be done; may be nil.
	works func(operation string, paths ...string) error

	mu      sync.Mutex
	reached bool
	changed bool // an operation before it changed something
	later   int  // operations asked for afterwards
}

// deathAt is the outage of a process that dies at the n-th operation, counted from one.
func deathAt(n int) *outage { return &outage{at: nth(n), cause: errDied} }

func nth(n int) func(string, ...string) bool {
	count := 0
	return func(string, ...string) bool {
		count++
		return count == n
	}
}

func (o *outage) gate(operation string, paths ...string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.reached && (o.lasts || o.cause == errDied):
		o.later++
		return o.cause
	case o.reached:
		o.later++
	case o.at(operation, paths...):
		o.reached = true
		if o.cause == errDied {
			tear(operation, paths[len(paths)-1])
		}
		return o.cause
	}
	o.changed = o.changed || !o.reached && changes(operation)
	if o.works == nil {
		return nil
	}
	return o.works(operation, paths...)
}

// changes tells an operation that may leave the disk other than it was from one that looks.
func changes(operation string) bool {
	return !slices.Contains([]string{"look", "read", "list"}, operation)
}

// torn are the operations that take the kernel several steps, and of which a death leaves a
// part. The file layer itself writes the first half of a file that is refused.
var torn = []string{"write", "mkdir", "removeall"}

// tear does such a part.
func tear(operation, path string) {
	switch operation {
	case "mkdir":
		_ = os.MkdirAll(path, 0o700) // and without its looks; what fails here fails in the restart, with words
	case "removeall":
		below, _ := os.ReadDir(path)
		for entry := range slices.Values(below[:(len(below)+1)/2]) {
			_ = os.RemoveAll(filepath.Join(path, entry.Name()))
		}
	}
}

// dying runs f and reports whether it died in it.
func dying(f func() error) (dead bool, err error) {
	if err = f(); errors.Is(err, errDied) {
		return true, nil
	}
	return false, err
}
