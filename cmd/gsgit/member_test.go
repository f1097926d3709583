package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// cluster is what a script has running, and every directory that was one's.
type cluster struct {
	root     string // of the script
	members  map[string]*member
	brokers  map[string]*kafkabus.Embedded
	standIns map[string]*fixtures.StandIn
	mounts   map[string]bool
}

func newCluster(root string) *cluster {
	return &cluster{
		root: root, members: map[string]*member{}, brokers: map[string]*kafkabus.Embedded{},
		standIns: map[string]*fixtures.StandIn{}, mounts: map[string]bool{},
	}
}

type clusterKey struct{}

// member is one node of a script, over all its lives.
type member struct {
	name, dir, role string
	gitDir          string
	rules           xmlcatalog.Rules
	served          bool              // a GeoServer writes in this directory too
	apart           bool              // the script says why it is not in step at the end
	untracked       map[string]string // what must not be touched, as it was at the first start
	known           gitstore.Hash     // the head that the script has accounted for
	log             string
	http            string
	process         *exec.Cmd // nil: does not run
	ended           chan error
}

func clusterOf(ts *testscript.TestScript) *cluster { return ts.Value(clusterKey{}).(*cluster) }

func memberOf(ts *testscript.TestScript, name string) *member {
	m, ok := clusterOf(ts).members[name]
	if !ok {
		ts.Fatalf("no node %s was started", name)
	}
	return m
}

// startNode runs gsgit on the directory of the node's name, on free ports, and waits until it listens.
func startNode(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "node NAME watch|follow [FLAG…]")
	name, role := args[0], args[1]
	m, ok := clusterOf(ts).members[name]
	if !ok {
		m = &member{name: name, dir: ts.MkAbs(name), gitDir: ts.MkAbs(name + "/.git"), log: ts.MkAbs(name + ".log")}
		clusterOf(ts).members[name] = m
	}
	if m.process != nil {
		ts.Fatalf("%s runs already", name)
	}
	m.role = role
	m.configure(args[2:])
	if m.untracked == nil {
		var err error
		m.untracked, err = untracked(m.dir, m.rules)
		ts.Check(err)
	}
	ts.Check(m.start(ts, withDefaults(name, role, args[2:])))
	ts.Check(eventually(patience, m.listening))
	addresses := logged(m.log, "listening")
	m.http = addresses["http"]
	ts.Setenv(name+"_PID", strconv.Itoa(m.process.Process.Pid))
	ts.Setenv(name+"_HTTP", m.http)
	ts.Setenv(name+"_ADDRESS", strings.TrimPrefix(m.http, "http://"))
	ts.Setenv(name+"_BROKER", addresses["broker"])
	if i := slices.Index(args, "--brokers"); i >= 0 && addresses["broker"] == "" {
		ts.Setenv(name+"_BROKER", args[i+1])
	}
}

// withDefaults adds the flags that every node of a script has. The settle time is longer than the
// program's, since the writer of a script may be put to sleep between two files of one action.
func withDefaults(name, role string, args []string) []string {
	all := []string{role, "-d", name, "-n", name, "--listen", "127.0.0.1:0"}
	if role == "watch" {
		all = append(all, "--broker-listen", "127.0.0.1:0", "--settle", "300ms")
	}
	return append(all, args...)
}

// configure takes from the flags what the check at the end has to know.
func (m *member) configure(args []string) {
	m.rules = xmlcatalog.Rules{}
	for i, arg := range args {
		switch arg {
		case "--local":
			m.rules.Local = append(m.rules.Local, args[i+1])
		case "--security":
			m.rules.All = args[i+1] == "all"
		case "--geoserver":
			m.served = true
		case "--git-dir":
			m.gitDir = filepath.Join(filepath.Dir(m.dir), args[i+1])
		}
	}
}

func (m *member) start(ts *testscript.TestScript, args []string) error {
	log, err := os.Create(m.log)
	if err != nil {
		return err
	}
	defer log.Close()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	m.process = &exec.Cmd{Path: program, Args: append([]string{"gsgit"}, args...), Dir: ts.MkAbs("."), Stdout: log, Stderr: log}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", crashVariable} {
		m.process.Env = append(m.process.Env, name+"="+ts.Getenv(name))
	}
	if err := m.process.Start(); err != nil {
		return err
	}
	m.ended = make(chan error, 1)
	go func(p *exec.Cmd, ended chan<- error) { ended <- p.Wait() }(m.process, m.ended)
	return nil
}

func (m *member) listening() error {
	select {
	case err := <-m.ended:
		m.ended <- err
		content, _ := os.ReadFile(m.log)
		panic(fmt.Sprintf("%s ended (%v):\n%s", m.name, err, content))
	default:
	}
	if logged(m.log, "listening") == nil {
		return fmt.Errorf("%s does not listen", m.name)
	}
	return nil
}

