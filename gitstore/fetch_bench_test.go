package gitstore_test

import (
	"fmt"
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

// BenchmarkFetchOneCommit fetches the newest commit into a store that has all
// the others, each time into a fresh one, and lets the ordinary git do the same.
func BenchmarkFetchOneCommit(b *testing.B) {
	r := longHistory(b, 10_000)
	head, before := r.head(), hashOf(b, r.git("rev-parse", "HEAD~1"))
	gitDir := filepath.Join(r.dir, ".git")
	node := serveStore(b, openRemote(b, gitDir), gitstore.ServeOptions{})
	base := filepath.Join(b.TempDir(), "base")
	gitIn(b, r.dir, "branch", "before", before.String())
	gitIn(b, r.dir, "clone", "-q", "--bare", "--single-branch", "-b", "before", "file://"+r.dir, base)
	fresh := func(b *testing.B) string {
		b.Helper()
		dir := filepath.Join(b.TempDir(), "replica")
		if out, err := exec.Command("cp", "-r", base, dir).CombinedOutput(); err != nil {
			b.Fatalf("cp: %v\n%s", err, out)
		}
		return dir
	}
	for name, url := range map[string]string{"node": node, "path": r.dir, "http-backend": httpBackend(b, r.dir) + "/.git"} {
		b.Run("gsgit from "+name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s := openRemote(b, fresh(b))
				b.StartTimer()
				if err := s.Fetch(b.Context(), gitstore.Source{URL: url}, head, before); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("git from node", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			dir := fresh(b)
			b.StartTimer()
			gitIn(b, dir, "fetch", "-q", node, "main")
		}
	})
}

// BenchmarkClone takes 10,000 commits whole.
func BenchmarkClone(b *testing.B) {
	r := longHistory(b, 10_000)
	node := serveStore(b, openRemote(b, filepath.Join(r.dir, ".git")), gitstore.ServeOptions{})
	backend := httpBackend(b, r.dir) + "/.git"
	for name, url := range map[string]string{"node": node, "http-backend": backend} {
		b.Run("gsgit from "+name, func(b *testing.B) {
			for b.Loop() {
				if err := newStore(b).Fetch(b.Context(), gitstore.Source{URL: url}, r.head(), gitstore.Hash{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("git from "+name, func(b *testing.B) {
			for b.Loop() {
				gitIn(b, b.TempDir(), "clone", "-q", "--bare", url, "clone")
			}
		})
	}
}
