package main_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/watcher"
)

// trace is the system calls of a process while something was done, "call(arguments)" each.
type trace []string

// traced watches a running process by strace, through its threads, while do runs.
func traced(t *testing.T, p *process, do func()) trace {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace here: the system calls of the real process are not counted")
	}
	file := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-y", "-s", "1000", "-e", "trace=open,openat,getdents64,fsync,fdatasync,syncfs,rename,renameat,renameat2",
		"-o", file, "-p", strconv.Itoa(p.cmd.Process.Pid))
	said := &transcript{more: make(chan struct{})}
	cmd.Stderr = said
	must(t, cmd.Start())
	attached := false
	for late := time.After(patience); !attached; {
		text, more := said.now()
		if strings.Contains(text, "Operation not permitted") {
			_ = cmd.Wait() // it ended with this
			t.Skip("strace may not attach here: the system calls of the real process are not counted")
		}
		if attached = strings.Contains(text, "attached"); attached {
			break
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("strace did not attach: %s", text)
		}
	}
	do()
	must(t, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait() // it ends by the signal
	content, err := os.ReadFile(file)
	must(t, err)
	return strings.Split(string(content), "\n")
}

var (
	callShape = regexp.MustCompile(`^\d+ +(\w+)\(`)
	pathShape = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"|<(/[^>]*)>`)
)

// touched lists the paths below dir, its repository aside, that a kind of call named.
func (tr trace) touched(dir string, calls ...string) (paths []string) {
	for _, line := range tr {
		m := callShape.FindStringSubmatch(line)
		if m == nil || !strings.Contains(strings.Join(calls, " "), m[1]) {
			continue
		}
		line, _, _ = strings.Cut(line, ") = ") // the result names the file once more
		for _, p := range pathShape.FindAllStringSubmatch(line, -1) {
			rel, err := filepath.Rel(dir, p[1]+p[2])
			if err == nil && filepath.IsAbs(p[1]+p[2]) && rel != ".." && !strings.HasPrefix(rel, "../") && rel != ".git" && !strings.HasPrefix(rel, ".git/") {
				paths = append(paths, rel)
			}
		}
	}
	return paths
}

// opened lists the files below dir, its repository aside, that were opened; directories are opened to be synced.
func (tr trace) opened(dir string) (files []string) {
	for _, path := range tr.touched(dir, "open", "openat") {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || !info.IsDir() {
			files = append(files, path)
		}
	}
	return files
}

func (tr trace) syncs() (n int) {
	for _, line := range tr {
		if m := callShape.FindStringSubmatch(line); m != nil && strings.HasSuffix(m[1], "sync") || m != nil && m[1] == "syncfs" {
			n++
		}
	}
	return n
}

// pair is a primary and a replica that run.
type pair struct {
	primary, replica       *process
	primaryDir, replicaDir string
}

func newPair(t *testing.T) *pair {
	t.Helper()
	flags, _, _ := topics(t)
	p := &pair{primaryDir: sampled(t).Dir, replicaDir: t.TempDir()}
	p.primary = launch(t, nil, append([]string{"watch", "-d", p.primaryDir, "-n", "gs-a", "--listen", "127.0.0.1:0"}, flags...)...)
	p.primary.await("msg=watching")
	p.replica = launch(t, nil, append([]string{"follow", "-d", p.replicaDir, "-n", "gs-b", "--listen", "127.0.0.1:0"}, flags...)...)
	p.replica.await("msg=following")
	p.level(t)
	time.Sleep(2 * time.Second) // the events of the start are not what is counted
	return p
}

// level waits until both are in step.
func (p *pair) level(t *testing.T) {
	t.Helper()
	eventually(t, "both in step", func() error {
		if err := stepped(t, p.primaryDir, true); err != nil {
			return err
		}
		if a, b := ref(t, p.primaryDir, mainRef), ref(t, p.replicaDir, mainRef); a != b {
			return fmt.Errorf("the heads are %s and %s", a, b)
		}
		return stepped(t, p.replicaDir, false)
	})
}

