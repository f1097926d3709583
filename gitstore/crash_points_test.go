package gitstore

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dead runs a job in a child that dies at its nth point, and gives that point's name; "" where the job came to its end.
func dead(t *testing.T, dir, job, other string, n int) string {
	t.Helper()
	out, err := child(dir, job, other, n).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if point, ok := strings.CutPrefix(strings.TrimSpace(line), killedAt); ok {
			return point
		}
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", job, err, out)
	}
	return ""
}

// crash is one job that is killed at each of its points.
type crash struct {
	job   string
	ready func(t *testing.T, dir, other string)             // makes what the job needs besides the template; may be nil
	ended func(t *testing.T, s *Store, other string) string // says what is wrong after the next start; may be nil
}

var crashes = []crash{
	{"commit", nil, headIsOldOrNew},
	{"import", nil, headIsOldOrNew},
	{"fetch", history, fetchedIsWhole},
	{"roll-up", nil, headIsOldOrNew},
	{"maintain", nil, headIsOldOrNew},
	{"delete ref", nil, nil},
	{"delete side", nil, sideIsThereOrGone},
	{"push", emptyHub, hubIsWhole},
	{"start", litter, headIsOldOrNew},
	{"repair", tearBranch, branchIsRepaired},
	{"create", nothingYet, nil},
}

func TestKilledAtEveryPointLosesNothingAndLeavesNothing(t *testing.T) {
	whole := template(t)
	for _, c := range crashes {
		t.Run(c.job, func(t *testing.T) {
			t.Parallel()
			comparePoints(t, points[c.job], c.everyPoint(t, c.before(t, whole)))
		})
	}
}

// before makes a directory in which the job finds all that it needs.
func (c crash) before(t *testing.T, whole string) string {
	t.Helper()
	root := t.TempDir()
	copyTree(t, whole, filepath.Join(root, ".git"))
	if c.ready != nil {
		c.ready(t, filepath.Join(root, ".git"), filepath.Join(root, "other"))
	}
	return root
}

// everyPoint lets copies die at the first point, the second and so on, until one comes to its end.
func (c crash) everyPoint(t *testing.T, before string) (reached []string) {
	t.Helper()
	for n := 1; !t.Failed(); n++ {
		root := t.TempDir()
		copyTree(t, before, root)
		dir, other := filepath.Join(root, ".git"), filepath.Join(root, "other")
		at := dead(t, dir, c.job, other, n)
		c.check(t, dir, other, at)
		if at == "" {
			break
		}
		if !slices.Contains(reached, at) {
			reached = append(reached, at)
		}
	}
	return reached
}

// comparePoints fails for a point that was not reached, and for one that the table does not name.
func comparePoints(t *testing.T, want, got []string) {
	t.Helper()
	for _, point := range want {
		if !slices.Contains(got, point) {
			t.Errorf("never killed at %q", point)
		}
	}
	for _, point := range got {
		if !slices.Contains(want, point) {
			t.Errorf("killed at %q, which the table lacks", point)
		}
	}
	if t.Failed() {
		t.Logf("the points:\n%s", strings.Join(got, "\n"))
	}
}

// check starts anew where the child died, looks whether anything is lost or left over, and does the job again.
func (c crash) check(t *testing.T, dir, other, at string) {
	t.Helper()
	s := c.start(t, dir, other, at)
	defer s.Close()
	if job := jobs[c.job]; c.job != "create" {
		if err := job(dir, other, &doom{dir: dir}); err != nil {
			t.Errorf("killed at %q, again: %v", at, err)
		}
	}
}

// start is the next start, after which all is whole and nothing left over.
func (c crash) start(t *testing.T, dir, other, at string) *Store {
	t.Helper()
	s, err := Create(dir, Options{})
	if err != nil {
		t.Fatalf("killed at %q: %v", at, err)
	}
	s.disk.lazy = true
	if c.job == "repair" {
		err = repairJob(s, other)
	}
	if err == nil {
		err = s.Recover(context.Background())
	}
	if err != nil {
		t.Fatalf("killed at %q: %v", at, err)
	}
	if left := leftovers(t, dir); left != nil {
		t.Errorf("killed at %q: left over %v", at, left)
	}
	git(t, dir, "fsck", "--strict", "--full")
	if c.ended != nil {
		if wrong := c.ended(t, s, other); wrong != "" {
			t.Errorf("killed at %q: %s", at, wrong)
		}
	}
	return s
}

