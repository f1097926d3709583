package resync_test

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// synced counts the syncs of one apply by what they reach: each syncfs, and the files
// and directories of the tree, of the stage, and of our own state.
func (r *replica) synced(old, new tree) map[string]int {
	r.t.Helper()
	counts := make(map[string]int)
	r.options.Gate = func(operation string, paths ...string) error {
		switch place, _ := filepath.Rel(r.options.State, paths[0]); {
		case operation == "syncfs":
			counts["syncfs"]++
		case operation != "sync":
		case strings.HasPrefix(place, "stage/"):
			counts["stage"]++
		case strings.HasPrefix(place, ".."):
			counts["tree"]++
		default:
			counts["state"]++
		}
		return nil
	}
	if err := r.apply(old.plan(r.t, new), new.source()); err != nil {
		r.t.Fatal(err)
	}
	r.options.Gate = nil
	r.holds(new)
	return counts
}

// TestSyncsAreFew: a syncfs serves many files, unless it would wait for what others have
// written; and it never serves few.
func TestSyncsAreFew(t *testing.T) {
	old, new := bulk()
	staged := 0
	for path, content := range new {
		if old[path] != content {
			staged++
		}
	}
	busy := func() int64 { return math.MaxInt64 }
	for _, c := range []struct {
		name      string
		old, new  tree
		unwritten func() int64
		syncfs    int
		stage     int // and the tree, at least
		tree      int
	}{
		{"many", old, new, nil, 2, 0, 0},
		{"many beside a writer", old, new, busy, 0, staged, 100},
		{"few", before, after, nil, 0, 16, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReplica(t, c.old)
			r.options.Unwritten = c.unwritten
			got := r.synced(c.old, c.new)
			if got["syncfs"] != c.syncfs || got["state"] > 3 {
				t.Errorf("synced %v", got)
			}
			if got["stage"] < c.stage || got["tree"] < c.tree || c.stage == 0 && got["stage"] > 0 {
				t.Errorf("synced %v, want at least %d of the stage and %d of the tree", got, c.stage, c.tree)
			}
		})
	}
}
