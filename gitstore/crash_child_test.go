package gitstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests of this file's process run it again as a child, which dies by SIGKILL, from its own hand or its parent's.
const (
	childEnv  = "GSGIT_STORE_CHILD" // the repository
	jobEnv    = "GSGIT_STORE_JOB"   // what the child does there
	otherEnv  = "GSGIT_STORE_OTHER" // the repository that it fetches from, or pushes to
	deathEnv  = "GSGIT_STORE_DEATH" // the number of the point at which it dies
	killedAt  = "killed at "        // what it says then
	remoteRef = "refs/remotes/gs-b/main"
	diskRef   = "refs/gsgit/disk"
	sideRef   = "refs/heads/side"
)

// TestChild is no test: it is the process that other tests start and kill.
func TestChild(t *testing.T) {
	dir, job := os.Getenv(childEnv), jobs[os.Getenv(jobEnv)]
	if dir == "" {
		t.Skip("started by other tests only")
	}
	at, _ := strconv.Atoi(os.Getenv(deathEnv))
	d := &doom{dir: dir, at: at}
	if err := job(dir, os.Getenv(otherEnv), d); err != nil {
		t.Fatal(err)
	}
	fmt.Println("done")
}

// child is that process, still to be started.
func child(dir, job, other string, death int) *exec.Cmd {
	c := exec.Command(os.Args[0], "-test.run=^TestChild$")
	// The race detector would sleep for a second before each end in peace.
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", childEnv+"="+dir, jobEnv+"="+job, otherEnv+"="+other, deathEnv+"="+strconv.Itoa(death))
	return c
}

// doom kills the process at a point: after a change of a file, or at a named step.
type doom struct {
	dir  string
	at   int                              // 0: never
	also func(operation, path, to string) // sees each change first; may be nil

	mu     sync.Mutex
	passed int
}

func (d *doom) pass(point string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.passed++; d.passed == d.at {
		fmt.Println(killedAt + point)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way, and nothing more may happen
	}
}

func (d *doom) options() Options { return Options{Step: d.pass} }

func (d *doom) watch(s *Store) { s.disk.observe, s.disk.lazy = d.observe, true }

func (d *doom) observe(operation, path, to string) {
	if d.also != nil {
		d.also(operation, path, to)
	}
	if to != "" {
		to = " to " + pointName(d.dir, to)
	}
	d.pass(operation + " " + pointName(d.dir, path) + to)
}

var randomNames = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`gsgit_tmp_[0-9a-zA-Z]+`), "TMP"},
	{regexp.MustCompile(`pack-[0-9a-f]{40}`), "PACK"},
	{regexp.MustCompile(`objects/[0-9a-f]{2}/[0-9a-f]{38}`), "LOOSE"},
	{regexp.MustCompile(`^objects/pack/`), ""},
}

// pointName is a path in the repository without what is different each time.
func pointName(dir, path string) string {
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return path
	}
	for _, r := range randomNames {
		name = r.pattern.ReplaceAllString(name, r.name)
	}
	return name
}

// jobs are what a child does once. A death in the middle of each must be undone or finished by the next start.
var jobs = map[string]func(dir, other string, d *doom) error{
	"commit":      opened(commitJob),
	"import":      opened(importJob),
	"fetch":       opened(fetchJob),
	"roll-up":     opened(rollUpJob),
	"maintain":    opened(maintainJob),
	"delete ref":  opened(func(s *Store, _ string) error { return move(s, diskRef, Hash{}) }),
	"delete side": opened(func(s *Store, _ string) error { return move(s, sideRef, Hash{}) }),
	"push":        opened(pushJob),
	"start":       opened(func(s *Store, _ string) error { return s.Recover(context.Background()) }),
	"repair":      opened(repairJob),
	"write":       opened(writeJob(commitsOfAWriter)),
	"write few":   opened(writeJob(commitsOfAWriter / 25)),
	"create":      createJob,
	"random":      randomJob,
}

// opened arms the death only once the repository is open, which changes nothing.
func opened(job func(s *Store, other string) error) func(dir, other string, d *doom) error {
	return func(dir, other string, d *doom) error {
		s, err := Open(dir, d.options())
		if err != nil {
			return err
		}
		defer s.Close()
		d.watch(s)
		return job(s, other)
	}
}

