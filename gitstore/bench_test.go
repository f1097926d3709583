package gitstore

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/fixtures"
)

// The benchmarks print what we take and what the ordinary git takes for the same, in turn on one machine: medians, and
// the ratio. One run of a benchmark is a whole series, so -benchtime 1x is enough. GSGIT_BENCH=small takes a twentieth
// of every size, to see that they work.

func benchSize(n int) int {
	if os.Getenv("GSGIT_BENCH") == "small" {
		return max(n/20, 20)
	}
	return n
}

// scratch is a directory for a benchmark. The task keeps all of them until its end: a file system without a journal makes
// new files slowly for minutes after many were removed.
func scratch(b *testing.B) string {
	b.Helper()
	root := os.Getenv("GSGIT_BENCH_DIR")
	if root == "" {
		return b.TempDir()
	}
	dir, err := os.MkdirTemp(root, "")
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

// manyPaths is the shape of a data directory, its files a few bytes long: 100 layers a store, 5 stores a workspace.
func manyPaths(layers int) []string {
	paths := []string{"global.xml"}
	for i := range layers {
		dir := layerDir(i)
		paths = append(paths, dir+"/featuretype.xml", dir+"/layer.xml")
	}
	return paths
}

func layerDir(i int) string {
	return fmt.Sprintf("workspaces/ws%03d/store%04d/layer%06d", i/500, i/100, i)
}

// benchStore is a repository that waits for the device, as in earnest, with paths imported.
func benchStore(b *testing.B, gitDir string, paths []string, read func(string) ([]byte, error)) *Store {
	b.Helper()
	s, err := Create(gitDir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	benchImport(b, s, paths, read)
	return s
}

func benchImport(b *testing.B, s *Store, paths []string, read func(string) ([]byte, error)) {
	b.Helper()
	ctx := context.Background()
	id := must(s.Import(ctx, Draft{Author: who(0), Committer: who(0), Message: "import"}, paths, read))(b)
	if err := s.SetRef(ctx, s.BranchRef(), Hash{}, id); err != nil {
		b.Fatal(err)
	}
}

func small(path string) ([]byte, error) { return []byte(path), nil }

// synthetic is a data directory on disk, and its files.
func synthetic(b *testing.B, layers, perStore int) (dir string, paths []string) {
	b.Helper()
	dir = scratch(b)
	if err := fixtures.Synthetic(dir, layers, perStore); err != nil {
		b.Fatal(err)
	}
	return dir, must(filesIn(dir))(b)
}

func filesIn(dir string) (paths []string, err error) {
	err = fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && p == ".git" {
			return fs.SkipDir
		}
		if err == nil && d.Type().IsRegular() {
			paths = append(paths, p)
		}
		return err
	})
	return paths, err
}

func fromDisk(dir string) func(string) ([]byte, error) {
	return func(p string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, p)) }
}

// workTree makes the directory one that git works in: our import, git's index of it. `git add` of 50,000 layers alone
// would take a minute.
func workTree(b *testing.B, dir string, paths []string) {
	b.Helper()
	benchStore(b, filepath.Join(dir, ".git"), paths, fromDisk(dir)).Close()
	git(b, dir, "config", "core.bare", "false")
	git(b, dir, "read-tree", "HEAD")
	git(b, dir, "update-index", "-q", "--refresh")
}

// commitOne is a durable commit of one file.
func commitOne(b *testing.B, s *Store, path string) func(int) cost {
	return func(round int) cost {
		content := fmt.Sprint(path, round)
		return costOf(func() { commit(b, s, path, content) })
	}
}

func gitCommitOne(b *testing.B, dir, path string, options ...string) func(int) cost {
	return func(round int) cost {
		if err := os.WriteFile(filepath.Join(dir, path), fmt.Append(nil, path, options, round), 0o644); err != nil {
			b.Fatal(err)
		}
		return costOf(func() { git(b, dir, append(options, "commit", "-qm", "m", "--", path)...) })
	}
}

// BenchmarkCommit is one file, durable, beside `git commit -- PATH` and a git that syncs as well.
func BenchmarkCommit(b *testing.B) {
	for _, layers := range []int{1_000, 10_000, 50_000, 100_000} {
		rounds := min(15, 500_000/layers) // git takes seconds of 100,000 layers
		b.Run(fmt.Sprintf("layers=%d", benchSize(layers)), func(b *testing.B) { commitBesideGit(b, benchSize(layers), 100, rounds) })
	}
	b.Run(fmt.Sprintf("flat=%d", benchSize(10_000)), func(b *testing.B) { commitBesideGit(b, benchSize(10_000), benchSize(10_000), 15) })
}

