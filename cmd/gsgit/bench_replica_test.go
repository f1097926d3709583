package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// served is where replicas fetch from a primary in this process.
func served(b *testing.B, p *gsgit.Publisher) string {
	b.Helper()
	mux := http.NewServeMux()
	mux.Handle("/git/", p.Store.Handler(gitstore.ServeOptions{}))
	server := httptest.NewServer(mux)
	b.Cleanup(server.Close)
	return server.URL + "/git/"
}

// replicaOf is a replica in this process that has written nothing yet; each Sync asks its source.
func replicaOf(b *testing.B, url string) *gsgit.Follower {
	b.Helper()
	dir := filepath.Join(scratch(b), "replica")
	s, err := gitstore.Create(filepath.Join(dir, ".git"), gitstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	files, err := resync.Open(resync.Options{Root: dir, State: filepath.Join(dir, ".git", "gsgit")})
	if err != nil {
		b.Fatal(err)
	}
	memory, err := gsgit.OpenMemory(scratch(b))
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	return &gsgit.Follower{
		Dir: &gsgit.Directory{Root: dir, Rules: xmlcatalog.Rules{All: true}}, Files: files, Store: s, Instance: "replica", Log: log,
		Sources: &gsgit.Sources{From: gitstore.Source{URL: url}, Memory: memory, Own: "replica", Log: log},
	}
}

// applied is the time of one Sync until everything is durable, in its place and handed to the pick-up.
func applied(b *testing.B, f *gsgit.Follower) time.Duration {
	took, _ := swept(b, f)
	return took
}

// swept is applied, and the time until the old files are gone as well.
func swept(b *testing.B, f *gsgit.Follower) (inPlace, gone time.Duration) {
	b.Helper()
	begin := time.Now()
	f.Applied = func() { inPlace = time.Since(begin) }
	if _, err := f.Sync(context.Background()); err != nil {
		b.Fatal(err)
	}
	return inPlace, time.Since(begin)
}

// BenchmarkApply500 brings one commit of 500 layers to a replica that has the 9,500 others: our fetch, checks and durable
// apply beside `git pull` of the same commit and `rsync -a` of the same directory, which sync nothing, and beside both as
// they sync what they can. Each round begins with another of them, for each leaves its work to the next.
func BenchmarkApply500(b *testing.B) {
	dir := syntheticDir(b, benchSize(10_000))
	p := recording(b, dir)
	f := replicaOf(b, served(b, p))
	applied(b, f)
	took := map[string][]time.Duration{}
	ours := func() time.Duration {
		inPlace, gone := swept(b, f)
		took["gsgit-swept"] = append(took["gsgit-swept"], gone)
		return inPlace
	}
	rivals := []rival{
		{"gsgit", ours},
		puller(b, "git", dir), puller(b, "git-fsync", dir, "-c", "core.fsync=all"),
	}
	rivals = append(rivals, mirrors(b, dir)...)
	paths := layersOf(b, dir, benchSize(500))
	round := 0
	for _, c := range []struct {
		name string
		pace time.Duration // of the writer beside
	}{{"alone", -1}, {"beside a writer", 10 * time.Millisecond}, {"beside a fast writer", 0}} {
		b.Run(c.name, func(b *testing.B) {
			if c.pace >= 0 {
				defer dirty(b, c.pace)()
			}
			clear(took)
			for range 5 {
				round++
				for _, path := range paths {
					retitle(b, dir, path, round)
				}
				took["commit"] = append(took["commit"], synced(b, p, paths...))
				for i := range rivals {
					r := rivals[(round+i)%len(rivals)]
					took[r.name] = append(took[r.name], r.run())
				}
			}
			reportMedians(b, took)
		})
	}
}

// rival is one way to bring a replica into step.
type rival struct {
	name string
	run  func() time.Duration
}

func puller(b *testing.B, name, dir string, config ...string) rival {
	b.Helper()
	clone := filepath.Join(scratch(b), "clone")
	command(b, ".", "git", "clone", "-q", "file://"+filepath.Join(dir, ".git"), clone)
	return rival{name, func() time.Duration {
		return timed(b, clone, "git", append(config, "pull", "-q", "--ff-only")...)
	}}
}

// mirrors are the ways of rsync, as far as it is installed and knows them.
func mirrors(b *testing.B, dir string) []rival {
	b.Helper()
	var found []rival
	for name, flags := range map[string][]string{"rsync": {"-a"}, "rsync-fsync": {"-a", "--fsync"}} {
		if exec.Command("rsync", append(flags, "--version")...).Run() != nil {
			b.Logf("rsync %v is not installed: it is left out", flags)
			continue
		}
		mirror := filepath.Join(scratch(b), "mirror")
		flags = append(flags, "--delete", "--exclude", ".git", dir+"/", mirror+"/")
		command(b, ".", "rsync", flags...)
		found = append(found, rival{name, func() time.Duration { return timed(b, ".", "rsync", flags...) }})
	}
	return found
}

// BenchmarkBootstrap fills an empty replica with 10,000 layers beside `git clone`.
func BenchmarkBootstrap(b *testing.B) {
	dir := syntheticDir(b, benchSize(10_000))
	url := served(b, recording(b, dir))
	took := map[string][]time.Duration{}
	clone := func(config ...string) time.Duration {
		args := append(config, "clone", "-q", "file://"+filepath.Join(dir, ".git"), filepath.Join(scratch(b), "clone"))
		return timed(b, ".", "git", args...)
	}
	for range 3 {
		f := replicaOf(b, url)
		took["gsgit"] = append(took["gsgit"], applied(b, f))
		took["git"] = append(took["git"], clone())
		took["git-fsync"] = append(took["git-fsync"], clone("-c", "core.fsync=all"))
	}
	reportMedians(b, took)
}

// BenchmarkApplyByAge brings single commits to a replica whose history is 10,000 commits long and to one of few.
func BenchmarkApplyByAge(b *testing.B) {
	type pair struct {
		dir string
		p   *gsgit.Publisher
		f   *gsgit.Follower
	}
	const path = "workspaces/ws000/store0000/layer000003/featuretype.xml"
	pairOf := func(age int) pair {
		dir := syntheticDir(b, 100)
		lengthened(b, dir, age)
		p := recording(b, dir)
		f := replicaOf(b, served(b, p))
		retitle(b, dir, path, -1)
		synced(b, p, path)
		applied(b, f)
		return pair{dir, p, f}
	}
	young, old := pairOf(1), pairOf(benchSize(10_000))
	took := map[string][]time.Duration{}
	for i := range 15 {
		for name, one := range map[string]pair{"gsgit": young, "old": old} {
			retitle(b, one.dir, path, i)
			took["commit-"+name] = append(took["commit-"+name], synced(b, one.p, path))
			took[name] = append(took[name], applied(b, one.f))
		}
	}
	reportMedians(b, took)
}

// lengthened gives a directory a repository with so many commits of its own making.
func lengthened(b *testing.B, dir string, commits int) {
	b.Helper()
	stream, err := os.Create(filepath.Join(scratch(b), "stream"))
	if err != nil {
		b.Fatal(err)
	}
	defer stream.Close()
	for i := range commits {
		fmt.Fprintf(stream, "commit refs/heads/main\ncommitter c <c@d> %d +0000\ndata 0\nM 100644 inline note.txt\ndata %d\n%08d\n\n", 1_700_000_000+i, 8, i)
	}
	command(b, dir, "git", "init", "-q", "-b", "main", "--bare", ".git")
	command(b, dir, "sh", "-c", "git --git-dir .git fast-import --quiet < "+stream.Name())
}

// BenchmarkDiffFar compares two commits that are 2,000 layers apart, by object and field, beside the lines of git.
func BenchmarkDiffFar(b *testing.B) {
	program, dir := built(b), syntheticDir(b, benchSize(10_000))
	p := recording(b, dir)
	paths := layersOf(b, dir, benchSize(2_000))
	for _, path := range paths {
		retitle(b, dir, path, 1)
	}
	synced(b, p, paths...)
	var ours, gits []time.Duration
	for range 5 {
		ours = append(ours, timedFound(b, dir, program, "diff", "main~1", "main", "-d", "."))
		gits = append(gits, timed(b, dir, "git", "--git-dir", ".git", "diff", "main~1", "main"))
	}
	beside(b, ours, gits)
}

// timedFound is timed for a command that ends with 3 where it found something.
func timedFound(b *testing.B, dir, name string, args ...string) time.Duration {
	b.Helper()
	begin := time.Now()
	c := exec.Command(name, args...)
	c.Dir = dir
	out, err := c.Output()
	if c.ProcessState.ExitCode() != 3 || len(out) == 0 {
		b.Fatalf("%s %v: %v, %d bytes", name, args, err, len(out))
	}
	return time.Since(begin)
}
