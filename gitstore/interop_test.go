package gitstore_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/gitstore"
)

// recorded is a repository of ours with three commits of one file.
func recorded(t *testing.T) (s *gitstore.Store, head gitstore.Hash) {
	t.Helper()
	s = newStore(t)
	who := gitstore.Signature{Name: "gsgit", Email: "gsgit@gs-a"}
	for _, content := range []string{"<a>1</a>\n", "<a>2</a>\n", "<a>3</a>\n"} {
		edits := []gitstore.Edit{{Path: "workspaces/topp/workspace.xml", Content: []byte(content)}}
		id, err := s.Write(t.Context(), gitstore.Draft{Parent: head, Edits: edits, Author: who, Committer: who, Message: content})
		if err == nil {
			err = s.SetRef(t.Context(), s.BranchRef(), head, id)
		}
		if err != nil {
			t.Fatal(err)
		}
		head = id
	}
	return s, head
}

func TestGitBundlesOurHistory(t *testing.T) {
	s, head := recorded(t)
	bundle, clone := filepath.Join(t.TempDir(), "history.bundle"), filepath.Join(t.TempDir(), "clone")
	gitIn(t, s.GitDir(), "bundle", "create", bundle, "main")
	if got := gitIn(t, s.GitDir(), "bundle", "verify", bundle); !strings.Contains(got, "complete history") {
		t.Errorf("verify says %q", got)
	}
	gitIn(t, t.TempDir(), "clone", "-q", "-b", "main", bundle, clone)
	if got := gitIn(t, clone, "rev-parse", "HEAD"); got != head.String() {
		t.Errorf("the clone is at %s and not at %s", got, head)
	}
	if got := gitIn(t, clone, "rev-list", "--count", "HEAD"); got != "3" {
		t.Errorf("the clone has %s commits", got)
	}
	gitIn(t, clone, "fsck", "--strict", "--full")
}

// A person undoes a commit of ours in a clone, and we take what git wrote.
func TestARevertInACloneOfOurRepositoryComesBack(t *testing.T) {
	s, head := recorded(t)
	clone := filepath.Join(t.TempDir(), "clone")
	gitIn(t, t.TempDir(), "clone", "-q", s.GitDir(), clone)
	gitIn(t, clone, "revert", "--no-edit", "HEAD")
	reverted, err := s.FetchBranch(t.Context(), gitstore.Source{URL: clone}, "refs/heads/main", head)
	if err != nil {
		t.Fatal(err)
	}
	if got := hashOf(t, gitIn(t, clone, "rev-parse", "HEAD")); got != reverted {
		t.Errorf("fetched %s and not %s", reverted, got)
	}
	if ahead, err := s.IsAncestor(t.Context(), head, reverted); err != nil || !ahead {
		t.Errorf("the revert does not follow %s: %v", head, err)
	}
	checkWhole(t, s, reverted)
	if got := gitIn(t, s.GitDir(), "show", "main:workspaces/topp/workspace.xml"); got != "<a>2</a>" {
		t.Errorf("after the revert the file is %q", got)
	}
}

