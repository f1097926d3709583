package gitstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// BenchmarkMemory is the most memory that a process ever had: one of ours for each job (with 10 MiB of the testing around
// it), and the ordinary git's for the same.
func BenchmarkMemory(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("ru_maxrss is counted in KiB on Linux alone")
	}
	layers := benchSize(10_000)
	dir, paths := synthetic(b, layers, 100)
	bare := filepath.Join(scratch(b), ".git")
	b.Run("import", func(b *testing.B) {
		ours := peakOfOurs(b, "import", dir, bare)
		git(b, dir, "init", "-q")
		beside(b, ours, max(peak(b, dir, "git", "add", "-A"), peak(b, dir, "git", "commit", "-qm", "m")))
	})
	b.Run("commit", func(b *testing.B) {
		path := paths[len(paths)/2]
		if err := os.WriteFile(filepath.Join(dir, path), []byte("<edited/>"), 0o644); err != nil {
			b.Fatal(err)
		}
		beside(b, peakOfOurs(b, "commit", bare, path), peak(b, dir, "git", "commit", "-qm", "m", "--", path))
	})
	b.Run("clone", func(b *testing.B) {
		clones := scratch(b)
		ours := peakOfOurs(b, "clone", bare, filepath.Join(clones, "ours"))
		beside(b, ours, peak(b, clones, "git", "clone", "-q", "--bare", "--no-local", bare, "theirs"))
	})
}

func beside(b *testing.B, ours, gits int) {
	b.ReportMetric(float64(ours)/(1<<10), "gsgit-MiB")
	b.ReportMetric(float64(gits)/(1<<10), "git-MiB")
	b.ReportMetric(0, "ns/op")
}

const (
	peakEnv = "GSGIT_STORE_PEAK" // a process that starts another one and says how much memory that had
	workEnv = "GSGIT_STORE_WORK" // a process that does a job
	wordEnd = "\x1f"
	partEnd = "\x1e" // of a job, which is a word of a command
)

func peakOfOurs(b *testing.B, job ...string) int {
	b.Helper()
	return peak(b, ".", "env", workEnv+"="+strings.Join(job, partEnd), os.Args[0], "-test.run=^TestPeak$")
}

// peak runs a command by way of a small process: the kernel counts into the peak of a program what the one that started
// it had.
func peak(b *testing.B, dir string, command ...string) (kib int) {
	b.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestPeak$")
	c.Dir = dir
	c.Env = append(os.Environ(), peakEnv+"="+strings.Join(command, wordEnd),
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@x", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@x")
	out, err := c.CombinedOutput()
	said, _, _ := strings.Cut(string(out), "\n")
	kib, bad := strconv.Atoi(said)
	if err != nil || bad != nil {
		b.Fatalf("%v: %v\n%s", command, err, out)
	}
	return kib
}

// TestPeak is no test: it is the processes that the benchmark starts.
func TestPeak(t *testing.T) {
	switch {
	case os.Getenv(workEnv) != "":
		if err := work(strings.Split(os.Getenv(workEnv), partEnd)); err != nil {
			t.Fatal(err)
		}
	case os.Getenv(peakEnv) != "":
		args := strings.Split(os.Getenv(peakEnv), wordEnd)
		c := exec.Command(args[0], args[1:]...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		fmt.Println(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	default:
		t.Skip("started by a benchmark only")
	}
}

func work(job []string) error {
	switch job[0] {
	case "import":
		return workImport(job[1], job[2])
	case "commit":
		return workCommit(job[1], job[2])
	case "clone":
		return workClone(job[1], job[2])
	}
	return errors.New("no such job")
}

func workImport(dir, bare string) error {
	paths, err := filesIn(dir)
	if err != nil {
		return err
	}
	s, err := Create(bare, Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	id, err := s.Import(context.Background(), Draft{Author: who(0), Committer: who(0), Message: "import"}, paths, fromDisk(dir))
	if err != nil {
		return err
	}
	return s.SetRef(context.Background(), s.BranchRef(), Hash{}, id)
}

func workCommit(bare, path string) error {
	s, err := Open(bare, Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	head, err := s.Resolve("main")
	if err != nil {
		return err
	}
	id, err := s.Write(context.Background(), Draft{Parent: head, Edits: edits(path, "<edited/>"), Author: who(1), Committer: who(1), Message: "edit"})
	if err != nil {
		return err
	}
	return s.SetRef(context.Background(), s.BranchRef(), head, id)
}

func workClone(from, to string) error {
	s, err := Create(to, Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.FetchBranch(context.Background(), Source{URL: from}, s.BranchRef(), Hash{})
	return err
}