// headIsOldOrNew: the branch is at the commit before or at the new one, and the marker not ahead of it.
func headIsOldOrNew(t *testing.T, s *Store, _ string) string {
	t.Helper()
	head, marker := must(s.Ref(s.BranchRef()))(t), must(s.Ref(diskRef))(t)
	old := head
	if content(t, s, head, "f") == "new" {
		old = must(s.Commit(head))(t).Parents[0]
	}
	switch {
	case content(t, s, old, "f") != "4":
		return "the commit before has " + content(t, s, old, "f")
	case marker != old && marker != head:
		return "the marker is at " + marker.String()
	case len(ids(t, s.Log(context.Background(), old))) != 5:
		return "the history is cut off"
	}
	return ""
}

// history is a repository of git with three commits to be fetched.
func history(t *testing.T, _, other string) {
	t.Helper()
	git(t, filepath.Dir(other), "init", "-q", "-b", "main", other)
	for _, text := range []string{"1", "2", "3"} {
		if err := os.WriteFile(filepath.Join(other, "theirs"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		git(t, other, "add", "theirs")
		git(t, other, "commit", "-qm", text)
	}
}

func fetchedIsWhole(t *testing.T, s *Store, other string) string {
	t.Helper()
	got := must(s.Ref(remoteRef))(t)
	if want := git(t, other, "rev-parse", "main"); !got.IsZero() && got.String() != want {
		return "fetched " + got.String() + ", and not " + want
	}
	return headIsOldOrNew(t, s, other)
}

func emptyHub(t *testing.T, _, other string) {
	t.Helper()
	git(t, filepath.Dir(other), "init", "-q", "--bare", "-b", "main", other)
}

func hubIsWhole(t *testing.T, s *Store, other string) string {
	t.Helper()
	git(t, other, "fsck", "--strict", "--full")
	refs := git(t, other, "for-each-ref", "--format=%(objectname)")
	if head := must(s.Ref(s.BranchRef()))(t); refs != "" && refs != head.String() {
		return "the hub has " + refs
	}
	return headIsOldOrNew(t, s, other)
}

// litter is what crashes without a start in between, and a power cut, leave, so that a start has all there is to do.
func litter(t *testing.T, dir, _ string) {
	t.Helper()
	dieAt(t, dir, "commit", "rename TMP_pack to PACK.pack")
	dieAt(t, dir, "delete ref", "create gsgit/TMP")
	indexes := must(filepath.Glob(filepath.Join(dir, "objects", "pack", "pack-*.idx")))(t)
	torn := indexes[slices.IndexFunc(indexes, func(path string) bool { return exists(strings.TrimSuffix(path, "idx") + "keep") })]
	dieAt(t, dir, "roll-up", "remove PACK.idx")
	orphan := filepath.Join(dir, "objects", "pack", "pack-"+strings.Repeat("ab", 20)+".idx")
	if err := os.WriteFile(orphan, must(os.ReadFile(torn))(t), 0o644); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "objects", "ab", strings.Repeat("c", 38))
	if err := os.MkdirAll(filepath.Dir(empty), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{torn, empty} {
		os.Remove(path)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// dieAt finds the number of a point on copies, and then dies there.
func dieAt(t *testing.T, dir, job, point string) {
	t.Helper()
	for n := 1; ; n++ {
		copied := filepath.Join(t.TempDir(), ".git")
		copyTree(t, dir, copied)
		switch dead(t, copied, job, "", n) {
		case "":
			t.Fatalf("%s never comes to %q", job, point)
		case point:
			dead(t, dir, job, "", n)
			return
		}
	}
}

// sideIsThereOrGone: a branch that was deleted is not taken for one that was lost.
func sideIsThereOrGone(t *testing.T, s *Store, _ string) string {
	t.Helper()
	if _, err := s.Ref(sideRef); err != nil {
		return err.Error()
	}
	return headIsOldOrNew(t, s, "")
}

func tearBranch(t *testing.T, dir, _ string) {
	t.Helper()
	s := must(Open(dir, Options{}))(t)
	defer s.Close()
	s.disk.lazy = true
	commit(t, s, "f", "5") // it is packed no more
	if err := os.Truncate(s.refPath(s.BranchRef()), 0); err != nil {
		t.Fatal(err)
	}
}

func branchIsRepaired(t *testing.T, s *Store, _ string) string {
	t.Helper()
	if got := content(t, s, must(s.Ref(s.BranchRef()))(t), "f"); got != "5" {
		return "the branch was put back to " + got
	}
	return ""
}

func nothingYet(t *testing.T, dir, _ string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}
