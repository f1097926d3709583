// Package testkafka gives tests a real Apache Kafka broker on loopback: the one
// that `kafka.sh up` left running, or one of its own for each test process, from
// jars that Maven fetches once. Where Java or Maven is missing the test is
// skipped, or fails if GSGIT_REQUIRE names kafka.
package testkafka

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

//go:embed kafka.sh pom.xml
var files embed.FS

// Broker is a running broker. User "gsgit" may do everything, "guest" nothing;
// both have the password "secret".
type Broker struct {
	Addr        string // host:port, plaintext
	TLS         string
	SASL        string
	SASLWithTLS string
	CA          string // PEM file

	script string // "": somebody else's, who may be using it
	data   string
	port   int
	kill   func()
}

// patience is for a first run, which downloads the jars.
const patience = 3 * time.Minute

// one is the broker of this process. Tests share it, since it takes seconds to
// start; each uses topics of its own.
var one struct {
	sync.Mutex
	started bool
	broker  *Broker
	err     error
}

// Start returns the broker, starting it where this process has none yet.
func Start(t testing.TB) *Broker {
	t.Helper()
	one.Lock()
	defer one.Unlock()
	if !one.started {
		one.started = true
		one.broker, one.err = start()
	}
	if one.err == nil {
		return one.broker
	}
	if slices.Contains(strings.Split(os.Getenv("GSGIT_REQUIRE"), ","), "kafka") {
		t.Fatalf("no Kafka, which GSGIT_REQUIRE asks for: %v", one.err)
	}
	t.Skipf("no Kafka: %v", one.err)
	return nil
}

// Stop ends a broker that Start started. TestMain calls it after the tests; a
// process that ends without it takes its broker along all the same (on Linux).
func Stop() {
	one.Lock()
	defer one.Unlock()
	if b := one.broker; b != nil && b.script != "" {
		b.kill()
		os.RemoveAll(filepath.Dir(b.script))
	}
	one.broker, one.err = nil, errors.New("it was stopped")
}

// Kill ends the broker without warning. A broker that other processes may use is
// left alone: the test is skipped.
func (b *Broker) Kill(t testing.TB) {
	t.Helper()
	if b.script == "" {
		t.Skip("the broker of kafka.sh up is not ours to kill")
	}
	b.kill()
}

// Restart starts the broker again, on its old ports and with its old data.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	kill, err := launch(b.script, b.data, b.port)
	b.kill = kill
	if err != nil {
		t.Fatal(err)
	}
}

func start() (*Broker, error) {
	for _, tool := range []string{"bash", "java", "mvn", "openssl", "flock"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "gsgit-kafka-")
	if err != nil {
		return nil, err
	}
	script, err := unpack(dir)
	if err != nil {
		return nil, err
	}
	if address, err := exec.Command("bash", script, "bootstrap").Output(); err == nil {
		return running(strings.TrimSpace(string(address)), script, dir)
	}
	return ours(script, filepath.Join(dir, "broker"))
}

// ours starts a broker of this process, with the data in a directory that does
// not exist yet.
func ours(script, data string) (*Broker, error) {
	port, err := freePorts()
	if err != nil {
		return nil, err
	}
	b := at(port, data)
	b.script, b.data, b.port = script, data, port
	if b.kill, err = launch(script, data, port); err != nil {
		b.kill()
		os.RemoveAll(filepath.Dir(script))
		return nil, err
	}
	return b, nil
}

func unpack(dir string) (script string, err error) {
	for _, name := range []string{"kafka.sh", "pom.xml"} {
		data, err := files.ReadFile(name)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o755); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "kafka.sh"), nil
}

// running describes the broker that stands already; it is left alone at the end.
func running(address, script, dir string) (*Broker, error) {
	defer os.RemoveAll(dir)
	jars, err := exec.Command("bash", script, "fetch").Output()
	if err != nil {
		return nil, fmt.Errorf("kafka.sh fetch: %w", err)
	}
	_, p, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(p)
	if err != nil {
		return nil, err
	}
	home := filepath.Dir(strings.TrimSpace(string(jars)))
	return at(port, filepath.Join(home, "up")), nil
}

func at(port int, data string) *Broker {
	address := func(n int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port+n)) }
	return &Broker{
		Addr: address(0), TLS: address(2), SASL: address(3), SASLWithTLS: address(4),
		CA: filepath.Join(data, "ca.pem"),
	}
}

// freePorts finds five ports in a row that nobody listens on.
func freePorts() (int, error) {
	for port := 21000 + os.Getpid()%1000*8; port < 32000; port += 8 {
		if slices.IndexFunc([]int{0, 1, 2, 3, 4}, func(n int) bool { return !free(port + n) }) < 0 {
			return port, nil
		}
	}
	return 0, errors.New("no five free ports in a row")
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// launch starts the broker and waits until it serves.
func launch(script, data string, port int) (kill func(), err error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return func() {}, err
	}
	log, err := os.Create(filepath.Join(data, "log"))
	if err != nil {
		return func() {}, err
	}
	defer log.Close()
	command := exec.Command("bash", script, "run", data, strconv.Itoa(port))
	command.Stdout, command.Stderr = log, log
	ended, kill, err := hold(command)
	if err != nil {
		return func() {}, err
	}
	return kill, waitReady(log.Name(), ended)
}

func waitReady(log string, ended <-chan struct{}) error {
	deadline := time.After(patience)
	for {
		text, _ := os.ReadFile(log)
		if bytes.Contains(text, []byte("Kafka Server started")) {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("the broker ended while starting: %s", text[max(0, len(text)-2000):])
		case <-deadline:
			return fmt.Errorf("the broker did not start within %v: %s", patience, text[max(0, len(text)-2000):])
		case <-time.After(50 * time.Millisecond):
		}
	}
}
