package gitstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
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
