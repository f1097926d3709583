package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/kafkabus/testkafka"
)

// settle is the quiet time of watch, left at its default: what the nodes need beyond it is measured.
const settle = 100 * time.Millisecond

// process is a running gsgit, as users run it.
type process struct {
	dir, broker string
	cmd         *exec.Cmd
	took        time.Duration // until it was ready
	last        atomic.Value  // line of its log
}

// running starts a node and waits until it says that it is ready.
func running(b *testing.B, program, command, dir string, flags ...string) *process {
	b.Helper()
	p := &process{dir: dir}
	args := []string{command, "-d", dir, "-n", filepath.Base(filepath.Dir(dir)) + "-" + filepath.Base(dir), "--listen", "127.0.0.1:0", "--log-format", "json"}
	if command == "watch" {
		args = append(args, "--broker-listen", "127.0.0.1:0")
	}
	p.cmd = exec.Command(program, append(args, flags...)...)
	said, err := p.cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.stop() })
	ready := make(chan string, 1)
	go p.listen(said, ready)
	select {
	case word := <-ready:
		if p.took = time.Since(begin); word != "" {
			b.Fatalf("gsgit %s did not start: %s", command, word)
		}
	case <-time.After(5 * time.Minute):
		b.Fatalf("gsgit %s did not start", command)
	}
	return p
}

// listen reads the log to its end, so that the node never waits for us; ready hears "" or the last line.
func (p *process) listen(said io.Reader, ready chan<- string) {
	last := "it said nothing"
	for lines := bufio.NewScanner(said); lines.Scan(); p.last.Store(last) {
		last = lines.Text()
		var line struct{ Msg, Broker string }
		_ = json.Unmarshal(lines.Bytes(), &line) // a panic is not JSON: it is the last line then
		switch line.Msg {
		case "listening":
			p.broker = line.Broker
		case "watching", "following":
			ready <- ""
		}
	}
	select {
	case ready <- last:
	default:
	}
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	_ = p.cmd.Wait()
}

// ref is a ref as it stands on the disk.
func (p *process) ref(name string) string {
	content, _ := os.ReadFile(filepath.Join(p.dir, ".git", name))
	return strings.TrimSpace(string(content))
}

const (
	headRef    = "refs/heads/main"
	diskRef    = "refs/gsgit/disk"
	appliedRef = "refs/gsgit/applied"
)

// waited waits until a condition holds and gives the time since begin.
func waited(b *testing.B, what string, begin time.Time, condition func() bool) time.Duration {
	b.Helper()
	for !condition() {
		if time.Since(begin) > 2*time.Minute {
			b.Fatalf("%s: it did not happen", what)
		}
		time.Sleep(200 * time.Microsecond)
	}
	return time.Since(begin)
}