// retitle replaces one file, by one rename, and gives its path.
func retitle(t *testing.T, dir, layer, title string) string {
	t.Helper()
	path := "workspaces/harbour/charts/" + layer + "/featuretype.xml"
	g := serverOf(dir)
	body, err := g.Read(path)
	must(t, err)
	changed := regexp.MustCompile(`<title>[^<]*</title>`).ReplaceAll(body, []byte("<title>"+title+"</title>"))
	must(t, g.Put(path, changed))
	return path
}

func TestWorkOfOneFile(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	had := map[string]int{p.primaryDir: inPacks(t, p.primaryDir), p.replicaDir: inPacks(t, p.replicaDir)}
	before := ref(t, p.primaryDir, mainRef)
	var path string
	primary, replica := p.traced(t, func() {
		path = retitle(t, p.primaryDir, "buoys", "Counted")
		eventually(t, "the commit", func() error {
			if ref(t, p.primaryDir, mainRef) == before {
				return fmt.Errorf("the head is still %s", before)
			}
			return nil
		})
		p.level(t)
		time.Sleep(time.Second) // what a node does when the events of its own writes come belongs to it
	})
	for dir, calls := range map[string]trace{p.primaryDir: primary, p.replicaDir: replica} {
		untouched := dir == p.replicaDir && len(calls.opened(dir)) == 0 // the very file that was put there last is not read
		if got := calls.opened(dir); !untouched && (len(got) != 1 || got[0] != path) {
			t.Errorf("%s: opened %q, and only %s was changed", dir, got, path)
		}
		if got := calls.touched(dir, "getdents64"); len(got) > 0 {
			t.Errorf("%s: listed %q", dir, got)
		}
		depth := strings.Count(path, "/") + 1
		if got := inPacks(t, dir) - had[dir]; got != depth+2 {
			t.Errorf("%s: %d new objects for one file of depth %d", dir, got, depth)
		}
	}
	if got := primary.syncs(); got == 0 || got > 10 {
		t.Errorf("the commit was synced %d times", got)
	}
	if got := replica.touched(p.replicaDir, "rename", "renameat", "renameat2"); len(got) != 1 || got[0] != path {
		t.Errorf("the apply renamed onto %q", got)
	}
}

// traced watches both nodes while do runs.
func (p *pair) traced(t *testing.T, do func()) (primary, replica trace) {
	t.Helper()
	primary = traced(t, p.primary, func() { replica = traced(t, p.replica, do) })
	return primary, replica
}

// inPacks counts the objects of a repository, which has no loose ones.
func inPacks(t *testing.T, dir string) int {
	t.Helper()
	var loose, packed int
	for line := range strings.Lines(git(t, dir, "count-objects", "-v")) {
		_, _ = fmt.Sscanf(line, "count: %d", &loose)
		_, _ = fmt.Sscanf(line, "in-pack: %d", &packed)
	}
	if loose > 0 || packed == 0 {
		t.Fatalf("%d loose objects and %d packed ones in %s", loose, packed, dir)
	}
	return packed
}

// TestIdleOpensNothing covers each timer of a node but the scan, which comes every five minutes: the
// heartbeat, the bus, the poll. TestIdleHourReadsNothing covers an hour of the publisher.
func TestIdleOpensNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute of idling")
	}
	t.Parallel()
	p := newPair(t)
	primary, replica := p.traced(t, func() { time.Sleep(33 * time.Second) })
	for dir, calls := range map[string]trace{p.primaryDir: primary, p.replicaDir: replica} {
		if got := calls.touched(dir, "open", "openat", "getdents64"); len(got) > 0 {
			t.Errorf("idle, and %s opened %q", dir, got)
		}
		if n := calls.syncs(); n > 0 {
			t.Errorf("idle, and %s synced %d times", dir, n)
		}
	}
}

// bench is a publisher in this process.
func bench(t *testing.T, g *fixtures.GeoServer) *gsgit.Publisher {
	t.Helper()
	store, err := gitstore.Create(filepath.Join(g.Dir, ".git"), gitstore.Options{})
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return &gsgit.Publisher{Dir: directory(g.Dir), Store: store, Instance: "gs-a", Hold: time.Second, Log: slog.New(slog.DiscardHandler)}
}

