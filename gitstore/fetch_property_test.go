package gitstore_test

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gsgit/gsgit/gitstore"
)

// tangled makes a history of commits with one, two or no parents, by clocks
// that jump, where trees come back after they were gone. It returns the names
// of branches, one at each commit.
func tangled(t *rapid.T, dir string) []string {
	var in strings.Builder
	var branches []string
	trees := []map[string]string{{}}
	commits := rapid.IntRange(2, 14).Draw(t, "commits")
	for n := 1; n <= commits; n++ {
		branches = append(branches, fmt.Sprintf("c%d", n))
		fmt.Fprintf(&in, "commit refs/heads/c%d\nmark :%d\ncommitter c <c@d> %d +0000\ndata 0\n", n, n, rapid.IntRange(1, 30).Draw(t, "time"))
		from := max(0, n-rapid.SampledFrom([]int{1, 1, 1, 2, 3, 20}).Draw(t, "back"))
		if from > 0 {
			fmt.Fprintf(&in, "from :%d\n", from)
		}
		if from > 0 && n > 2 && rapid.IntRange(0, 2).Draw(t, "merge") == 0 {
			fmt.Fprintf(&in, "merge :%d\n", rapid.IntRange(1, n-1).Draw(t, "merged"))
		}
		trees = append(trees, nextTree(t, trees, from))
		in.WriteString("deleteall\n")
		for _, name := range slices.Sorted(maps.Keys(trees[n])) {
			fmt.Fprintf(&in, "M 100644 inline %s\ndata 1\n%s\n", name, trees[n][name])
		}
		in.WriteString("\n")
	}
	cmd := exec.Command("git", "fast-import", "--quiet", "--force", "--date-format=raw-permissive")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(in.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s\n%s", err, out, in.String())
	}
	return branches
}

// nextTree edits the parent's files, or brings an older tree back as a revert does.
func nextTree(t *rapid.T, trees []map[string]string, from int) map[string]string {
	if rapid.IntRange(0, 3).Draw(t, "revert") == 0 {
		return rapid.SampledFrom(trees).Draw(t, "reverted to")
	}
	tree := maps.Clone(trees[from])
	for range rapid.IntRange(1, 2).Draw(t, "edits") {
		name := rapid.SampledFrom([]string{"a", "d/a", "d/b", "d/e/a", "d/e/b", "f/a"}).Draw(t, "name")
		if content := rapid.StringMatching("[-w-z]").Draw(t, "content"); content != "-" {
			tree[name] = content
		} else {
			delete(tree, name)
		}
	}
	return tree
}

// Whatever the history looks like, and whatever the other side has of it: what
// was fetched is everything. The ordinary git is the judge, since our own check
// walks as our own selection does.
func TestFetchLeavesNoHole(t *testing.T) {
	root, dir, run := t.TempDir(), t.TempDir(), 0
	gitIn(t, root, "init", "-q", "--bare", dir)
	rapid.Check(t, func(rt *rapid.T) {
		run++
		branches := tangled(rt, dir)
		source := openRemote(t, dir)
		tip := func(label string) gitstore.Hash {
			return mustRef(t, source, "refs/heads/"+rapid.SampledFrom(branches).Draw(rt, label))
		}
		have, want := tip("have"), tip("want")
		url := serveStore(t, source, gitstore.ServeOptions{Branches: func() []string { return branches }})
		target := filepath.Join(root, fmt.Sprint(run))
		s, err := gitstore.Create(target, gitstore.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		for _, step := range [][2]gitstore.Hash{{have, {}}, {want, have}} {
			if err := s.Fetch(t.Context(), gitstore.Source{URL: url}, step[0], step[1]); err != nil {
				rt.Fatal(err)
			}
			if out, err := tryGit(t.Context(), target, "rev-list", "--objects", step[0].String()); err != nil {
				rt.Fatalf("a hole: %s", out)
			}
		}
	})
}
