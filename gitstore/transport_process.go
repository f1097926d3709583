package gitstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// goodbye is how long a program that is no longer needed may take to end.
const goodbye = 5 * time.Second

// processPeer speaks git's protocol with a program over its standard input and
// output: ssh, which runs git at the other end, or git itself.
type processPeer struct {
	name    string
	command []string

	in     io.WriteCloser
	out    io.Reader
	said   complaint
	asked  bool
	stop   context.CancelFunc
	wait   func() error
	waited bool
}

// sshProcess runs the ssh that git would run, so that keys, agents, jump hosts
// and known hosts are set up once for both.
func sshProcess(u *url.URL, what service) (peer, error) {
	host := u.Hostname()
	if u.User != nil {
		host = u.User.Username() + "@" + host
	}
	if strings.HasPrefix(host, "-") {
		return nil, remoteFault(nil, "", true, "%q is no host", host) // ssh would take it for an option
	}
	arguments := []string{"-o", "BatchMode=yes"}
	if u.Port() != "" {
		arguments = append(arguments, "-p", u.Port())
	}
	path := u.Path
	if strings.HasPrefix(path, "/~") {
		path = path[1:]
	}
	arguments = append(arguments, host, string(what)+" "+shellQuote(path))
	return &processPeer{name: "ssh", command: append(sshCommand(), arguments...)}, nil
}

func sshCommand() []string {
	if line := os.Getenv("GIT_SSH_COMMAND"); line != "" {
		return []string{"sh", "-c", line + ` "$@"`, "ssh"}
	}
	if program := os.Getenv("GIT_SSH"); program != "" {
		return []string{program}
	}
	return []string{"ssh"}
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// localProcess runs git on a repository of this machine. Only a push needs it:
// the hub's hooks and its rules for branches are git's to keep.
func localProcess(dir string, what service) (peer, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil, remoteFault(err, "install git, or give the hub as an http or ssh address", true,
			"a push into a local repository needs the git program")
	}
	return &processPeer{name: "git", command: []string{"git", strings.TrimPrefix(string(what), "git-"), dir}}, nil
}

func (p *processPeer) advert(ctx context.Context) (io.ReadCloser, error) {
	ctx, p.stop = context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stderr = &p.said
	cmd.WaitDelay = goodbye
	// A group of its own, so that what the program has started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	p.in, p.wait, p.out = in, cmd.Wait, &outputReader{p, bufio.NewReaderSize(out, 64<<10)}
	return io.NopCloser(p.out), nil
}

func (p *processPeer) exchange(_ context.Context, request io.Reader, _ int64) (io.ReadCloser, error) {
	p.asked = true
	// A server that refuses stops reading; why, stands in its answer.
	_, werr := io.Copy(p.in, request)
	cerr := p.in.Close()
	if err := errors.Join(werr, cerr); err != nil && !errors.Is(err, syscall.EPIPE) {
		return nil, err
	}
	return io.NopCloser(p.out), nil
}

// close lets the program go in peace if it waits for a request, and ends it if
// it does not go.
func (p *processPeer) close() error {
	if p.in == nil {
		return nil
	}
	defer p.stop()
	if p.asked {
		p.stop()
	} else {
		_, _ = io.WriteString(p.in, "0000") // nothing wanted; it may have gone already
		_ = p.in.Close()
		defer time.AfterFunc(goodbye, p.stop).Stop()
	}
	_ = p.finish() // everything that was wanted has been read; its status adds nothing
	return nil
}

func (p *processPeer) finish() error {
	if p.waited {
		return nil
	}
	p.waited = true
	return p.wait()
}

// outputReader turns an end of output with a bad exit status into an error with
// the program's own words.
type outputReader struct {
	peer *processPeer
	out  io.Reader
}

func (r *outputReader) Read(b []byte) (int, error) {
	n, err := r.out.Read(b)
	if err != io.EOF || n > 0 {
		return n, err
	}
	if status := r.peer.finish(); status != nil {
		return 0, remoteFault(status, "", false, "%s says %q", r.peer.name, printable(r.peer.said.String()))
	}
	return 0, io.EOF
}

// complaint keeps the start of what a program complains of.
type complaint struct {
	lock sync.Mutex
	text strings.Builder
}

func (t *complaint) Write(b []byte) (int, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.text.Write(b[:min(len(b), max(0, 1000-t.text.Len()))])
	return len(b), nil
}

func (t *complaint) String() string {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.text.String()
}
