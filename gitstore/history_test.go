package gitstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// merged is a repository made by git: two branches that were merged, times out of order.
func merged(t *testing.T) *Store {
	t.Helper()
	s := newTestStore(t, Options{})
	var stream strings.Builder
	mark := 0
	add := func(at int, path, content string, parents ...int) int {
		mark++
		fmt.Fprintf(&stream, "commit refs/heads/main\nmark :%d\ncommitter c <c@x> %d +0000\ndata 1\nm\n", mark, 1700000000+at)
		for i, p := range parents {
			fmt.Fprintf(&stream, "%s :%d\n", []string{"from", "merge"}[min(i, 1)], p)
		}
		if path != "" {
			fmt.Fprintf(&stream, "M 644 inline %s\ndata %d\n%s\n", path, len(content), content)
		}
		return mark
	}
	first := add(1, "dir/a", "1")
	left := add(50, "dir/a", "2", first)
	left = add(3, "b", "x", left) // its clock went back
	right := add(4, "dir/c", "y", first)
	right = add(5, "b", "z", right)
	both := add(6, "dir/c", "y", left, right)
	last := add(7, "dir/a", "3", both)
	last = add(8, "dir/a", "2", last)
	add(9, "", "", last)
	gitInput(t, s.GitDir(), stream.String(), "fast-import", "--quiet")
	return s
}

func ids(t *testing.T, seq func(func(Commit, error) bool)) (out []string) {
	t.Helper()
	for c, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c.ID.String())
	}
	return out
}

func TestLogPathLogAndAncestryAgreeWithGit(t *testing.T) {
	s, ctx := merged(t), context.Background()
	head := must(s.Resolve("main"))(t)
	want := strings.Fields(git(t, s.GitDir(), "log", "--format=%H", "main"))
	if got := ids(t, s.Log(ctx, head)); !slices.Equal(got, want) {
		t.Errorf("log\n%v\n%v", got, want)
	}
	for _, paths := range [][]string{{"dir/a"}, {"dir"}, {"b"}, {"b", "dir/c"}, {"dir/c"}, {"none"}, {"dir/a/b"}} {
		want := strings.Fields(git(t, s.GitDir(), append([]string{"log", "--format=%H", "main", "--"}, paths...)...))
		if got := ids(t, s.PathLog(ctx, head, paths)); !slices.Equal(got, want) {
			t.Errorf("log of %v\n%v\n%v", paths, got, want)
		}
	}
	root := git(t, s.GitDir(), "rev-list", "--max-parents=0", "main")
	for _, from := range want {
		if got := must(s.Root(ctx, must(ParseHash(from))(t)))(t); got.String() != root {
			t.Errorf("root of %s is %s", from, got)
		}
		for _, to := range want {
			err := gitOK(s.GitDir(), "merge-base", "--is-ancestor", from, to)
			got := must(s.IsAncestor(ctx, must(ParseHash(from))(t), must(ParseHash(to))(t)))(t)
			if got != (err == nil) {
				t.Errorf("%s is an ancestor of %s: %v", from, to, got)
			}
		}
	}
	if got := must(s.IsAncestor(ctx, BlobHash(nil), head))(t); got {
		t.Error("an unknown commit is an ancestor")
	}
}

func TestLogStopsWithTheContext(t *testing.T) {
	s := merged(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for _, err := range s.Log(ctx, must(s.Resolve("main"))(t)) {
		if err != nil {
			if n != 2 {
				t.Errorf("after %d commits: %v", n, err)
			}
			return
		}
		if n++; n == 2 {
			cancel()
		}
	}
	t.Error("it went on")
}

func TestFS(t *testing.T) {
	s := newTestStore(t, Options{})
	id := commit(t, s, "workspaces/topp/w.xml", "w", "workspaces/topp-x/y.xml", "", "workspaces/topp.xml", "beside", "global.xml", "g")
	if err := fstest.TestFS(s.FS(id), "workspaces/topp/w.xml", "workspaces/topp-x/y.xml", "workspaces/topp.xml", "global.xml"); err != nil {
		t.Error(err)
	}
}

func TestFilesOfADirectoryOrOneFile(t *testing.T) {
	s := newTestStore(t, Options{})
	id := commit(t, s, "a/b/c", "1", "a/b-c", "2", "a/b/d", "3", "e", "4")
	for dir, want := range map[string]string{"": "a/b-c a/b/c a/b/d e", "a": "a/b-c a/b/c a/b/d", "a/b": "a/b/c a/b/d", "a/b/c": "a/b/c", "none": "", "a/b-c/x": ""} {
		var got []string
		for e, err := range s.Files(id, dir) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Path)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v", dir, got)
		}
	}
}