func commitBesideGit(b *testing.B, layers, perStore, rounds int) {
	dir, paths := synthetic(b, layers, perStore)
	workTree(b, dir, paths)
	s := benchStore(b, filepath.Join(scratch(b), ".git"), paths, fromDisk(dir))
	path := paths[len(paths)/2]
	inTurn(b, rounds,
		contender{"gsgit", commitOne(b, s, path)},
		contender{"git", gitCommitOne(b, dir, path)},
		contender{"git-fsync", gitCommitOne(b, dir, path, "-c", "core.fsync=all")})
}

// BenchmarkCommitBySize shows that a commit costs what it changes, whatever the size of the tree.
func BenchmarkCommitBySize(b *testing.B) {
	var all []contender
	for _, layers := range []int{1_000, 10_000, 50_000, 100_000} {
		layers = benchSize(layers)
		s := benchStore(b, filepath.Join(scratch(b), ".git"), manyPaths(layers), small)
		all = append(all, contender{fmt.Sprintf("%d", layers), commitOne(b, s, layerDir(layers/2)+"/layer.xml")})
	}
	inTurn(b, 25, all...)
}

// BenchmarkLongHistory is what 10,000 commits cost: the next commit beside one on a short history, what is on the disk, the
// history of one file, and whether one commit leads to another.
func BenchmarkLongHistory(b *testing.B) {
	old := aged(b, benchSize(10_000))
	b.Run("commit", func(b *testing.B) {
		young := benchStore(b, filepath.Join(scratch(b), ".git"), manyPaths(500), small)
		path := layerDir(7) + "/layer.xml"
		files, bytes := diskUse(b, old.GitDir())
		inTurn(b, 25, contender{"young", commitOne(b, young, path)}, contender{"old", commitOne(b, old, path)})
		b.ReportMetric(float64(files), "files")
		b.ReportMetric(float64(bytes)/(1<<20), "MiB")
	})
	b.Run("path log", func(b *testing.B) { pathLogBesideGit(b, old) })
	b.Run("path log, packed by git", func(b *testing.B) {
		s := repacked(b, old)
		defer s.Close()
		pathLogBesideGit(b, s)
	})
	b.Run("ancestor", func(b *testing.B) { ancestorBesideGit(b, old) })
}

// repacked is a copy in one pack with deltas, as `git gc` makes it.
func repacked(b *testing.B, s *Store) *Store {
	b.Helper()
	dir := filepath.Join(scratch(b), "copy.git")
	if out, err := exec.Command("cp", "-r", s.GitDir(), dir).CombinedOutput(); err != nil {
		b.Fatalf("cp: %v\n%s", err, out)
	}
	git(b, dir, "repack", "-adq")
	return must(Open(dir, Options{}))(b)
}

// aged is a repository after many commits by a node, with a node's maintenance.
func aged(b *testing.B, commits int) *Store {
	b.Helper()
	s := benchStore(b, filepath.Join(scratch(b), ".git"), manyPaths(500), small)
	s.disk.lazy = true
	for i := range commits {
		commit(b, s, layerDir(i%500)+"/layer.xml", fmt.Sprint("edit ", i))
		if err := s.Maintain(context.Background()); i%10 == 9 && err != nil {
			b.Fatal(err)
		}
	}
	s.disk.lazy = false
	return s
}

