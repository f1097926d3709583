package watcher_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/watcher"
)

// One run of a benchmark is a whole series, the sizes in turn where they are
// compared, so -benchtime 1x is enough. GSGIT_BENCH=small takes a twentieth.

func benchSize(n int) int {
	if os.Getenv("GSGIT_BENCH") == "small" {
		return n / 20
	}
	return n
}

// scratch is a directory for a benchmark. The task keeps all of them until its
// end: a file system without a journal makes new files slowly for minutes after
// many were removed.
func scratch(b *testing.B) string {
	b.Helper()
	root := os.Getenv("GSGIT_BENCH_DIR")
	if root == "" {
		return b.TempDir()
	}
	dir, err := os.MkdirTemp(root, "")
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

// site is a synthetic data directory that is watched.
type site struct {
	dir string
	o   watcher.Options
}

func newSite(b *testing.B, layers int) site {
	b.Helper()
	dir := scratch(b)
	if err := fixtures.Synthetic(dir, layers, 100); err != nil {
		b.Fatal(err)
	}
	return site{dir, watcher.Options{Root: dir, Tracked: tracked, Descend: descend, Settle: time.Millisecond}}
}

func (s site) start(b *testing.B) *watcher.Watcher {
	b.Helper()
	w, err := watcher.Start(b.Context(), s.o)
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// edited is from the write of one file to its batch, a pause of 1 ms included.
func (s site) edited(b *testing.B, w *watcher.Watcher) time.Duration {
	b.Helper()
	begin := time.Now()
	file := filepath.Join(s.dir, "workspaces", "ws000", "store0000", "layer000000", "layer.xml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "<layer>%d</layer>", begin.UnixNano()), 0o644); err != nil {
		b.Fatal(err)
	}
	<-w.Batches()
	return time.Since(begin)
}

func milliseconds(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2]) / float64(time.Millisecond)
}

// BenchmarkWatcher is the start (every directory watched, the first snapshot),
// its memory, a scan of the whole tree, the latency of one edit, and the
// processor's time in a second without one.
func BenchmarkWatcher(b *testing.B) {
	thousand := newSite(b, benchSize(1_000))
	for _, layers := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("layers=%d", benchSize(layers)), func(b *testing.B) {
			s := thousand
			if layers > 1_000 {
				s = newSite(b, benchSize(layers))
			}
			b.ReportMetric(0, "ns/op")
			started(b, s)
			scanned(b, s)
			beside(b, s, thousand)
		})
	}
}

func started(b *testing.B, s site) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin, cpu := time.Now(), cpuTime()
	w := s.start(b)
	defer w.Close()
	b.ReportMetric(float64(time.Since(begin))/float64(time.Millisecond), "start-ms")
	b.ReportMetric(float64(cpuTime()-cpu)/float64(time.Millisecond), "start-cpu-ms")
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "MiB-heap")
	idle, cpu := 2*time.Second, cpuTime()
	time.Sleep(idle)
	b.ReportMetric(float64(cpuTime()-cpu)/float64(time.Millisecond)/idle.Seconds(), "idle-cpu-ms/s")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// scanned looks at the whole tree again and again, and counts a scan that finds
// one edit.
func scanned(b *testing.B, s site) {
	s.o.Mode, s.o.PollEvery = watcher.Poll, time.Nanosecond
	w := s.start(b)
	defer w.Close()
	var took []time.Duration
	for range 5 {
		took = append(took, s.edited(b, w))
	}
	b.ReportMetric(milliseconds(took), "scan-ms")
}

// beside has both sizes watched at once and edits them in turn.
func beside(b *testing.B, s, thousand site) {
	here, there := s.start(b), thousand.start(b)
	defer here.Close()
	defer there.Close()
	var ours, theirs []time.Duration
	for range 25 {
		theirs = append(theirs, thousand.edited(b, there))
		ours = append(ours, s.edited(b, here))
	}
	b.ReportMetric(milliseconds(ours), "edit-ms")
	b.ReportMetric(milliseconds(ours)/milliseconds(theirs), "edit/edit-in-the-smallest")
}
