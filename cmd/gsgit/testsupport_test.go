package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// patience is how long anything may take that is only waited for: it ends a test that hangs, and measures nothing.
const patience = 60 * time.Second

// broker is one for all tests; each test has topics of its own on it.
var broker = sync.OnceValues(func() (*kafkabus.Embedded, error) {
	return kafkabus.StartEmbedded("127.0.0.1:0", "", slog.New(slog.DiscardHandler))
})

var prefixes atomic.Int64

// topics gives the flags of a bus that no other test uses.
func topics(t *testing.T) (flags []string, address, prefix string) {
	t.Helper()
	b, err := broker()
	if err != nil {
		t.Fatal(err)
	}
	prefix = fmt.Sprintf("test-%d", prefixes.Add(1))
	return []string{"--brokers", b.Addr(), "--topic-prefix", prefix}, b.Addr(), prefix
}

// reading is a bus that has read its topics.
func reading(t *testing.T, address, prefix string) *kafkabus.Bus {
	t.Helper()
	bus, err := kafkabus.Open(kafkabus.Config{Brokers: []string{address}, Prefix: prefix, ClientID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = bus.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; bus.Close() })
	select {
	case <-bus.CaughtUp():
	case <-time.After(patience):
		t.Fatal("the topics were not read")
	}
	return bus
}

// process is a running gsgit and what it has said on stderr.
type process struct {
	t    *testing.T
	what string
	cmd  *exec.Cmd
	said *transcript
	end  chan struct{}
}

// transcript is a growing text that can be waited for.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (l *transcript) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(b)
}

func (l *transcript) now() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.more
}

// launch starts the program; env adds to the environment.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, what: "gsgit " + strings.Join(args, " "), cmd: exec.Command("gsgit", args...),
		said: &transcript{more: make(chan struct{})}, end: make(chan struct{})}
	// A program with the race detector sleeps for a second before it exits, unless told otherwise.
	p.cmd.Env = append(append(os.Environ(), "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0"), env...)
	p.cmd.Stderr = p.said
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.end); _ = p.cmd.Wait() }() // how it ended is in ProcessState
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.end
		if t.Failed() {
			text, _ := p.said.now()
			t.Logf("%s said:\n%s", p.what, text)
		}
	})
	return p
}

// await waits until the process has said all of the words in one line, and gives that line.
func (p *process) await(words ...string) string {
	p.t.Helper()
	late := time.After(patience)
	for ended := false; ; {
		text, more := p.said.now()
		for line := range strings.Lines(text) {
			if containsAll(line, words) {
				return line
			}
		}
		if ended {
			p.t.Fatalf("%s ended (%s) and never said %q", p.what, p.cmd.ProcessState, words)
		}
		select {
		case <-more:
		case <-p.end:
			ended = true
		case <-late:
			p.t.Fatalf("%s never said %q", p.what, words)
		}
	}
}

func containsAll(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// has tells whether the process has said a word so far.
func (p *process) has(word string) bool {
	text, _ := p.said.now()
	return strings.Contains(text, word)
}

// http is where the node answers, from the line in which it says so.
func (p *process) http() string {
	p.t.Helper()
	_, rest, _ := strings.Cut(p.await("msg=listening"), "http=")
	return strings.Fields(rest)[0]
}

// ended waits for the end and gives the exit status, or the signal that ended it.
func (p *process) ended(within time.Duration) (code int, signal syscall.Signal) {
	p.t.Helper()
	select {
	case <-p.end:
	case <-time.After(within):
		p.t.Fatalf("%s did not end within %s", p.what, within)
	}
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return -1, status.Signal()
	}
	return status.ExitStatus(), 0
}

// exits waits for the end and wants an exit status.
func (p *process) exits(want int, within time.Duration) {
	p.t.Helper()
	if code, signal := p.ended(within); code != want || signal != 0 {
		p.t.Fatalf("%s ended with %d, signal %v, and not with %d", p.what, code, signal, want)
	}
}

// terminate asks for a clean end, which a node gives within ten seconds.
func (p *process) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	p.exits(0, 10*time.Second)
}

// runs is a call of the program that has to end well.
func runs(t *testing.T, args ...string) {
	t.Helper()
	launch(t, nil, args...).exits(0, patience)
}

// refused is a call of the program that has to end with 1 and say all of the words in one line.
func refused(t *testing.T, words []string, args ...string) {
	t.Helper()
	p := launch(t, nil, args...)
	p.exits(1, patience)
	p.await(words...)
}

