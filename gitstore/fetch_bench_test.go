package gitstore_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/gitstore"
)

// longHistory is a packed repository of many one-file commits over some
// hundred layers.
func longHistory(b *testing.B, commits int) remote {
	b.Helper()
	r := newRemote(b)
	var in strings.Builder
	for n := range commits {
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter c <c@d> %d +0000\ndata 0\n", 1_700_000_000+n)
		first, last := n%500, n%500
		if n == 0 {
			first, last = 0, 499
		}
		for layer := first; layer <= last; layer++ {
			content := layerXML(layer, n)
			fmt.Fprintf(&in, "M 100644 inline workspaces/topp/shapes%d/layer%d/layer.xml\ndata %d\n%s\n", layer/50, layer, len(content), content)
		}
		in.WriteString("\n")
	}
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(in.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("git fast-import: %v\n%s", err, out)
	}
	return r
}

// historyLength is 10,000 commits, or few where it is only to be seen that the benchmarks work.
func historyLength() int {
	if os.Getenv("GSGIT_BENCH") == "small" {
		return 500
	}
	return 10_000
}

// BenchmarkFetchOneCommit fetches the newest commit into a store that has all the others, each time into a fresh one,
// and lets the ordinary git do the same.
func BenchmarkFetchOneCommit(b *testing.B) {
	r := longHistory(b, historyLength())
	head, before := r.head(), hashOf(b, r.git("rev-parse", "HEAD~1"))
	node := serveStore(b, openRemote(b, filepath.Join(r.dir, ".git")), gitstore.ServeOptions{})
	base := filepath.Join(b.TempDir(), "base")
	gitIn(b, r.dir, "branch", "before", before.String())
	gitIn(b, r.dir, "clone", "-q", "--bare", "--single-branch", "-b", "before", "file://"+r.dir, base)
	backend := httpBackend(b, r.dir) + "/.git"
	from := map[string]string{"gsgit": node, "gsgit-from-path": r.dir, "gsgit-from-http-backend": backend}
	gitstore.InTurn(b, 9, []string{"gsgit", "gsgit-from-path", "gsgit-from-http-backend", "git", "git-from-http-backend"}, func(name string) gitstore.Cost {
		dir := filepath.Join(b.TempDir(), "replica")
		if out, err := exec.Command("cp", "-r", base, dir).CombinedOutput(); err != nil {
			b.Fatalf("cp: %v\n%s", err, out)
		}
		switch name {
		case "git":
			return gitstore.CostOf(func() { gitIn(b, dir, "fetch", "-q", node, "main") })
		case "git-from-http-backend":
			return gitstore.CostOf(func() { gitIn(b, dir, "fetch", "-q", backend, "main") })
		}
		s := openRemote(b, dir) // a node has its store open
		return gitstore.CostOf(func() { fetched(b, s, from[name], head, before) })
	})
}

func fetched(b *testing.B, s *gitstore.Store, url string, head, have gitstore.Hash) {
	b.Helper()
	if err := s.Fetch(b.Context(), gitstore.Source{URL: url}, head, have); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkClone takes 10,000 commits whole, from us and from git http-backend. The names begin with who asks.
func BenchmarkClone(b *testing.B) {
	r := longHistory(b, historyLength())
	node := serveStore(b, openRemote(b, filepath.Join(r.dir, ".git")), gitstore.ServeOptions{})
	backend := httpBackend(b, r.dir) + "/.git"
	head := r.head()
	gitstore.InTurn(b, 9, []string{"git-from-gsgit", "git-from-http-backend", "gsgit", "gsgit-from-http-backend"}, func(name string) gitstore.Cost {
		url := node
		if strings.HasSuffix(name, "http-backend") {
			url = backend
		}
		if strings.HasPrefix(name, "git-") {
			dir := b.TempDir()
			return gitstore.CostOf(func() { gitIn(b, dir, "clone", "-q", "--bare", url, "clone") })
		}
		s := newStore(b)
		return gitstore.CostOf(func() { fetched(b, s, url, head, gitstore.Hash{}) })
	})
}
