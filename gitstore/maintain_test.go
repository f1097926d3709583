package gitstore

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPacksStayFewOverALongHistory(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	most, copied := 0, 0
	commits := 250
	if testing.Short() {
		commits = 80
	}
	for i := range commits {
		commit(t, s, "f", fmt.Sprint(i), fmt.Sprintf("d%d/g", i%7), fmt.Sprint(i))
		before := len(s.packs.list())
		if err := s.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
		if after := s.packs.list(); len(after) < before {
			copied += after[0].index.count
		}
		most = max(most, len(s.packs.list()))
	}
	if most > maxPacks {
		t.Errorf("up to %d packs", most)
	}
	if objects := 6 * commits; copied > 8*objects {
		t.Errorf("%d objects were copied to keep %d", copied, objects)
	}
	if n := git(t, s.GitDir(), "rev-list", "--count", "main"); n != fmt.Sprint(commits) {
		t.Errorf("%s commits", n)
	}
}

func TestChooseGeometric(t *testing.T) {
	for _, c := range []struct {
		counts []int // newest first
		merged int
	}{
		{[]int{1}, 0}, {[]int{1, 2, 4, 8}, 0}, {[]int{3, 3}, 2}, {[]int{3, 3, 3, 100}, 3}, {[]int{5, 100, 5, 5, 30}, 3}, {[]int{5, 100, 5, 5, 29}, 4}, {[]int{7, 1000, 3000}, 0}, {nil, 0},
	} {
		var packs []*pack
		for _, n := range c.counts {
			packs = append(packs, &pack{index: &packIndex{count: n}})
		}
		if got := len(chooseGeometric(packs)); got != c.merged {
			t.Errorf("%v: %d merged, want %d", c.counts, got, c.merged)
		}
	}
}

func TestFlatStoreBecomesDeltas(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	var pairs []string
	for i := range 2000 {
		pairs = append(pairs, fmt.Sprintf("store/layer%04d", i), fmt.Sprint(i))
	}
	commit(t, s, pairs...)
	for i := range maxPacks + 5 {
		commit(t, s, fmt.Sprintf("store/layer%04d", i*31%2000), fmt.Sprint("new", i))
	}
	before := packBytes(s)
	if err := s.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	if after := packBytes(s); after > before/4 {
		t.Errorf("%d bytes became %d", before, after)
	}
	head := must(s.Resolve("main"))(t)
	fresh := must(Open(s.GitDir(), Options{}))(t)
	defer fresh.Close()
	n := 0
	for e, err := range fresh.Files(head, "store") {
		if err != nil {
			t.Fatal(err)
		}
		n++
		_ = e
	}
	if n != 2000 {
		t.Errorf("%d files", n)
	}
	for i := range maxPacks + 5 { // deltas are copied as they are into the next roll-up
		commit(t, s, fmt.Sprintf("store/layer%04d", i*17%2000), fmt.Sprint("newer", i))
	}
	if err := s.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
}

func packBytes(s *Store) (sum int64) {
	for _, p := range s.packs.list() {
		sum += p.size
	}
	return sum
}

func TestGitsOwnPacksAndLooseObjectsAreRolledUpWhole(t *testing.T) {
	work := t.TempDir()
	git(t, work, "init", "-q", "-b", "main")
	for i := range 20 {
		os.WriteFile(filepath.Join(work, "f"), []byte(strings.Repeat(fmt.Sprintln("line", i%3), 300)+fmt.Sprint(i)), 0o644)
		git(t, work, "add", "-A")
		git(t, work, "commit", "-qm", fmt.Sprint(i))
		if i == 10 {
			git(t, work, "repack", "-adq", "--depth=20", "--window=20")
		}
	}
	s := must(Create(filepath.Join(work, ".git"), Options{}))(t)
	defer s.Close()
	var want []string
	want = append(want, strings.Fields(git(t, work, "rev-list", "--objects", "--no-object-names", "main"))...)
	loose := must(s.looseIDs())(t)
	if len(loose) == 0 {
		t.Fatal("git left no loose objects")
	}
	commit(t, s, "g", "ours")
	if err := s.roll(context.Background(), s.packs.list(), loose); err != nil {
		t.Fatal(err)
	}
	if n, left := len(s.packs.list()), must(s.looseIDs())(t); n != 1 || len(left) != 0 {
		t.Errorf("%d packs, %d loose objects", n, len(left))
	}
	for _, id := range want {
		if _, _, err := s.object(must(ParseHash(id))(t)); err != nil {
			t.Error(err)
		}
	}
	git(t, work, "fsck", "--strict", "--full")
	if out := git(t, work, "verify-pack", "-v", ".git/objects/pack/"+s.packs.list()[0].name()+".idx"); !strings.Contains(out, "chain length") {
		t.Error("the deltas were not kept as deltas")
	}
}