// eventually waits for a condition of other processes.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	err := errors.New("never asked")
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = condition(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// sampled is a fresh sample data directory, and the GeoServer that works on it.
func sampled(t *testing.T) *fixtures.GeoServer {
	t.Helper()
	dir := t.TempDir()
	if err := fixtures.Sample(dir); err != nil {
		t.Fatal(err)
	}
	return serverOf(dir)
}

func serverOf(dir string) *fixtures.GeoServer {
	return &fixtures.GeoServer{Writer: fixtures.Writer{Dir: dir}}
}

// must is for actions that can not go wrong.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// copied is a copy of a directory, its repository included.
func copied(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	return to
}

// opened is the repository of a data directory, for reading.
func opened(t *testing.T, dir string) *gitstore.Store {
	t.Helper()
	s, err := gitstore.Open(filepath.Join(dir, ".git"), gitstore.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ref reads a ref of a data directory's repository; zero where neither is there.
func ref(t *testing.T, dir, name string) gitstore.Hash {
	t.Helper()
	s, err := gitstore.Open(filepath.Join(dir, ".git"), gitstore.Options{ReadOnly: true})
	if errors.Is(err, gitstore.ErrNoRepository) {
		return gitstore.Hash{}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	id, err := s.Ref(name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

const mainRef = "refs/heads/main"

// inStep fails unless a directory, its markers and its repository are as they have to be when all is done.
func inStep(t *testing.T, dir string, primary bool) {
	t.Helper()
	must(t, stepped(t, dir, primary))
	nothingLeft(t, dir)
	git(t, dir, "fsck", "--strict", "--no-dangling")
}

// stepped tells what is not in step: files, or the markers of the role.
func stepped(t *testing.T, dir string, primary bool) error {
	t.Helper()
	s, err := gitstore.Open(filepath.Join(dir, ".git"), gitstore.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer s.Close()
	markers := []string{gsgit.DiskRef, gsgit.AppliedRef}
	if primary {
		markers = []string{gsgit.DiskRef, gsgit.AnnouncedRef}
	}
	head, err := s.Ref(mainRef)
	if err != nil {
		return err
	}
	for _, m := range markers {
		if at, err := s.Ref(m); err != nil || at != head {
			return errors.Join(err, fmt.Errorf("%s of %s is at %s and the head at %s", m, dir, at, head))
		}
	}
	return gsgit.InStep(s, directory(dir), primary)
}

// directory is a data directory by the rules that the primaries of these tests have.
func directory(dir string) *gsgit.Directory {
	return &gsgit.Directory{Root: dir, Rules: xmlcatalog.Rules{}}
}

// nothingLeft fails where a crash left litter: locks, temporary files, a stage, a journal.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	ours := map[string]bool{"node.lock": true, "write.lock": true, "maintain.lock": true} // held by flock, never removed
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		lock := strings.HasSuffix(name, ".lock") && !ours[name]
		temporary := strings.Contains(name, "tmp_") || strings.HasPrefix(name, ".gsgit-") || strings.HasSuffix(name, ".tmp")
		staged := filepath.Base(filepath.Dir(path)) == "stage"
		if lock || temporary || staged || name == "journal.json" {
			t.Errorf("left over: %s", path)
		}
		return nil
	})
	must(t, err)
}

// git runs the ordinary git on a directory's repository and gives what it prints.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return gitWith(t, dir, "", args...)
}

func gitWith(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = append(os.Environ(), "GIT_DIR="+filepath.Join(dir, ".git"), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*", "GIT_AUTHOR_NAME=A Person", "GIT_AUTHOR_EMAIL=person@example.org",
		"GIT_COMMITTER_NAME=A Person", "GIT_COMMITTER_EMAIL=person@example.org")
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s in %s: %v: %s%s", strings.Join(args, " "), dir, err, out, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// follows fails unless a commit is another or a descendant of it. A zero ancestor is before everything.
func follows(t *testing.T, dir string, ancestor, commit gitstore.Hash) {
	t.Helper()
	if ancestor.IsZero() {
		return
	}
	ok, err := opened(t, dir).IsAncestor(t.Context(), ancestor, commit)
	if err != nil || !ok {
		t.Errorf("head %s of %s does not follow %s: %v", commit, dir, ancestor, err)
	}
}
