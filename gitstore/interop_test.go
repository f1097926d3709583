package gitstore_test

import (
	"path/filepath"
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
