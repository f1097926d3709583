package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/watcher"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// The benchmarks print this machine's figures: ours and the ordinary git's in turn, on the same
// directory, in one run; medians, and the ratio of the medians. One run is a whole series, so -benchtime 1x is enough.
// GSGIT_BENCH=small takes a twentieth of every size, to see that they work.

func benchSize(n int) int {
	if os.Getenv("GSGIT_BENCH") == "small" {
		return n / 20
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

// BenchmarkImport is `gsgit init` beside `git add -A && git commit`, whole processes, and what the processors did for
// each: on a busy machine that tells more.
func BenchmarkImport(b *testing.B) {
	source, program := production(b), built(b)
	var ours, gits, ourWork, gitWork []time.Duration
	for range 5 {
		dir, used := copied(b, source), childrenTime(b)
		ours = append(ours, timed(b, dir, program, "init", "-d", ".", "--log-level", "error"))
		ourWork = append(ourWork, childrenTime(b)-used)
		dir = copied(b, source)
		command(b, dir, "git", "init", "-q")
		used = childrenTime(b)
		gits = append(gits, timed(b, dir, "sh", "-c", "git add -A && git commit -q -m import"))
		gitWork = append(gitWork, childrenTime(b)-used)
	}
	beside(b, ours, gits)
	b.ReportMetric(milliseconds(median(ourWork)), "gsgit-cpu-ms")
	b.ReportMetric(milliseconds(median(gitWork)), "git-cpu-ms")
}

// childrenTime is what the processors did so far for the processes that were started and have ended.
func childrenTime(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkCommit is one edited file to a durable commit: a Sync of the running publisher beside
// `git commit -- PATH`, and beside a git that syncs as well.
func BenchmarkCommit(b *testing.B) {
	for _, fsync := range []string{"git-default", "git-fsync-all"} {
		b.Run(fsync, func(b *testing.B) {
			source := production(b)
			p, our := publisher(b, source)
			theirs := gitCopy(b, source)
			path := someFeatureType(b, source)
			args := []string{"commit", "-q", "-m", "edit", "--", path}
			if fsync == "git-fsync-all" {
				args = append([]string{"-c", "core.fsync=all"}, args...)
			}
			var ours, gits []time.Duration
			for i := range 25 {
				retitle(b, our, path, i)
				retitle(b, theirs, path, i)
				ours = append(ours, synced(b, p, path))
				gits = append(gits, timed(b, theirs, "git", args...))
			}
			beside(b, ours, gits)
		})
	}
}

// production is a real data directory, or the reason to skip.
func production(b *testing.B) string {
	b.Helper()
	root := os.Getenv("GSGIT_TEST_DATA")
	if root == "" {
		root = "../../../shared/data"
	}
	dir := filepath.Join(root, "imas-2.28", "data_dir")
	if _, err := os.Stat(dir); err != nil {
		b.Skipf("no production data directory: set GSGIT_TEST_DATA (%v)", err)
	}
	return dir
}

func copied(b *testing.B, source string) string {
	b.Helper()
	dir := filepath.Join(scratch(b), "data")
	if err := fixtures.CopyDir(dir, source); err != nil {
		b.Fatal(err)
	}
	return dir
}

func gitCopy(b *testing.B, source string) string {
	b.Helper()
	dir := copied(b, source)
	command(b, dir, "sh", "-c", "git init -q && git add -A && git commit -q -m import")
	return dir
}

// built is the program, built as users build it.
func built(b *testing.B) string {
	b.Helper()
	program := filepath.Join(scratch(b), "gsgit")
	command(b, ".", "go", "build", "-o", program, ".")
	return program
}

func command(b *testing.B, dir, name string, args ...string) {
	b.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func timed(b *testing.B, dir, name string, args ...string) time.Duration {
	b.Helper()
	begin := time.Now()
	command(b, dir, name, args...)
	return time.Since(begin)
}

// publisher is a primary in this process, its directory imported.
func publisher(b *testing.B, source string) (*gsgit.Publisher, string) {
	b.Helper()
	dir := copied(b, source)
	return recording(b, dir), dir
}

// recording is a primary in this process on a directory, imported.
func recording(b *testing.B, dir string) *gsgit.Publisher {
	b.Helper()
	s, err := gitstore.Create(filepath.Join(dir, ".git"), gitstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	p := &gsgit.Publisher{
		Dir: &gsgit.Directory{Root: dir, Rules: xmlcatalog.Rules{}}, Store: s, Instance: "bench",
		Hold: time.Second, Log: slog.New(slog.DiscardHandler),
	}
	if _, err := p.Init(context.Background()); err != nil {
		b.Fatal(err)
	}
	return p
}

// synced is the time of one Sync, which must have committed.
func synced(b *testing.B, p *gsgit.Publisher, paths ...string) time.Duration {
	b.Helper()
	before, _ := p.Store.Ref(gsgit.DiskRef)
	begin := time.Now()
	p.Observe(watcher.Batch{Paths: paths, First: begin, Last: begin})
	if _, err := p.Sync(context.Background()); err != nil {
		b.Fatal(err)
	}
	took := time.Since(begin)
	if after, _ := p.Store.Ref(gsgit.DiskRef); after == before {
		b.Fatal("the edit made no commit")
	}
	return took
}

func someFeatureType(b *testing.B, source string) string {
	b.Helper()
	found, err := filepath.Glob(filepath.Join(source, "workspaces/*/*/*/featuretype.xml"))
	if err != nil || len(found) == 0 {
		b.Fatalf("no feature type in %s", source)
	}
	path, _ := filepath.Rel(source, found[len(found)/2])
	return filepath.ToSlash(path)
}

// retitle edits one file as GeoServer replaces it.
func retitle(b *testing.B, dir, path string, i int) {
	b.Helper()
	w := fixtures.Writer{Dir: dir, Pause: func(time.Duration) {}}
	content, err := w.Read(path)
	if err != nil {
		b.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(content), "<title>")
	_, tail, ok2 := strings.Cut(rest, "</title>")
	if !ok || !ok2 {
		b.Fatalf("%s has no title", path)
	}
	if err := w.Put(path, []byte(fmt.Sprintf("%s<title>edit %d</title>%s", head, i, tail))); err != nil {
		b.Fatal(err)
	}
}

// beside reports both medians and their ratio.
func beside(b *testing.B, ours, gits []time.Duration) {
	b.Helper()
	reportMedians(b, map[string][]time.Duration{"gsgit": ours, "git": gits})
}

// reportMedians gives the median of each way, and how many times that of gsgit the others took.
func reportMedians(b *testing.B, took map[string][]time.Duration) {
	b.Helper()
	for name, all := range took {
		b.ReportMetric(milliseconds(median(all)), name+"-ms")
		if name != "gsgit" {
			b.ReportMetric(float64(median(all))/float64(median(took["gsgit"])), name+"/gsgit")
		}
	}
	b.ReportMetric(0, "ns/op")
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
