package resync_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gsgit/gsgit/resync"
)

// bulk is a change of 300 files: a third comes, a third is replaced, a third goes.
func bulk() (old, new tree) {
	old, new = make(tree), make(tree)
	for i := range 300 {
		path := fmt.Sprintf("workspaces/w%d/s/l%d/layer.xml", i%7, i)
		if i%3 != 0 {
			old[path] = "old"
		}
		if i%3 != 1 {
			new[path] = "new"
		}
	}
	return old, new
}

const (
	dieRoot = "GSGIT_RESYNC_TEST_ROOT"
	dieStep = "GSGIT_RESYNC_TEST_DIE"
)

// TestMain turns the test binary, by its environment, into a process that goes from one
// of the mirrored trees to the other and kills itself at a step.
func TestMain(m *testing.M) {
	root := os.Getenv(dieRoot)
	if root == "" {
		os.Exit(m.Run())
	}
	if err := applyAndDie(root, os.Getenv(dieStep)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func applyAndDie(root, step string) error {
	old, new := mirrored()
	plan, err := resync.Compare("target", old.change(new))
	if err != nil {
		return err
	}
	d, err := resync.Open(resync.Options{Root: root, State: filepath.Join(root, ".git", "gsgit"), Step: func(name string) {
		if name == step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal arrives
		}
	}})
	if err != nil {
		return err
	}
	if err := d.Apply(context.Background(), plan, new.source()); err != nil {
		return err
	}
	return d.Done()
}

func TestKilledForReal(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	old, new := mirrored()
	steps := []string{"resync.staged", "resync.journal", "resync.applied"}
	for i := range 9 {
		steps = append(steps, fmt.Sprintf("resync.staging:%d", 1+i*24), fmt.Sprintf("resync.rename:%d", 1+i*18), fmt.Sprintf("resync.removed:%d", 1+i*13))
	}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			r := newReplica(t, old)
			process := exec.Command(self)
			process.Env = append(os.Environ(), dieRoot+"="+r.options.Root, dieStep+"="+step)
			output, err := process.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("it did not come to %s: %v\n%s", step, err, output)
			}
			r.afterCrash(old, new)
		})
	}
}