func TestKeptPacksAreLeftAlone(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	commit(t, s, "f", "first")
	kept := s.packs.list()[0]
	os.WriteFile(kept.base+".keep", nil, 0o644)
	for i := range maxPacks + 1 {
		commit(t, s, "f", fmt.Sprint(i))
	}
	if err := s.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	if !exists(kept.base+".pack") || len(s.packs.list()) != 2 {
		t.Errorf("%d packs", len(s.packs.list()))
	}
}

// A .keep of ours is let go by the age of its pack, and never while the commit is still to come.
func TestOnlyOldPacksOfLostCommitsAreLetGo(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	head := commit(t, s, "f", "1")
	for _, content := range []string{"old", "young"} {
		must(s.Write(ctx, Draft{Parent: head, Edits: edits("f", content), Message: "m"}))(t)
	}
	list := s.packs.list()
	young, old := list[0].base, list[1].base
	long := time.Now().Add(-2 * keepLimit)
	for _, path := range []string{old + ".pack", s.markFile()} {
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	coming := filepath.Join(s.packs.dir, "pack-"+strings.Repeat("0", 40)) // held, and its pack not there yet
	if err := s.holdPack(coming); err != nil {
		t.Fatal(err)
	}
	if err := s.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	if !exists(young+".keep") || exists(old+".keep") || !exists(coming+".keep") {
		t.Errorf("held: young %v, old %v, coming %v", exists(young+".keep"), exists(old+".keep"), exists(coming+".keep"))
	}
	if err := s.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	if keeps, _ := filepath.Glob(filepath.Join(s.packs.dir, "*.keep")); keeps != nil {
		t.Errorf("held after a start: %v", keeps)
	}
}

func TestDriftCommitsAreLetGoWhenOldAndMany(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	head := commit(t, s, "f", "1")
	for i := range driftKept + 3 {
		id := must(s.Write(ctx, Draft{Parent: head, Committer: who(int64(i)), Author: who(int64(i)), Message: "drift"}))(t)
		if err := s.SetRef(ctx, fmt.Sprintf("refs/gsgit/drift/%03d", i), Hash{}, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.expireDrift(ctx, who(0).When.Add(driftAge+time.Second)); err != nil {
		t.Fatal(err)
	}
	refs := must(s.Refs("refs/gsgit/drift/"))(t)
	if _, young := refs["refs/gsgit/drift/002"]; len(refs) != driftKept+1 || !young {
		t.Errorf("%d kept, that at the border: %v", len(refs), young)
	}
}

func TestACommitWithoutARefYetIsNoGarbage(t *testing.T) {
	for _, args := range [][]string{{"repack", "-adq"}, {"gc", "-q", "--prune=now"}} {
		s, ctx := newTestStore(t, Options{}), context.Background()
		head := commit(t, s, "f", "1")
		id := must(s.Write(ctx, Draft{Parent: head, Edits: edits("f", "2"), Author: who(2), Committer: who(2), Message: "m"}))(t)
		git(t, s.GitDir(), args...)
		for range maxPacks + 1 { // nor for our own roll-up, which leaves it where it is
			must(s.Write(ctx, Draft{Parent: head, Edits: edits("g", randomName()), Message: "m"}))(t)
		}
		if err := s.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.SetRef(ctx, "refs/heads/main", head, id); err != nil {
			t.Fatalf("after git %v: %v", args, err)
		}
		if got := content(t, s, id, "f"); got != "2" {
			t.Errorf("after git %v: f is %q", args, got)
		}
		if err := s.Recover(ctx); err != nil {
			t.Fatal(err)
		}
		if keeps, _ := filepath.Glob(filepath.Join(s.packs.dir, "*.keep")); keeps != nil {
			t.Errorf("still held: %v", keeps)
		}
	}
}

func TestGitCollectsGarbageBesideUs(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	s.disk.lazy = false // it is to take its time
	reader := must(Open(s.GitDir(), Options{ReadOnly: true}))(t)
	defer reader.Close()
	first := commit(t, s, "f", "first")
	stop := foreignGit(t, s.GitDir())
	commits := 300 // two processes make more beside a foreign git: TestTwoProcessesBesideAForeignGitLoseNoCommit
	if testing.Short() {
		commits = 40
	}
	for i := range commits {
		id := commit(t, s, "f", fmt.Sprint(i), fmt.Sprintf("d/%d", i), "x")
		if got := content(t, reader, id, "f"); got != fmt.Sprint(i) {
			t.Errorf("the reader sees %q", got)
		}
		if got := content(t, s, first, "f"); got != "first" {
			t.Errorf("the first commit has %q", got)
		}
		if i%20 == 19 {
			// A pack may be gone by the time it is copied; then the next time does it.
			if err := s.Maintain(ctx); err != nil {
				t.Log(err)
			}
		}
	}
	stop()
	if n := git(t, s.GitDir(), "rev-list", "--count", "main"); n != fmt.Sprint(commits+1) {
		t.Errorf("%s commits", n)
	}
	if got := must(s.Ref("refs/remotes/other/main"))(t); got.IsZero() {
		t.Error("git never fetched")
	}
}

// foreignGit collects garbage, packs refs, repacks and fetches in a repository, over and over, until it is stopped. Git
// gives a command up where a ref moves or a pack goes while it runs; each has to have come to its end at least once.
func foreignGit(t *testing.T, dir string) (stop func()) {
	t.Helper()
	other := t.TempDir()
	git(t, other, "init", "-q", "-b", "main")
	commands := [][]string{{"gc", "-q"}, {"pack-refs", "--all"}, {"repack", "-adq"}, {"repack", "-dq", "--geometric=2"},
		{"fetch", "-q", "--no-auto-gc", other, "main:refs/remotes/other/main"}}
	ended := make([]int, len(commands))
	end := make(chan struct{})
	var foreign sync.WaitGroup
	foreign.Go(func() {
		for round := 0; round < len(commands) || !closed(end); round++ {
			if err := gitOK(other, "-c", "user.name=o", "-c", "user.email=o@x", "commit", "-q", "--allow-empty", "-m", fmt.Sprint(round)); err != nil {
				t.Error(err)
			}
			cmd := exec.Command("git", commands[round%len(commands)]...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Logf("git %v: %v\n%s", cmd.Args, err, out)
			} else {
				ended[round%len(commands)]++
			}
		}
	})
	return func() {
		t.Helper()
		close(end)
		foreign.Wait()
		t.Logf("git came to the end of its commands %v times", ended)
		if i := slices.Index(ended, 0); i >= 0 {
			t.Errorf("git %v never came to its end", commands[i])
		}
	}
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestManyGoroutinesReadWhileOneWritesAndRollsUp(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	first := commit(t, s, "f", "first", "d/e", "e")
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				head, err := s.Ref("refs/heads/main")
				if err != nil {
					t.Error(err)
					return
				}
				for _, id := range []Hash{first, head} {
					for e, err := range s.Files(id, "") {
						if err == nil {
							_, err = s.Blob(e.Blob)
						}
						if err != nil {
							t.Error(err)
							return
						}
					}
				}
			}
		})
	}
	for i := range 120 {
		commit(t, s, "f", fmt.Sprint(i))
		if err := s.Maintain(ctx); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}