func TestCommitMessageAndSignaturesSurviveWhatIsInThem(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	d := Draft{Author: Signature{Name: "Eve <e@x>\nparent 00\x00", Email: "a>b\n"}, Committer: who(1),
		Message: "modify layer topp:states\n\nGsgit-Object: not here\n\nGsgit-Instance: gs-a\nGsgit-Object: layer:a x\ngsgit-object:  layer:b y \n"}
	c := must(s.Commit(must(s.Write(ctx, d))(t)))(t)
	if c.Author.Name != "Eve e@xparent 00" || c.Author.Email != "ab" || c.Author.When.Unix() != 0 {
		t.Errorf("author %+v", c.Author)
	}
	if !c.Committer.When.Equal(who(1).When) || c.Committer.When.Format("-0700") != "+0100" {
		t.Errorf("committer %+v", c.Committer)
	}
	if c.Subject() != "modify layer topp:states" || !slices.Equal(c.Trailers("Gsgit-Object"), []string{"layer:a x", "layer:b y"}) || c.Trailers("none") != nil {
		t.Errorf("%q %q", c.Subject(), c.Trailers("Gsgit-Object"))
	}
	if got := (Commit{Message: "Gsgit-Object: the subject alone"}).Trailers("Gsgit-Object"); got != nil {
		t.Errorf("the subject is a trailer: %v", got)
	}
}

// testData is a directory of real data directories; tests that need it are skipped where it is missing.
func testData(t testing.TB, name string) string {
	root := os.Getenv("GSGIT_TEST_DATA")
	if root == "" {
		root = "../../shared/data"
	}
	dir := filepath.Join(root, name)
	if !exists(dir) {
		t.Skipf("no test data at %s; GSGIT_TEST_DATA names another place", dir)
	}
	return dir
}

func listFiles(t testing.TB, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(dir, path)
			paths = append(paths, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestImportOfARealDirectoryIsGitsTree(t *testing.T) {
	if testing.Short() {
		t.Skip("git takes its time for the same")
	}
	dir := must(filepath.Abs(testData(t, "imas-2.28")))(t)
	paths := listFiles(t, dir)
	s, ctx := newTestStore(t, Options{}), context.Background()
	read := func(p string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, p)) }
	id := must(s.Import(ctx, Draft{Author: who(0), Committer: who(0), Message: "import"}, paths, read))(t)
	if err := s.SetRef(ctx, s.BranchRef(), Hash{}, id); err != nil {
		t.Fatal(err)
	}
	if n := len(s.packs.list()); n != 1 {
		t.Errorf("%d packs", n)
	}
	index := filepath.Join(t.TempDir(), "index")
	other := filepath.Join(t.TempDir(), "git")
	git(t, t.TempDir(), "init", "-q", "--bare", other)
	with := func(args ...string) string {
		return git(t, dir, append([]string{"-c", "core.fileMode=false", "-c", "core.autocrlf=false", "--git-dir", other, "--work-tree", dir}, args...)...)
	}
	t.Setenv("GIT_INDEX_FILE", index)
	with("add", "-A", "-f", ".")
	if got := must(s.rootTree(id))(t); with("write-tree") != got.String() {
		t.Errorf("git makes another tree than %s", got)
	}
	os.Unsetenv("GIT_INDEX_FILE")

	// Once more without a change: nothing but a commit is written.
	again := must(s.Import(ctx, Draft{Parent: id, Author: who(1), Committer: who(1), Message: "again"}, paths, read))(t)
	if got := s.packs.list()[0].index.count; got != 1 {
		t.Errorf("an import of the same wrote %d objects", got)
	}
	if diff := must(s.Diff(ctx, id, again))(t); len(diff) != 0 {
		t.Errorf("%d differences", len(diff))
	}
}
