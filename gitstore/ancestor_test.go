package gitstore

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestAncestryOfAnyHistory draws histories with branches, merges, several beginnings and clocks that went anywhere.
func TestAncestryOfAnyHistory(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := must(Create(t.TempDir()+"/.git", Options{}))(t)
		defer s.Close()
		n := rapid.IntRange(2, 10).Draw(r, "commits")
		leads := make([][]bool, n) // leads[a][b]: a is b or one of its ancestors
		var stream strings.Builder
		for i := range n {
			leads[i] = make([]bool, n)
			leads[i][i] = true
			fmt.Fprintf(&stream, "reset refs/heads/c%d\ncommit refs/heads/c%d\nmark :%d\ncommitter c <c@x> %d +0000\ndata 3\nc%02d",
				i, i, i+1, 1700000000+rapid.IntRange(0, 9).Draw(r, "time"), i)
			word := "from"
			for parent := range i {
				if rapid.IntRange(0, 2).Draw(r, "parent") > 0 {
					continue
				}
				fmt.Fprintf(&stream, "\n%s :%d", word, parent+1)
				word = "merge"
				for a := range i {
					leads[a][i] = leads[a][i] || leads[a][parent]
				}
			}
			stream.WriteString("\n\n")
		}
		gitInput(t, s.GitDir(), stream.String(), "fast-import", "--quiet")
		at := func(i int) Hash { return must(s.Ref(fmt.Sprintf("refs/heads/c%d", i)))(t) }
		for a := range n {
			for b := range n {
				if got := must(s.IsAncestor(context.Background(), at(a), at(b)))(t); got != leads[a][b] {
					r.Fatalf("commit %d is an ancestor of %d: %v", a, b, got)
				}
			}
		}
	})
}

func TestAncestryCostsWhatLiesBetween(t *testing.T) {
	s := newTestStore(t, Options{})
	var all []Hash
	for i := range 40 {
		all = append(all, commit(t, s, "a", fmt.Sprint(i)))
	}
	for _, pair := range [][2]Hash{{all[36], all[39]}, {all[39], all[36]}} {
		w := ancestry{store: s, all: map[Hash]*reached{}}
		got := must(w.leads(context.Background(), pair[0], pair[1]))(t)
		if want := pair[0] == all[36]; got != want || len(w.all) > 6 {
			t.Errorf("%v after a look at %d commits", got, len(w.all))
		}
	}
}