func syncs(t *testing.T, task gsgit.Task) {
	t.Helper()
	if _, err := task.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func heardOf(path string) watcher.Batch {
	now := time.Now()
	return watcher.Batch{Paths: []string{path}, First: now, Last: now}
}

func TestPublisherReadsTheChangedFileAlone(t *testing.T) {
	t.Parallel()
	g := sampled(t)
	p := bench(t, g)
	syncs(t, p)
	before := p.Dir.Work()
	path := retitle(t, g.Dir, "buoys", "Counted")
	p.Observe(heardOf(path))
	syncs(t, p)
	if n := git(t, g.Dir, "rev-list", "--count", mainRef); n != "2" {
		t.Fatalf("%s commits", n)
	}
	after := p.Dir.Work()
	if reads, walks := after.Reads-before.Reads, after.Walks-before.Walks; reads != 1 || walks != 0 {
		t.Errorf("one changed file cost %d reads and %d listed directories", reads, walks)
	}
}

func TestFollowerTouchesTheChangedFileAlone(t *testing.T) {
	t.Parallel()
	g := sampled(t)
	p := bench(t, g)
	syncs(t, p)
	dir := t.TempDir()
	state := filepath.Join(dir, ".git", "gsgit")
	store, err := gitstore.Create(filepath.Join(dir, ".git"), gitstore.Options{})
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	var operations []string
	files, err := resync.Open(resync.Options{Root: dir, State: state, Gate: func(operation string, paths ...string) error {
		for _, place := range paths {
			if rel, err := filepath.Rel(dir, place); err == nil && !strings.HasPrefix(rel, ".git") && operation != "look" && operation != "sync" {
				operations = append(operations, operation+" "+rel)
			}
		}
		return nil
	}})
	must(t, err)
	memory, err := gsgit.OpenMemory(state)
	must(t, err)
	f := &gsgit.Follower{
		Dir: directory(dir), Files: files, Store: store, Instance: "gs-b", Log: slog.New(slog.DiscardHandler),
		Sources: &gsgit.Sources{From: gitstore.Source{URL: filepath.Join(g.Dir, ".git")}, Memory: memory, Poll: time.Nanosecond},
	}
	syncs(t, f)
	path := retitle(t, g.Dir, "buoys", "Counted")
	p.Observe(heardOf(path))
	syncs(t, p)
	operations = nil
	before := f.Dir.Work()
	syncs(t, f)
	f.Observe(heardOf(path)) // the event of its own write
	syncs(t, f)
	if err := gsgit.InStep(store, directory(dir), false); err != nil {
		t.Fatal(err)
	}
	if after := f.Dir.Work(); after != before {
		t.Errorf("the follower's own looks went from %+v to %+v", before, after)
	}
	changes := map[string]int{}
	for _, o := range operations {
		changes[o]++
	}
	// The very file that was put there last is not read again before it is replaced; its access list is asked for.
	if changes["exchange "+path] != 1 || changes["attributes "+path] > 1 || changes["read "+path] > 1 || len(changes) > 3 {
		t.Errorf("one changed file cost %v", changes)
	}
	for o := range changes {
		if !strings.HasSuffix(o, " "+path) {
			t.Errorf("%s: and only %s was changed", o, path)
		}
	}
}

func TestIdleHourReadsNothing(t *testing.T) {
	g := sampled(t)
	synctest.Test(t, func(t *testing.T) {
		p := bench(t, g)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		loop := gsgit.NewLoop("record", p, p.Log, nil)
		go loop.Run(ctx)
		time.Sleep(time.Minute)
		synctest.Wait()
		before := p.Dir.Work()
		if before.Reads == 0 {
			t.Fatal("the import read nothing: nothing is counted")
		}
		<-ctx.Done()
		synctest.Wait()
		if after := p.Dir.Work(); after != before {
			t.Errorf("an idle hour went from %+v to %+v", before, after)
		}
	})
}

// TestClockThatWentBack: a replaced file is younger than the one before, whatever the clock says, or a
// GeoServer that looks at times would not read it.
func TestClockThatWentBack(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	dir := filledReplica(t, h.first)
	file := filepath.Join(dir, "styles/depth.sld")
	ahead := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	must(t, os.Chtimes(file, ahead, ahead))
	runs(t, followOnce(dir, h.second)...)
	info, err := os.Stat(file)
	must(t, err)
	if !info.ModTime().After(ahead) {
		t.Errorf("the new file is of %s, the old one was of %s", info.ModTime(), ahead)
	}
	inStep(t, dir, false)
}