// logged gives the attributes of the last line of a log with a message, nil where there is none.
func logged(file, message string) map[string]string {
	content, _ := os.ReadFile(file)
	var found map[string]string
	for line := range strings.Lines(string(content)) {
		if !strings.Contains(line, "msg="+message+" ") {
			continue
		}
		found = map[string]string{}
		for _, pair := range strings.Fields(line) {
			key, value, _ := strings.Cut(pair, "=")
			found[key] = strings.Trim(value, `"`)
		}
	}
	return found
}

// stopNode ends nodes with SIGTERM: within 10 seconds and with 0.
func stopNode(ts *testscript.TestScript, args []string) {
	needs(ts, args, 1, "term NAME…")
	for _, name := range args {
		ts.Check(memberOf(ts, name).stop())
	}
}

func (m *member) stop() error {
	if m.process == nil {
		return fmt.Errorf("%s does not run", m.name)
	}
	process := m.process
	m.process = nil
	if err := process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-m.ended:
		if err != nil {
			content, _ := os.ReadFile(m.log)
			return fmt.Errorf("%s, told to stop: %w\n%s", m.name, err, tail(content))
		}
		return nil
	case <-time.After(10 * time.Second):
		_ = process.Process.Kill()
		return fmt.Errorf("%s did not end within 10 s of SIGTERM", m.name)
	}
}

// killNode ends a node with SIGKILL.
func killNode(ts *testscript.TestScript, args []string) {
	needs(ts, args, 1, "kill9 NAME")
	m := memberOf(ts, args[0])
	if m.process == nil {
		ts.Fatalf("%s does not run", m.name)
	}
	ts.Check(m.process.Process.Kill())
	<-m.ended
	m.process = nil
}

// awaitReady waits until /readyz says so. The head of a primary that is ready for the first time counts as
// accounted for.
func awaitReady(ts *testscript.TestScript, args []string) {
	needs(ts, args, 1, "ready NAME…")
	for _, name := range args {
		m := memberOf(ts, name)
		ts.Check(eventually(patience, func() error {
			answer, err := http.Get(m.http + "/readyz")
			if err != nil {
				return m.withLog(err)
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return m.withLog(fmt.Errorf("%s is not ready: %s", name, answer.Status))
			}
			return nil
		}))
		if m.known.IsZero() {
			m.known = m.refs()["head"]
		}
	}
}

func (m *member) withLog(err error) error {
	content, _ := os.ReadFile(m.log)
	return fmt.Errorf("%w\n%s", err, tail(content))
}

// awaitState waits until a running node says that it is in a state, for a reason.
func awaitState(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "state NAME STATE [REGEXP]")
	m := memberOf(ts, args[0])
	why := expression(ts, strings.Join(args[2:], " "))
	ts.Check(eventually(patience, func() error {
		answer, err := http.Get(m.http + "/status")
		if err != nil {
			return m.withLog(err)
		}
		defer answer.Body.Close()
		var s gsgit.Status
		if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
			return err
		}
		reasons := fmt.Sprint(s.Node.Conditions)
		if s.Node.State != args[1] || !why.MatchString(reasons) {
			return m.withLog(fmt.Errorf("%s is %s: %s", m.name, s.Node.State, reasons))
		}
		return nil
	}))
}

// exits runs a program to its end and compares the exit status; stdout and stderr are there for cmp.
func exits(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "exits STATUS PROGRAM [ARG…]")
	want := number(ts, args[0])
	err := ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	switch {
	case err == nil && want == 0:
	case errors.As(err, &ended) && ended.ExitCode() == want:
	case err == nil:
		ts.Fatalf("exit status 0, not %d", want)
	default:
		ts.Fatalf("%v, not exit status %d", err, want)
	}
}

// startBroker runs an embedded broker outside of any node; one that comes back is empty.
func startBroker(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "broker up|down NAME")
	brokers, key := clusterOf(ts).brokers, args[1]+"_BROKER"
	if args[0] == "down" {
		if brokers[key] == nil {
			ts.Fatalf("no broker %s", args[1])
		}
		brokers[key].Close()
		delete(brokers, key)
		return
	}
	address := ts.Getenv(key)
	if address == "" {
		address = "127.0.0.1:0"
	}
	broker, err := kafkabus.StartEmbedded(address, "", slog.New(slog.DiscardHandler))
	ts.Check(err)
	brokers[key] = broker
	ts.Setenv(key, broker.Addr())
}

func expression(ts *testscript.TestScript, pattern string) *regexp.Regexp {
	compiled, err := regexp.Compile("(?m)" + pattern)
	ts.Check(err)
	return compiled
}
