package gitstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Each benchmark of ours stands beside the git command that does the same. GSGIT_BENCH_LAYERS sets the size (1000).

func benchLayers() int {
	if n, err := strconv.Atoi(os.Getenv("GSGIT_BENCH_LAYERS")); err == nil {
		return n
	}
	return 1000
}

// layerFiles is a synthetic data directory in memory: two files a layer, 100 layers a store, 5 stores a workspace.
func layerFiles(layers int) map[string][]byte {
	files := map[string][]byte{"global.xml": []byte("<global/>")}
	for i := range layers {
		dir := fmt.Sprintf("workspaces/w%d/s%d/l%d/", i/500, i/100, i)
		files[dir+"layer.xml"] = benchContent(i, 1000)
		files[dir+"featuretype.xml"] = benchContent(i, 4500)
	}
	return files
}

func benchContent(seed, size int) []byte {
	out := []byte("<layer>\n")
	for i := 0; len(out) < size; i++ {
		out = fmt.Appendf(out, "  <attribute><name>field%d</name><id>AttributeTypeInfoImpl--%x</id></attribute>\n", i, seed*7919+i*104729)
	}
	return out
}

func benchStore(b *testing.B, files map[string][]byte) (*Store, Hash) {
	b.Helper()
	s, err := Create(filepath.Join(b.TempDir(), ".git"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s, benchImport(b, s, files)
}

func benchImport(b *testing.B, s *Store, files map[string][]byte) Hash {
	paths := make([]string, 0, len(files))
	for p := range files {
		paths = append(paths, p)
	}
	ctx := context.Background()
	id := must(s.Import(ctx, Draft{Author: who(0), Committer: who(0), Message: "import"}, paths, func(p string) ([]byte, error) { return files[p], nil }))(b)
	if err := s.SetRef(ctx, s.BranchRef(), Hash{}, id); err != nil {
		b.Fatal(err)
	}
	return id
}

func gitWork(b *testing.B, files map[string][]byte) string {
	b.Helper()
	work := b.TempDir()
	git(b, work, "init", "-q", "-b", "main")
	for path, content := range files {
		os.MkdirAll(filepath.Dir(filepath.Join(work, path)), 0o755)
		os.WriteFile(filepath.Join(work, path), content, 0o644)
	}
	return work
}

func BenchmarkCommitOneFile(b *testing.B) {
	files := layerFiles(benchLayers())
	b.Run("gsgit", func(b *testing.B) {
		s, _ := benchStore(b, files)
		commit(b, s, "workspaces/w0/s0/l1/layer.xml", "warm")
		for i := 0; b.Loop(); i++ {
			commit(b, s, "workspaces/w0/s0/l1/layer.xml", fmt.Sprint(i))
			if i%maxPacks == maxPacks-1 {
				b.StopTimer()
				if err := s.Maintain(context.Background()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		}
	})
	b.Run("git", func(b *testing.B) {
		work := gitWork(b, files)
		git(b, work, "add", "-A")
		git(b, work, "commit", "-qm", "import")
		path := "workspaces/w0/s0/l1/layer.xml"
		for i := 0; b.Loop(); i++ {
			os.WriteFile(filepath.Join(work, path), []byte(fmt.Sprint(i)), 0o644)
			git(b, work, "commit", "-qm", "m", "--", path)
		}
	})
}

// BenchmarkCommitFlatStore has all layers in one store, whose tree each commit writes whole.
func BenchmarkCommitFlatStore(b *testing.B) {
	files := map[string][]byte{}
	for i := range 10 * benchLayers() {
		files[fmt.Sprintf("workspaces/w/s/layer%06d.xml", i)] = fmt.Append(nil, i)
	}
	s, _ := benchStore(b, files)
	for i := 0; b.Loop(); i++ {
		commit(b, s, "workspaces/w/s/layer000001.xml", fmt.Sprint("new", i))
	}
}

func BenchmarkImport(b *testing.B) {
	files := layerFiles(benchLayers())
	b.Run("gsgit", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			s, err := Create(filepath.Join(b.TempDir(), ".git"), Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			benchImport(b, s, files)
			s.Close()
		}
	})
	b.Run("git", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			work := gitWork(b, files)
			b.StartTimer()
			git(b, work, "add", "-A")
			git(b, work, "commit", "-qm", "import")
		}
	})
}

func BenchmarkDiffOneFile(b *testing.B) {
	s, first := benchStore(b, layerFiles(benchLayers()))
	second := commit(b, s, "workspaces/w0/s0/l1/layer.xml", "new")
	b.Run("gsgit", func(b *testing.B) {
		for b.Loop() {
			if d, err := s.Diff(context.Background(), first, second); err != nil || len(d) != 1 {
				b.Fatal(d, err)
			}
		}
	})
	b.Run("git", func(b *testing.B) {
		for b.Loop() {
			git(b, s.GitDir(), "diff-tree", "-r", first.String(), second.String())
		}
	})
}

func BenchmarkPathLog(b *testing.B) {
	s, _ := benchStore(b, layerFiles(100))
	for i := range 1000 {
		commit(b, s, fmt.Sprintf("workspaces/w0/s0/l%d/layer.xml", i%100), fmt.Sprint(i))
		if err := s.Maintain(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	head := must(s.Resolve("main"))(b)
	b.Run("gsgit", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, err := range s.PathLog(context.Background(), head, []string{"workspaces/w0/s0/l7/layer.xml"}) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			if n != 11 {
				b.Fatal(n)
			}
		}
	})
	b.Run("git", func(b *testing.B) {
		for b.Loop() {
			git(b, s.GitDir(), "log", "--format=%H", "main", "--", "workspaces/w0/s0/l7/layer.xml")
		}
	})
}
