package resync_test

import (
	"fmt"
	"iter"
	"math"
	"os"
	"runtime"
	"testing"
)

// ford is a place where a crossing is tried, and how.
type ford struct {
	name  string
	ready func(t *testing.T, r *replica)
	apart bool // its mounts are those of one thread
}

var (
	oneFileSystem = ford{name: "one file system", ready: func(*testing.T, *replica) {}}

	// busyDisk has each file and directory synced by itself.
	busyDisk = ford{name: "beside a writer", ready: func(_ *testing.T, r *replica) {
		r.options.Unwritten = func() int64 { return math.MaxInt64 }
	}}

	stageElsewhere = ford{name: "a stage elsewhere", apart: true, ready: func(t *testing.T, r *replica) {
		ownMounts(t)
		r.onOneThread()
		mount(t, "tmpfs", r.at(".git"), "tmpfs", 0, "size=16m,mode=0700")
		if err := os.MkdirAll(r.options.State, 0o700); err != nil {
			t.Fatal(err)
		}
	}}
)

// everywhere runs a table of operations at some fords, parted among the processors.
func everywhere(t *testing.T, fords []ford, table func(c *crossing, points iter.Seq[int])) {
	for _, f := range fords {
		parts := runtime.GOMAXPROCS(0)
		for part := range parts {
			t.Run(fmt.Sprintf("%s, part %d of %d", f.name, part+1, parts), func(t *testing.T) {
				t.Parallel()
				f.try(t, func(r *replica) {
					c := newCrossing(r)
					table(c, every(t, part, parts, c.operations()))
				})
			})
		}
	}
}

func (f ford) try(t *testing.T, cross func(r *replica)) {
	run := func() {
		r := newReplica(t, nil)
		f.ready(t, r)
		cross(r)
	}
	if f.apart {
		apart(t, run)
	} else {
		run()
	}
}

// every yields the points of one part. With the race detector, under which each takes three
// times as long, it leaves most of them to the tests without.
func every(t *testing.T, part, parts, all int) iter.Seq[int] {
	if stride > 1 {
		t.Logf("one in %d of %d operations: go test without -race takes all of them", stride, all)
	} else {
		t.Logf("all %d operations, parted among %d", all, parts)
	}
	return func(yield func(int) bool) {
		for n := part * stride; n < all; n += parts * stride {
			if !yield(n) {
				return
			}
		}
	}
}

// TestStoppedAtEveryOperationOf300Files: each operation fails, or the process dies there.
func TestStoppedAtEveryOperationOf300Files(t *testing.T) {
	everywhere(t, []ford{oneFileSystem, stageElsewhere}, func(c *crossing, points iter.Seq[int]) {
		for n := range points {
			c.stopAt(n)
		}
	})
}
