package gsgit_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// imported makes a repository of a stream for git fast-import.
func imported(t *testing.T, stream string) *gitstore.Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), ".git")
	s, err := gitstore.Create(dir, gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	git := exec.Command("git", "--git-dir", dir, "fast-import", "--quiet", "--force")
	git.Stdin = strings.NewReader(stream)
	if out, err := git.CombinedOutput(); err != nil {
		t.Skipf("git fast-import: %v: %s", err, out)
	}
	return s
}

// streamed is one commit of such a stream, at a time of its own; parents are marks, files path and content in turn.
func streamed(ref string, mark int, parents []int, files ...string) string {
	var b strings.Builder
	message := fmt.Sprintf("commit %d", mark)
	fmt.Fprintf(&b, "commit %s\nmark :%d\ncommitter A <a@b> %d +0000\ndata %d\n%s\n", ref, mark, 1700000000+mark, len(message), message)
	for i, parent := range parents {
		fmt.Fprintf(&b, "%s :%d\n", [...]string{"from", "merge"}[i], parent)
	}
	for i := 0; i < len(files); i += 2 {
		fmt.Fprintf(&b, "M 644 inline %s\ndata %d\n%s\n", files[i], len(files[i+1]), files[i+1])
	}
	return b.String() + "\n"
}

// What comes with a merge counts once, with the merge, however many branches lie beside it.
func TestDamageOfAMergeCountsOnce(t *testing.T) {
	group := "<layerGroup><id>G</id><name>g</name><publishables><published><id>nobody</id></published></publishables></layerGroup>"
	s := imported(t, streamed("refs/heads/main", 1, nil, "global.xml", "<global/>")+
		streamed("refs/heads/side", 2, []int{1}, "layergroups/g.xml", group)+
		streamed("refs/heads/main", 3, []int{1}, "a.txt", "a")+
		streamed("refs/heads/other", 4, []int{1}, "b.txt", "b")+
		streamed("refs/heads/main", 5, []int{3, 2}, "layergroups/g.xml", group)+
		streamed("refs/heads/other", 6, []int{4}, "b.txt", "bb")+
		streamed("refs/heads/main", 7, []int{5, 6}, "b.txt", "bb"))
	var failed error
	var found []string
	for commit, damage := range gsgit.UnnamedDamage(context.Background(), s, &failed) {
		c, err := s.Commit(commit)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, fmt.Sprint(c.Subject(), " ", len(damage)))
	}
	if failed != nil || len(found) != 1 || found[0] != "commit 5 1" {
		t.Errorf("found %q, %v", found, failed)
	}
}

// A repository that was begun without gsgit holds logs and caches, which say nothing.
func TestUntrackedFilesAreNoChange(t *testing.T) {
	s := imported(t, streamed("refs/heads/main", 1, nil, "global.xml", "<global/>", "logs/geoserver.log", "x")+
		streamed("refs/heads/main", 2, []int{1}, "a.txt", "a", "logs/geoserver.log", "y"))
	head, err := s.Ref(s.BranchRef())
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Commit(head)
	if err != nil {
		t.Fatal(err)
	}
	changes, edits, err := gsgit.ChangesBetween(context.Background(), s, c.Parents[0], head)
	if err != nil || len(edits) != 1 || len(changes) != 1 || changes[0].Object.Path != "a.txt" {
		t.Errorf("changes %v, %d edits, %v", changes, len(edits), err)
	}
}
