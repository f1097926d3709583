package gitstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gsgit/gsgit/gitstore"
)

// gitIn runs the ordinary git, out of reach of this machine's configuration.
func gitIn(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := tryGit(t.Context(), dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func tryGit(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@d", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// a remote is a repository made by the ordinary git.
type remote struct {
	testing.TB
	dir string
}

func newRemote(t testing.TB) remote {
	t.Helper()
	r := remote{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r remote) git(args ...string) string { r.Helper(); return gitIn(r, r.dir, args...) }

func (r remote) write(path, content string) {
	r.Helper()
	full := filepath.Join(r.dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		r.Fatal(err)
	}
}

func (r remote) commit(path, content string) gitstore.Hash {
	r.Helper()
	r.write(path, content)
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "change "+path)
	return r.head()
}

func (r remote) head() gitstore.Hash { r.Helper(); return hashOf(r, r.git("rev-parse", "HEAD")) }

func hashOf(t testing.TB, hex string) gitstore.Hash {
	t.Helper()
	id, err := gitstore.ParseHash(hex)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// catalog commits a few layers, several times over, so that packs have deltas.
func (r remote) catalog(commits int) {
	r.Helper()
	for n := range commits {
		for layer := range 8 {
			r.write(fmt.Sprintf("workspaces/topp/shapes/layer%d/layer.xml", layer), layerXML(layer, n))
		}
		r.commit("global.xml", fmt.Sprintf("<global><n>%d</n></global>\n", n))
	}
}

func layerXML(layer, n int) string {
	return fmt.Sprintf("<layer>\n<name>layer%d</name>\n%s<rev>%d</rev>\n</layer>\n", layer, strings.Repeat("<keyword>water</keyword>\n", 60), n)
}

func newStore(t testing.TB) *gitstore.Store {
	t.Helper()
	s, err := gitstore.Create(filepath.Join(t.TempDir(), ".git"), gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// openRemote reads a repository of the ordinary git through a Store, as a node would serve it.
func openRemote(t testing.TB, gitDir string) *gitstore.Store {
	t.Helper()
	s, err := gitstore.Open(gitDir, gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func serveHTTP(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func serveStore(t testing.TB, s *gitstore.Store, o gitstore.ServeOptions) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/git/", s.Handler(o))
	return serveHTTP(t, mux) + "/git/"
}

// httpBackend serves every repository below root by git's own http server.
func httpBackend(t testing.TB, root string) string {
	t.Helper()
	program := filepath.Join(gitIn(t, root, "--exec-path"), "git-http-backend")
	if _, err := os.Stat(program); err != nil {
		t.Skip("git http-backend is not installed")
	}
	return serveHTTP(t, &cgi.Handler{Path: program, Stderr: io.Discard, Env: []string{
		"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "REMOTE_USER=tester"}})
}

// fakeSSH makes ssh run the command here; it fails as ssh does for the host "nowhere".
func fakeSSH(t *testing.T) {
	script := filepath.Join(t.TempDir(), "ssh")
	text := "#!/bin/sh\nwhile [ $# -gt 2 ]; do shift; done\n" +
		"[ \"$1\" = nowhere ] && { echo 'ssh: no such host' >&2; exit 255; }\nexec sh -c \"$2\"\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_SSH_COMMAND", script)
}

// noLeaks fails the test if a goroutine outlives what the test has cleaned up.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// checkWhole lets the ordinary git look at what a store holds of a commit.
func checkWhole(t testing.TB, s *gitstore.Store, head gitstore.Hash) {
	t.Helper()
	if err := s.SetRef(t.Context(), s.BranchRef(), mustRef(t, s, s.BranchRef()), head); err != nil {
		t.Fatal(err)
	}
	gitIn(t, s.GitDir(), "fsck", "--strict", "--full")
	gitIn(t, s.GitDir(), "rev-list", "--objects", head.String())
}

func mustRef(t testing.TB, s *gitstore.Store, name string) gitstore.Hash {
	t.Helper()
	id, err := s.Ref(name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// leftovers lists what is in the pack directory and no part of a finished pack.
func leftovers(t testing.TB, s *gitstore.Store) []string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(s.GitDir(), "objects", "pack"))
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), "pack-") {
			left = append(left, f.Name())
		}
	}
	return left
}

// packedObjects counts the objects in all packs.
func packedObjects(t testing.TB, s *gitstore.Store) int {
	t.Helper()
	total := 0
	packs, _ := filepath.Glob(filepath.Join(s.GitDir(), "objects", "pack", "*.idx"))
	for _, idx := range packs {
		listing := gitIn(t, s.GitDir(), "verify-pack", "-v", idx)
		for line := range strings.Lines(listing) {
			if f := strings.Fields(line); len(f) >= 5 && len(f[0]) == 40 {
				total++
			}
		}
	}
	return total
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
