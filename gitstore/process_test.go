package gitstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const childEnv = "GSGIT_STORE_CHILD"

// TestChild is no test: it is the process that the tests below start and kill.
func TestChild(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		t.Skip("started by other tests only")
	}
	s := must(Open(dir, Options{}))(t)
	if err := s.Recover(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		fmt.Println("done", commit(t, s, "f", fmt.Sprint(i), fmt.Sprintf("d%d/g", i%5), fmt.Sprint(i)))
		if err := s.Maintain(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKilledProcessesLoseNoAcknowledgedCommit(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := filepath.Join(t.TempDir(), ".git")
	must(Create(dir, Options{}))(t).Close()
	last := ""
	for range rounds {
		child := exec.Command(os.Args[0], "-test.run=^TestChild$")
		child.Env = append(os.Environ(), childEnv+"="+dir)
		out := must(child.StdoutPipe())(t)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for left := 1 + rand.IntN(40); lines.Scan(); {
			id, done := strings.CutPrefix(lines.Text(), "done ")
			if !done {
				t.Fatalf("the child says %q", lines.Text())
			}
			last = id
			if left--; left == 0 {
				child.Process.Kill() // at whatever it is doing by now; it may have acknowledged more
			}
		}
		child.Wait()
		s := must(Open(dir, Options{}))(t)
		if err := s.Recover(context.Background()); err != nil {
			t.Fatal(err)
		}
		if left := leftovers(t, dir); left != nil {
			t.Errorf("left over %v", left)
		}
		head := must(s.Ref("refs/heads/main"))(t)
		ok := must(s.IsAncestor(context.Background(), must(ParseHash(last))(t), head))(t)
		if !ok {
			t.Errorf("the acknowledged commit %s is not in the history of %s", last, head)
		}
		s.Close()
		git(t, dir, "fsck", "--strict", "--full")
	}
}

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
