package gitstore

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// A node that commits once a second, with its maintenance, compressed in time: the repository stays small, and a commit
// costs at the end what it cost at the beginning. GSGIT_COMMITS=10000 is nearly three hours of it.
func TestALongHistoryStaysSmallAndCheap(t *testing.T) {
	commits := 2_000
	if testing.Short() {
		commits = 300
	}
	if n, err := strconv.Atoi(os.Getenv("GSGIT_COMMITS")); err == nil {
		commits = n
	}
	s, ctx := newTestStore(t, Options{}), context.Background()
	head := must(s.Import(ctx, Draft{Author: who(0), Committer: who(0), Message: "import"}, manyPaths(500), small))(t)
	if err := s.SetRef(ctx, s.BranchRef(), Hash{}, head); err != nil {
		t.Fatal(err)
	}
	_, imported := inUse(t, s.GitDir())
	first, last, files := commitCost{}, commitCost{}, 0
	for i := range commits {
		last = costOfCommit(t, s, i)
		if i == 0 {
			first = last
		}
		if i%50 == 49 {
			n, _ := inUse(t, s.GitDir())
			files = max(files, n)
		}
		if i%10 == 9 {
			if err := s.Maintain(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, bytes := inUse(t, s.GitDir())
	each := (bytes - imported) / int64(commits)
	t.Logf("%d commits: at most %d files, %d bytes, %d for each commit; the first commit cost %+v, the last %+v", commits, files, bytes, each, first, last)
	if most := 2*(maxPacks+10) + 20; files > most {
		t.Errorf("up to %d files, want at most %d", files, most)
	}
	if most := first.bytes + 400; each > most {
		t.Errorf("%d bytes for each commit, want at most %d", each, most)
	}
	if d := last.bytes - first.bytes; d < 100 && d > -100 { // a few digits more
		last.bytes = first.bytes
	}
	if last != first {
		t.Errorf("the first commit cost %+v, the last one %+v", first, last)
	}
	if n := git(t, s.GitDir(), "rev-list", "--count", "main"); n != fmt.Sprint(commits+1) {
		t.Errorf("%s commits", n)
	}
}

func costOfCommit(t *testing.T, s *Store, i int) commitCost {
	t.Helper()
	c := commitCost{syncs: -s.disk.syncs.Load()}
	s.disk.observe = func(string, string, string) { c.changes++ }
	commit(t, s, layerDir(i%500)+"/layer.xml", fmt.Sprint("edit ", i))
	s.disk.observe = nil
	c.syncs += s.disk.syncs.Load()
	p := s.packs.list()[0]
	c.objects, c.bytes = p.index.count, p.size
	return c
}

// commitCost is what one commit does to the disk.
type commitCost struct {
	objects      int
	bytes, syncs int64
	changes      int
}

func inUse(t *testing.T, dir string) (files int, bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files, bytes = files+1, bytes+info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, bytes
}
