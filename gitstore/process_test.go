package gitstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTwoStoresAndGitNeverLoseAnUpdate(t *testing.T) {
	ctx := context.Background()
	s := newTestStore(t, Options{})
	commit(t, s, "f", "0")
	each := 40
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			own, err := Open(s.GitDir(), Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer own.Close()
			for i := 0; i < each; {
				head, err := own.Ref("refs/heads/main")
				var id Hash
				if err == nil {
					id, err = own.Write(ctx, Draft{Parent: head, Edits: edits(fmt.Sprint("w", w), fmt.Sprint(i)), Author: who(1), Committer: who(1), Message: "m"})
				}
				if err == nil {
					err = own.SetRef(ctx, "refs/heads/main", head, id)
				}
				if errors.Is(err, ErrRefMoved) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				i++
			}
		})
	}
	writers.Go(func() {
		for i := 0; i < each; {
			head := git(t, s.GitDir(), "rev-parse", "main")
			id := git(t, s.GitDir(), "commit-tree", "main^{tree}", "-p", head, "-m", "by git")
			if gitOK(s.GitDir(), "update-ref", "refs/heads/main", id, head) == nil {
				i++
			}
			if i%10 == 0 {
				gitOK(s.GitDir(), "pack-refs", "--all")
			}
		}
	})
	writers.Wait()
	if n := git(t, s.GitDir(), "rev-list", "--count", "main"); n != fmt.Sprint(1+3*each) {
		t.Errorf("%s commits, want %d", n, 1+3*each)
	}
}

// commitsOfAWriter is how many commits each of two processes makes beside a foreign git.
const commitsOfAWriter = 1000

func TestTwoProcessesBesideAForeignGitLoseNoCommit(t *testing.T) {
	job, each := "write", commitsOfAWriter
	if testing.Short() {
		job, each = "write few", commitsOfAWriter/25
	}
	s := newTestStore(t, Options{})
	commit(t, s, "f", "0")
	stop := foreignGit(t, s.GitDir())
	said := make([]string, 2)
	var writers sync.WaitGroup
	for w := range said {
		writers.Go(func() {
			out, err := child(s.GitDir(), job, fmt.Sprint("w", w), 0).CombinedOutput()
			if said[w] = string(out); err != nil {
				t.Errorf("writer %d: %v\n%.2000s", w, err, bytes.TrimSpace(out[max(0, len(out)-2000):]))
			}
		})
	}
	writers.Wait()
	stop()
	if err := s.Maintain(context.Background()); err != nil { // an index that git took for garbage is made anew
		t.Error(err)
	}
	checkAcknowledged(t, s, each, said)
	git(t, s.GitDir(), "fsck", "--strict", "--full")
}

// checkAcknowledged finds every commit that a process was told to be done in the history of the branch.
func checkAcknowledged(t *testing.T, s *Store, each int, said []string) {
	t.Helper()
	kept := map[string]bool{}
	for _, id := range strings.Fields(git(t, s.GitDir(), "rev-list", "main")) {
		kept[id] = true
	}
	if len(kept) != 1+len(said)*each {
		t.Errorf("%d commits, want %d", len(kept), 1+len(said)*each)
	}
	for w, text := range said {
		acknowledged := 0
		for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
			id, ok := strings.CutPrefix(lines.Text(), "has ")
			if ok && !kept[id] {
				t.Errorf("writer %d lost %s", w, id)
			}
			if ok {
				acknowledged++
			}
		}
		if acknowledged != each {
			t.Errorf("writer %d was acknowledged %d commits of %d", w, acknowledged, each)
		}
	}
}

// writeJob commits again and again: mostly under the write lock, as nodes do, and now and then by the compare of the ref
// alone.
func writeJob(commits int) func(s *Store, name string) error {
	return func(s *Store, name string) error {
		for i := 0; i < commits; {
			id, err := writeOne(s, name, i)
			if errors.Is(err, ErrRefMoved) {
				continue
			}
			if err != nil {
				return fmt.Errorf("commit %d: %w", i, err)
			}
			fmt.Println("has", id)
			if i++; i%20 == 0 {
				// A pack may be gone by the time it is copied; then the next time does it.
				_ = s.Maintain(context.Background())
			}
		}
		return nil
	}
}

func writeOne(s *Store, name string, i int) (id Hash, err error) {
	if i%10 > 0 {
		lock, err := LockFile(filepath.Join(s.dir, stateDir, "write.lock"), time.Minute)
		if err != nil {
			return id, err
		}
		defer lock.Release()
	}
	head, err := s.Ref(s.BranchRef())
	if err == nil {
		id, err = s.Write(context.Background(), Draft{Parent: head, Edits: edits(name, fmt.Sprint(i), fmt.Sprintf("d/%s%d", name, i%50), fmt.Sprint(i)),
			Author: who(int64(i)), Committer: who(int64(i)), Message: name})
	}
	if err == nil {
		err = s.SetRef(context.Background(), s.BranchRef(), head, id)
	}
	return id, err
}