// move sets a ref whatever it was.
func move(s *Store, name string, to Hash) error {
	from, err := s.Ref(name)
	if err != nil || from == to {
		return err
	}
	return s.SetRef(context.Background(), name, from, to)
}

// record moves the branch and then the marker, as a node does.
func record(s *Store, id Hash, err error) error {
	for _, name := range []string{s.BranchRef(), diskRef} {
		if err == nil {
			err = move(s, name, id)
		}
	}
	return err
}

func commitJob(s *Store, _ string) error {
	head, err := s.Ref(s.BranchRef())
	if err != nil {
		return err
	}
	id, err := s.Write(context.Background(), Draft{Parent: head, Edits: edits("f", "new"), Author: who(99), Committer: who(99), Message: "new"})
	return record(s, id, err)
}

func importJob(s *Store, _ string) error {
	head, err := s.Ref(s.BranchRef())
	if err != nil {
		return err
	}
	draft := Draft{Parent: head, Author: who(99), Committer: who(99), Message: "imported"}
	id, err := s.Import(context.Background(), draft, []string{"f", "new/a", "new/b/c"}, func(string) ([]byte, error) { return []byte("new"), nil })
	return record(s, id, err)
}

func fetchJob(s *Store, other string) error {
	id, err := s.FetchBranch(context.Background(), Source{URL: other}, "refs/heads/main", Hash{})
	if err != nil {
		return err
	}
	return move(s, remoteRef, id)
}

func pushJob(s *Store, other string) error {
	head, err := s.Ref(s.BranchRef())
	if err != nil {
		return err
	}
	return s.Push(context.Background(), Source{URL: other}, s.BranchRef(), Hash{}, head)
}

func rollUpJob(s *Store, _ string) error {
	loose, err := s.looseIDs()
	if err != nil {
		return err
	}
	return s.roll(context.Background(), s.ownToRoll(), loose)
}

// maintainJob finds a log that is too long, besides what its repository offers.
func maintainJob(s *Store, _ string) error {
	line := fmt.Sprintf("%s %s c <c@x> 1 +0000\tm\n", Hash{}, mustRef(s, s.BranchRef()))
	long := []byte(strings.Repeat(line, maxReflog/len(line)+2))
	if err := os.WriteFile(s.reflogPath(s.BranchRef()), long, 0o644); err != nil {
		return err
	}
	return s.Maintain(context.Background())
}

func repairJob(s *Store, _ string) error {
	_, err := s.RepairRef(s.BranchRef())
	return err
}

// createJob is Create, with the death armed before the repository is there.
func createJob(dir, _ string, d *doom) error {
	s := newStore(dir, d.options())
	d.watch(s)
	return s.build(errors.Is(checkShape(dir), ErrNoRepository))
}

func mustRef(s *Store, name string) Hash {
	id, err := s.Ref(name)
	if err != nil {
		panic(err)
	}
	return id
}

// template is a repository that gives every job something to do: packs of ours and of git, a multi-pack-index, loose
// objects, packed refs, drift refs beyond their time, a .keep that a crash left.
func template(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), ".git")
	s := must(Create(dir, Options{}))(t)
	defer s.Close()
	s.disk.lazy = true
	commit(t, s, "f", "0", "g", "g")
	commit(t, s, "f", "1", "d/e", "e")
	git(t, dir, "-c", "pack.writeReverseIndex=true", "repack", "-adbq")
	commit(t, s, "f", "2")
	kept := s.packs.list()[0].base + ".keep"
	commit(t, s, "f", "3", "d/e", "-")
	head := commit(t, s, "f", "4", "d/h", "h")
	if err := s.SetRef(context.Background(), sideRef, Hash{}, head); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"lost", "lost, too"} {
		gitInput(t, dir, content, "hash-object", "-w", "--stdin")
	}
	refs := fmt.Sprintf("create %s %s\n", diskRef, head)
	for i := range driftKept + 1 {
		refs += fmt.Sprintf("create refs/gsgit/drift/%02d %s\n", i, head)
	}
	gitInput(t, dir, refs, "update-ref", "--stdin")
	git(t, dir, "pack-refs", "--all")
	git(t, dir, "multi-pack-index", "write")
	long := time.Now().Add(-2 * keepLimit)
	err := errors.Join(os.WriteFile(kept, []byte(keepMark), 0o644), os.Chtimes(strings.TrimSuffix(kept, "keep")+"pack", long, long))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
