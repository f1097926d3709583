package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// git runs the ordinary git in the repository, as a person would.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	return gitInput(t, dir, "", args...)
}

func gitInput(t testing.TB, dir, input string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@x", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@x")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

// newTestStore makes a repository and checks in the end that git finds nothing wrong with it.
func newTestStore(t testing.TB, o Options) *Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), ".git")
	s, err := Create(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	s.disk.lazy = true
	t.Cleanup(func() {
		s.Close()
		if out := git(t, dir, "fsck", "--strict", "--full", "--no-dangling"); strings.Contains(out, "missing") || strings.Contains(out, "error") {
			t.Errorf("git fsck: %s", out)
		}
	})
	return s
}

func who(at int64) Signature {
	return Signature{Name: "gsgit", Email: "gsgit@gs-a", When: time.Unix(1700000000+at, 0).In(time.FixedZone("", 3600))}
}

// edits turns "path", "content" pairs into edits; the content "-" removes.
func edits(pairs ...string) (out []Edit) {
	for i := 0; i < len(pairs); i += 2 {
		e := Edit{Path: pairs[i]}
		if pairs[i+1] != "-" {
			e.Content = []byte(pairs[i+1])
		}
		out = append(out, e)
	}
	return out
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// commit writes edits on top of the branch and moves it.
func commit(t testing.TB, s *Store, pairs ...string) Hash {
	t.Helper()
	ctx := context.Background()
	head := must(s.Ref(s.BranchRef()))(t)
	n := int64(0)
	if !head.IsZero() {
		n = must(s.Commit(head))(t).Committer.When.Unix() - 1700000000 + 1
	}
	id := must(s.Write(ctx, Draft{Parent: head, Edits: edits(pairs...), Author: who(n), Committer: who(n), Message: fmt.Sprintf("commit %d", n)}))(t)
	if err := s.SetRef(ctx, s.BranchRef(), head, id); err != nil {
		t.Fatal(err)
	}
	return id
}

func content(t testing.TB, s *Store, commit Hash, path string) string {
	t.Helper()
	e, ok, err := s.Lookup(commit, path)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "-"
	}
	return string(must(s.Blob(e.Blob))(t))
}

// hint is what cmd looks for.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func TestGitReadsWhatWasWritten(t *testing.T) {
	s := newTestStore(t, Options{})
	commit(t, s, "workspaces/topp/workspace.xml", "<a/>", "global.xml", "g")
	id := commit(t, s, "workspaces/topp/workspace.xml", "<b/>", "workspaces/topp-x/w.xml", "x", "workspaces/topp.xml", "file beside")
	dir := s.GitDir()
	if got := git(t, dir, "rev-parse", "main"); got != id.String() {
		t.Errorf("main is %s, not %s", got, id)
	}
	if got := git(t, filepath.Dir(dir), "log", "--format=%s %an <%ae> %ad", "--date=raw"); got != "commit 1 gsgit <gsgit@gs-a> 1700000001 +0100\ncommit 0 gsgit <gsgit@gs-a> 1700000000 +0100" {
		t.Errorf("log in the data directory: %s", got)
	}
	if got := git(t, dir, "show", "main:workspaces/topp/workspace.xml"); got != "<b/>" {
		t.Errorf("show: %q", got)
	}
	work := filepath.Join(t.TempDir(), "clone")
	git(t, t.TempDir(), "clone", "-q", dir, work)
	git(t, work, "add", "-A", ".")
	if got := git(t, work, "write-tree"); got != git(t, dir, "rev-parse", "main^{tree}") {
		t.Errorf("git writes the tree %s of the same files", got)
	}
	if got := git(t, dir, "reflog", "show", "main"); strings.Count(got, "\n") != 1 {
		t.Errorf("reflog: %s", got)
	}
}

func TestPushIntoTheRepositoryIsRefused(t *testing.T) {
	s := newTestStore(t, Options{})
	commit(t, s, "a", "1")
	work := filepath.Join(t.TempDir(), "clone")
	git(t, t.TempDir(), "clone", "-q", s.GitDir(), work)
	git(t, work, "commit", "-q", "--allow-empty", "-m", "by hand")
	cmd := exec.Command("git", "push", "origin", "main")
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("git push went through: %s", out)
	}
}

func TestOneFileCommitCostsDepthPlusTwoObjectsAndFiveSyncs(t *testing.T) {
	s := newTestStore(t, Options{})
	var pairs []string
	for i := range 300 {
		pairs = append(pairs, fmt.Sprintf("workspaces/w/s%d/l%d/layer.xml", i%10, i), fmt.Sprint(i))
	}
	commit(t, s, pairs...)
	head := commit(t, s, "workspaces/w/s1/l1/layer.xml", "warm")
	before := s.disk.syncs.Load()
	packs := len(s.packs.list())
	ctx := context.Background()
	id := must(s.Write(ctx, Draft{Parent: head, Edits: edits("workspaces/w/s1/l1/layer.xml", "new"), Author: who(9), Committer: who(9), Message: "m"}))(t)
	if err := s.SetRef(ctx, s.BranchRef(), head, id); err != nil {
		t.Fatal(err)
	}
	if got := s.disk.syncs.Load() - before; got != 5 {
		t.Errorf("%d syncs, want pack, index, directory, ref, directory", got)
	}
	list := s.packs.list()
	if len(list) != packs+1 {
		t.Fatalf("%d packs more", len(list)-packs)
	}
	if got, want := list[0].index.count, 1+5+1; got != want { // blob, root and four directories, commit
		t.Errorf("%d objects, want %d", got, want)
	}
}