// cpu is the processor's time of the process so far, in steps of a hundredth of a second.
func (p *process) cpu() time.Duration {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	_, after, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is a line of /proc/PID/status, in MiB: VmRSS is now, VmHWM the most so far.
func (p *process) memory(line string) float64 {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	_, after, _ := strings.Cut(string(content), line+":")
	kib, _ := strconv.ParseFloat(strings.Fields(after + " 0")[0], 64)
	return kib / 1024
}

// nodes are a primary and a replica of it.
type nodes struct{ primary, replica *process }

func newNodes(b *testing.B, dir, brokers string) nodes {
	b.Helper()
	program := built(b)
	prefix := fmt.Sprintf("bench-%d", time.Now().UnixNano())
	n := nodes{primary: running(b, program, "watch", dir, "--brokers", brokers, "--topic-prefix", prefix)}
	if brokers == embedded {
		brokers = n.primary.broker
	}
	empty := filepath.Join(scratch(b), "replica")
	if err := os.Mkdir(empty, 0o755); err != nil {
		b.Fatal(err)
	}
	n.replica = running(b, program, "follow", empty, "--brokers", brokers, "--topic-prefix", prefix)
	return n
}

// arrival is the time from now until the next commit of the primary is applied on the replica, beyond the settle time.
// The head before the edit must be given.
func (n nodes) arrival(b *testing.B, before string) time.Duration {
	b.Helper()
	defer n.explain(b)
	return waited(b, "the edit arrives", time.Now(), func() bool {
		head := n.primary.ref(headRef)
		return head != before && head != "" && n.replica.ref(appliedRef) == head
	}) - settle
}

// explain says what the nodes said last, where that may help.
func (n nodes) explain(b *testing.B) {
	if b.Failed() {
		b.Logf("primary: %v\nreplica: %v", n.primary.last.Load(), n.replica.last.Load())
	}
}

// BenchmarkEditToReplica is the time from the rename of an edited file on the primary until the replica has applied it.
func BenchmarkEditToReplica(b *testing.B) {
	b.Run("embedded", func(b *testing.B) { editToReplica(b, embedded) })
	b.Run("kafka", func(b *testing.B) { editToReplica(b, testkafka.Start(b).Addr) })
}

func editToReplica(b *testing.B, brokers string) {
	source := production(b)
	path := someFeatureType(b, source)
	n := newNodes(b, copied(b, source), brokers)
	var took []time.Duration
	for i := range 40 {
		before := n.primary.ref(headRef)
		retitle(b, n.primary.dir, path, i)
		took = append(took, n.arrival(b, before))
	}
	percentiles(b, took)
	b.ReportMetric(n.costOfEdits(b, path), "cpu-ms/edit")
}

func percentiles(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(milliseconds(took[len(took)/2]), "p50-ms")
	b.ReportMetric(milliseconds(took[len(took)*95/100]), "p95-ms")
	b.ReportMetric(0, "ns/op")
}

// costOfEdits is what both processes together take of the processor for one edit. Nothing looks at them meanwhile.
func (n nodes) costOfEdits(b *testing.B, path string) float64 {
	const edits = 50
	before := n.primary.cpu() + n.replica.cpu()
	for i := range edits {
		retitle(b, n.primary.dir, path, 1000+i)
		time.Sleep(2 * settle) // each is a commit of its own
	}
	return milliseconds(n.primary.cpu()+n.replica.cpu()-before) / edits
}

// BenchmarkPublishToReplica is a new layer as GeoServer writes it, from its last rename until it is on the replica.
func BenchmarkPublishToReplica(b *testing.B) {
	dir := filepath.Join(scratch(b), "primary")
	if err := os.Mkdir(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := fixtures.Sample(dir); err != nil {
		b.Fatal(err)
	}
	n := newNodes(b, dir, embedded)
	g := fixtures.GeoServer{Writer: fixtures.Writer{Dir: dir}}
	begin := commits(b, dir)
	var took []time.Duration
	const publishes = 20
	for i := range publishes {
		before := n.primary.ref(headRef)
		if err := g.Publish("harbour", "charts", fmt.Sprintf("layer%d", i), "point"); err != nil {
			b.Fatal(err)
		}
		took = append(took, n.arrival(b, before))
	}
	percentiles(b, took)
	b.ReportMetric(float64(commits(b, dir)-begin)/publishes, "commits/publish")
}

func commits(b *testing.B, dir string) int {
	b.Helper()
	out, err := exec.Command("git", "--git-dir", filepath.Join(dir, ".git"), "rev-list", "--count", "main").Output()
	n, bad := strconv.Atoi(string(bytes.TrimSpace(out)))
	if err != nil || bad != nil {
		b.Fatal(err, bad)
	}
	return n
}

// BenchmarkBulkToReplica changes 500 layers of 10,000, from the last write until the replica is in step, alone and beside
// a writer that keeps much of the page cache dirty.
func BenchmarkBulkToReplica(b *testing.B) {
	dir := syntheticDir(b, benchSize(10_000))
	n := newNodes(b, dir, embedded)
	paths := layersOf(b, dir, benchSize(500))
	for _, way := range []string{"alone", "beside a writer"} {
		b.Run(way, func(b *testing.B) {
			if way != "alone" {
				defer dirty(b, 10*time.Millisecond)()
			}
			defer n.explain(b)
			var took []time.Duration
			for i := range 5 {
				for _, p := range paths {
					retitle(b, dir, p, i+len(way))
				}
				head := ""
				took = append(took, waited(b, "the bulk arrives", time.Now(), func() bool {
					now := n.primary.ref(headRef)
					moved := now != head && head != ""
					head = now
					return !moved && n.replica.ref(appliedRef) == head && arrivedAll(dir, n.replica.dir, paths)
				}))
			}
			percentiles(b, took)
		})
	}
}

// arrivedAll tells whether the replica has the last of the files as the primary has it; the others came with it or before.
func arrivedAll(primary, replica string, paths []string) bool {
	for _, p := range []string{paths[0], paths[len(paths)-1]} {
		ours, _ := os.ReadFile(filepath.Join(primary, p))
		theirs, _ := os.ReadFile(filepath.Join(replica, p))
		if !bytes.Equal(ours, theirs) {
			return false
		}
	}
	return true
}

// dirty keeps on writing a gigabyte that nobody syncs until the result is called: a megabyte at each pace, as 100 MB a second
// at 10 ms, or as fast as memory takes it at none.
func dirty(b *testing.B, pace time.Duration) (stop func()) {
	b.Helper()
	f, err := os.Create(filepath.Join(scratch(b), "dirty"))
	if err != nil {
		b.Fatal(err)
	}
	ended, end := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		block := bytes.Repeat([]byte("dirty pages "), 1<<20/12)
		for at := int64(0); ; at = (at + int64(len(block))) % (1 << 30) {
			select {
			case <-end:
				return
			default:
				_, _ = f.WriteAt(block, at) // a full disk only makes it less dirty
				time.Sleep(pace)
			}
		}
	}()
	return func() { close(end); <-ended; f.Close(); os.Remove(f.Name()) }
}

func syntheticDir(b *testing.B, layers int) string {
	b.Helper()
	dir := filepath.Join(scratch(b), "data")
	if err := fixtures.Synthetic(dir, layers, 100); err != nil {
		b.Fatal(err)
	}
	return dir
}

// layersOf spreads over all layers.
func layersOf(b *testing.B, dir string, n int) []string {
	b.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "workspaces/*/*/*/featuretype.xml"))
	if err != nil || len(all) < n {
		b.Fatalf("%d layers in %s, %d are wanted", len(all), dir, n)
	}
	var paths []string
	for i := range n {
		path, _ := filepath.Rel(dir, all[i*len(all)/n])
		paths = append(paths, filepath.ToSlash(path))
	}
	return paths
}