// What git itself makes of these kinds is refused with words, both to open and to adopt, and is left as it was.
func TestRepositoriesOfGitThatAreNotServed(t *testing.T) {
	whole := newRemote(t)
	whole.commit("global.xml", "<global/>")
	for name, made := range map[string]struct {
		arguments []string
		words     string
	}{
		"alternates": {[]string{"clone", "-q", "--shared", whole.dir}, "borrows objects"},
		"SHA-256":    {[]string{"init", "-q", "--object-format=sha256", "-b", "main"}, "objectformat"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "made")
			gitIn(t, t.TempDir(), append(made.arguments, dir)...)
			before := gitIn(t, dir, "config", "--list", "--local")
			for how, open := range map[string]func(string, gitstore.Options) (*gitstore.Store, error){"Open": gitstore.Open, "Create": gitstore.Create} {
				s, err := open(filepath.Join(dir, ".git"), gitstore.Options{})
				if err == nil {
					s.Close()
					t.Fatalf("%s takes it", how)
				}
				if !strings.Contains(strings.ToLower(err.Error()), made.words) || hint(err) == "" {
					t.Errorf("%s: %v, hint %q", how, err, hint(err))
				}
			}
			if after := gitIn(t, dir, "config", "--list", "--local"); after != before {
				t.Errorf("the configuration was changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

// A repository as git leaves it after a gc: packed with deltas, packed refs, a graph of its commits, a bitmap, a tag, a
// merge, an executable file and a symlink. We read the same from it as git does, write on top, and git reads that.
func TestARepositoryThatGitPackedIsReadAndWritten(t *testing.T) {
	r := newRemote(t)
	r.catalog(6)
	r.git("checkout", "-q", "-b", "side", "HEAD~2")
	r.commit("styles/side.sld", "<sld/>")
	r.git("checkout", "-q", "main")
	r.git("merge", "-q", "--no-edit", "side")
	r.git("update-index", "--chmod=+x", "global.xml")
	r.git("commit", "-qm", "executable")
	r.git("tag", "-a", "-m", "first", "v1")
	for _, args := range [][]string{{"config", "repack.writeBitmaps", "true"}, {"gc", "-q", "--aggressive"}, {"multi-pack-index", "write"}, {"commit-graph", "write", "--reachable"}} {
		r.git(args...)
	}
	s, err := gitstore.Create(filepath.Join(r.dir, ".git"), gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	head := r.head()
	for rev, want := range map[string]string{"main": "main", "v1": "v1^{commit}", "HEAD~1": "HEAD~1", "side": "side", "refs/tags/v1": "v1^{commit}"} {
		if got, err := s.Resolve(rev); err != nil || got.String() != r.git("rev-parse", want) {
			t.Errorf("%s is %s, %v", rev, got, err)
		}
	}
	var commits []string
	for c, err := range s.Log(t.Context(), head) {
		if err != nil {
			t.Fatal(err)
		}
		commits = append(commits, c.ID.String())
	}
	if want := strings.Fields(r.git("log", "--format=%H")); !slices.Equal(commits, want) {
		t.Errorf("the log is %v, git's %v", commits, want)
	}
	sameFiles(t, r, s, head)
	who := gitstore.Signature{Name: "gsgit", Email: "gsgit@gs-a"}
	edits := []gitstore.Edit{{Path: "global.xml", Content: []byte("ours")}, {Path: "styles/side.sld"}}
	id, err := s.Write(t.Context(), gitstore.Draft{Parent: head, Edits: edits, Author: who, Committer: who, Message: "ours"})
	if err == nil {
		err = s.SetRef(t.Context(), s.BranchRef(), head, id)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := r.git("diff-tree", "-r", "--name-status", head.String(), "main"); got != "M\tglobal.xml\nD\tstyles/side.sld" {
		t.Errorf("git sees the change %q", got)
	}
	sameFiles(t, r, s, id)
	r.git("fsck", "--strict", "--full")
	r.git("gc", "-q", "--aggressive", "--prune=now")
	sameFiles(t, r, s, id)
}

// sameFiles compares all files of a commit, their modes and contents, with what git gives.
func sameFiles(t *testing.T, r remote, s *gitstore.Store, id gitstore.Hash) {
	t.Helper()
	var got []string
	for e, err := range s.Files(id, "") {
		if err != nil {
			t.Fatal(err)
		}
		content, err := s.Blob(e.Blob)
		if err != nil || string(content) != r.whole("cat-file", "blob", id.String()+":"+e.Path) {
			t.Errorf("%s is %.100q, %v", e.Path, content, err)
		}
		got = append(got, fmt.Sprintf("%06o %s\t%s", e.Mode, e.Blob, e.Path))
	}
	if want := r.git("ls-tree", "-r", "--format=%(objectmode) %(objectname)%x09%(path)", id.String()); strings.Join(got, "\n") != want {
		t.Errorf("the files are\n%s\ngit's are\n%s", strings.Join(got, "\n"), want)
	}
}

// whole is git without a trim of what it says.
func (r remote) whole(args ...string) string {
	r.Helper()
	out, err := tryGit(r.Context(), r.dir, args...)
	if err != nil {
		r.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}