func TestAdoptKeepsHistoryAndSetsTheIndexAside(t *testing.T) {
	work := t.TempDir()
	git(t, work, "init", "-q", "-b", "trunk")
	os.WriteFile(filepath.Join(work, "a.xml"), []byte("one\r\n"), 0o644)
	os.WriteFile(filepath.Join(work, ".gitattributes"), []byte("*.tif filter=lfs\n"), 0o644)
	git(t, work, "add", "-A")
	git(t, work, "commit", "-qm", "by hand")
	before := git(t, work, "rev-parse", "HEAD")
	var log bytes.Buffer
	s := must(Create(filepath.Join(work, ".git"), Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}))(t)
	defer s.Close()
	if s.Branch() != "trunk" {
		t.Errorf("branch %s", s.Branch())
	}
	if got := must(s.Ref(s.BranchRef()))(t); got.String() != before {
		t.Errorf("the branch moved to %s", got)
	}
	if exists(filepath.Join(work, ".git", "index")) {
		t.Error("the index is still there")
	}
	if got := content(t, s, must(s.Resolve("HEAD"))(t), "a.xml"); got != "one\r\n" {
		t.Errorf("a.xml is %q", got)
	}
	if !strings.Contains(log.String(), "filters are not applied") || !strings.Contains(log.String(), "index set aside") {
		t.Errorf("log: %s", log.String())
	}
	commit(t, s, "b.xml", "two")
	config := string(must(os.ReadFile(filepath.Join(work, ".git", "config")))(t))
	again := must(Create(filepath.Join(work, ".git"), Options{}))(t)
	defer again.Close()
	if got := string(must(os.ReadFile(filepath.Join(work, ".git", "config")))(t)); got != config {
		t.Errorf("a second Create changed the config:\n%s\n%s", config, got)
	}
	if got := git(t, work, "rev-list", "--count", "trunk"); got != "2" {
		t.Errorf("%s commits", got)
	}
	for _, forbidden := range [][]string{{"commit", "--allow-empty", "-m", "x"}, {"checkout", "trunk"}} {
		cmd := exec.Command("git", forbidden...)
		cmd.Dir = work
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("git %s went through: %s", forbidden[0], out)
		}
	}
	if info := must(os.Stat(s.GitDir()))(t); info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestOpenTellsNothingFromBroken(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	if _, err := Open(missing, Options{}); !errors.Is(err, ErrNoRepository) {
		t.Errorf("missing: %v", err)
	}
	locked := t.TempDir() // only our state directory: a lock is taken before the repository is made
	os.MkdirAll(filepath.Join(locked, stateDir), 0o755)
	if _, err := Open(locked, Options{}); !errors.Is(err, ErrNoRepository) {
		t.Errorf("only locks: %v", err)
	}
	for name, breakIt := range map[string]func(dir string){
		"no HEAD":    func(dir string) { os.Remove(filepath.Join(dir, "HEAD")) },
		"empty HEAD": func(dir string) { os.Truncate(filepath.Join(dir, "HEAD"), 0) },
		"no objects": func(dir string) { os.RemoveAll(filepath.Join(dir, "objects")) },
		"alternates": func(dir string) {
			os.WriteFile(filepath.Join(dir, "objects", "info", "alternates"), []byte("/x/objects\n"), 0o644)
		},
		"sha256": func(dir string) {
			os.WriteFile(filepath.Join(dir, "config"), []byte("[extensions]\n\tobjectFormat = sha256\n"), 0o644)
		},
		"shallow": func(dir string) { os.WriteFile(filepath.Join(dir, "shallow"), []byte("x\n"), 0o644) },
		"config":  func(dir string) { os.WriteFile(filepath.Join(dir, "config"), []byte("[core\n"), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), ".git")
			s := must(Create(dir, Options{}))(t)
			commit(t, s, "a", "1")
			s.Close()
			breakIt(dir)
			_, err := Open(dir, Options{})
			if err == nil || errors.Is(err, ErrNoRepository) || hint(err) == "" {
				t.Errorf("%v, hint %q", err, hint(err))
			}
			if _, err := Create(dir, Options{}); err == nil && name != "sha256" {
				t.Error("Create made a new repository over a broken one")
			}
		})
	}
}

func TestReadOnlyWritesNothing(t *testing.T) {
	s := newTestStore(t, Options{})
	id := commit(t, s, "a", "1")
	r := must(Open(s.GitDir(), Options{ReadOnly: true}))(t)
	defer r.Close()
	ctx := context.Background()
	if _, err := r.Write(ctx, Draft{Parent: id, Edits: edits("b", "2")}); err == nil {
		t.Error("Write")
	}
	if err := r.SetRef(ctx, "refs/gsgit/disk", Hash{}, id); err == nil {
		t.Error("SetRef")
	}
	if err := errors.Join(r.Recover(ctx)); err == nil {
		t.Error("Recover")
	}
	if got := content(t, r, id, "a"); got != "1" {
		t.Errorf("a is %q", got)
	}
}

func gitOK(dir string, args ...string) error {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	return cmd.Run()
}