// BenchmarkWatch is the whole process of a primary: import, a start on the imported directory, memory, the processor in an
// idle second, and one edit to its durable commit beyond the settle time, in turn with the same on 1,000 layers.
func BenchmarkWatch(b *testing.B) {
	program := built(b)
	small := running(b, program, "watch", syntheticDir(b, benchSize(1_000)))
	for _, layers := range []int{10_000, 50_000, 100_000} {
		b.Run(fmt.Sprintf("layers=%d", benchSize(layers)), func(b *testing.B) {
			dir := syntheticDir(b, benchSize(layers))
			first := running(b, program, "watch", dir)
			b.ReportMetric(milliseconds(first.took), "import-ms")
			b.ReportMetric(first.memory("VmHWM"), "MiB-peak-import")
			first.stop()
			p := running(b, program, "watch", dir)
			b.ReportMetric(milliseconds(p.took), "start-ms")
			b.ReportMetric(milliseconds(p.cpu()), "start-cpu-ms")
			idle(b, p)
			latency(b, p, small)
			b.ReportMetric(p.memory("VmHWM"), "MiB-peak")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func idle(b *testing.B, p *process) {
	const seconds = 10
	time.Sleep(3 * time.Second) // what the start left to do
	b.ReportMetric(p.memory("VmRSS"), "MiB-idle")
	before := p.cpu()
	time.Sleep(seconds * time.Second)
	b.ReportMetric(milliseconds(p.cpu()-before)/seconds, "idle-cpu-ms/s")
}

func latency(b *testing.B, p, small *process) {
	var ours, theirs []time.Duration
	for i := range 21 {
		theirs = append(theirs, small.recorded(b, i))
		ours = append(ours, p.recorded(b, i))
	}
	b.ReportMetric(milliseconds(median(ours)), "edit-ms")
	b.ReportMetric(float64(median(ours))/float64(median(theirs)), "edit/edit-of-1k")
}

// recorded is one edit until the marker after its commit stands.
func (p *process) recorded(b *testing.B, i int) time.Duration {
	before := p.ref(diskRef)
	retitle(b, p.dir, "workspaces/ws000/store0000/layer000007/featuretype.xml", i)
	return waited(b, "the edit is recorded", time.Now(), func() bool { now := p.ref(diskRef); return now != before && now != "" }) - settle
}