func diskUse(b *testing.B, dir string) (files, bytes int64) {
	b.Helper()
	err := filepath.Walk(dir, func(_ string, info fs.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			files, bytes = files+1, bytes+info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return files, bytes
}

// BenchmarkCommit1000Files is a bulk change, read from disk, beside `git add -A && git commit`.
func BenchmarkCommit1000Files(b *testing.B) {
	dir, paths := synthetic(b, benchSize(10_000), 100)
	workTree(b, dir, paths)
	s := benchStore(b, filepath.Join(scratch(b), ".git"), paths, fromDisk(dir))
	changed := paths[:min(len(paths), benchSize(1_000))]
	change := func(round int) {
		for _, p := range changed {
			content := must(os.ReadFile(filepath.Join(dir, p)))(b)
			if err := os.WriteFile(filepath.Join(dir, p), fmt.Append(content, "<!-- ", round, " -->"), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	inTurn(b, 5,
		contender{"gsgit", func(round int) cost {
			change(round)
			return costOf(func() {
				var pairs []string
				for _, p := range changed {
					pairs = append(pairs, p, string(must(os.ReadFile(filepath.Join(dir, p)))(b)))
				}
				commit(b, s, pairs...)
			})
		}},
		contender{"git", func(round int) cost {
			change(round)
			return costOf(func() { git(b, dir, "add", "-A"); git(b, dir, "commit", "-qm", "m") })
		}})
}

// BenchmarkImport is the first commit of a directory, and of one whose files lie in memory, so that the disk's part shows.
func BenchmarkImport(b *testing.B) {
	dir, paths := synthetic(b, benchSize(10_000), 100)
	all := map[string][]byte{}
	for _, p := range paths {
		all[p] = must(os.ReadFile(filepath.Join(dir, p)))(b)
	}
	memory := func(p string) ([]byte, error) { return all[p], nil }
	imported := func(read func(string) ([]byte, error)) func(int) cost {
		return func(int) cost {
			gitDir := filepath.Join(scratch(b), ".git")
			return costOf(func() { benchStore(b, gitDir, paths, read) })
		}
	}
	inTurn(b, 3,
		contender{"gsgit", imported(fromDisk(dir))},
		contender{"gsgit-from-memory", imported(memory)},
		contender{"git", func(int) cost {
			os.RemoveAll(filepath.Join(dir, ".git"))
			git(b, dir, "init", "-q")
			git(b, dir, "config", "gc.auto", "0") // it would run on in the background
			return costOf(func() { git(b, dir, "add", "-A"); git(b, dir, "commit", "-qm", "m") })
		}})
}

// BenchmarkDiff compares a commit with its child, and two that are far apart.
func BenchmarkDiff(b *testing.B) {
	paths := manyPaths(benchSize(10_000))
	s := benchStore(b, filepath.Join(scratch(b), ".git"), paths, small)
	first := must(s.Resolve("main"))(b)
	second := commit(b, s, paths[1], "new")
	far := maps.Collect(func(yield func(string, string) bool) {
		for i := 0; i < len(paths) && yield(paths[i], "far"); i += 40 {
		}
	})
	var pairs []string
	for path, content := range far {
		pairs = append(pairs, path, content)
	}
	third := commit(b, s, pairs...)
	for name, to := range map[string]Hash{"one file": second, "500 files": third} {
		b.Run(name, func(b *testing.B) {
			inTurn(b, 11,
				contender{"gsgit", func(int) cost {
					return costOf(func() { must(s.Diff(context.Background(), first, to))(b) })
				}},
				contender{"git", func(int) cost {
					return costOf(func() { git(b, s.GitDir(), "diff-tree", "-r", first.String(), to.String()) })
				}})
		})
	}
}

// pathLogBesideGit is the history of one file.
func pathLogBesideGit(b *testing.B, s *Store) {
	path := layerDir(7) + "/layer.xml"
	head := must(s.Resolve("main"))(b)
	ours, gits := 0, 0
	inTurn(b, 5,
		contender{"gsgit", func(int) cost {
			ours = 0
			return costOf(func() {
				for _, err := range s.PathLog(context.Background(), head, []string{path}) {
					if err != nil {
						b.Fatal(err)
					}
					ours++
				}
			})
		}},
		contender{"git", func(int) cost {
			return costOf(func() { gits = len(strings.Fields(git(b, s.GitDir(), "log", "--format=%H", "main", "--", path))) })
		}})
	if ours != gits {
		b.Fatalf("%d commits, git finds %d", ours, gits)
	}
}

// ancestorBesideGit asks of the newest pair whether one leads to the other, as each applied commit does, both ways.
func ancestorBesideGit(b *testing.B, s *Store) {
	head := must(s.Resolve("main"))(b)
	before := must(s.Commit(head))(b).Parents[0]
	ask := func(a, of Hash, want bool) func(int) cost {
		return func(int) cost {
			return costOf(func() {
				if got := must(s.IsAncestor(context.Background(), a, of))(b); got != want {
					b.Fatalf("IsAncestor: %v", got)
				}
			})
		}
	}
	inTurn(b, 11,
		contender{"gsgit", ask(before, head, true)},
		contender{"gsgit-other-way", ask(head, before, false)},
		contender{"git", func(int) cost {
			return costOf(func() { git(b, s.GitDir(), "merge-base", "--is-ancestor", before.String(), head.String()) })
		}})
}
