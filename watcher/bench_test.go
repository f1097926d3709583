package watcher_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/watcher"
)

// sizes are how many layers to measure with; GSGIT_BENCH_LAYERS adds one,
// such as 100000.
func sizes() []int {
	all := []int{1000, 10000}
	if n, err := strconv.Atoi(os.Getenv("GSGIT_BENCH_LAYERS")); err == nil {
		all = append(all, n)
	}
	return all
}

func bench(b *testing.B, run func(b *testing.B, dir string, o watcher.Options)) {
	for _, layers := range sizes() {
		b.Run(fmt.Sprintf("layers=%d", layers), func(b *testing.B) {
			dir := b.TempDir()
			if err := fixtures.Synthetic(dir, layers, 100); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			run(b, dir, watcher.Options{Root: dir, Tracked: tracked, Descend: descend, Settle: time.Millisecond})
		})
	}
}

func start(b *testing.B, o watcher.Options) *watcher.Watcher {
	w, err := watcher.Start(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// BenchmarkStart watches every directory and takes the first snapshot.
func BenchmarkStart(b *testing.B) {
	bench(b, func(b *testing.B, _ string, o watcher.Options) {
		var before, after runtime.MemStats
		for b.Loop() {
			runtime.GC()
			runtime.ReadMemStats(&before)
			w := start(b, o)
			b.StopTimer()
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1e6, "MB-heap")
			w.Close()
			b.StartTimer()
		}
	})
}

// BenchmarkScan looks at the whole tree, by a poll that finds one edit.
func BenchmarkScan(b *testing.B) {
	bench(b, func(b *testing.B, dir string, o watcher.Options) {
		o.Mode, o.PollEvery = watcher.Poll, time.Nanosecond
		edit(b, dir, start(b, o))
	})
}

// BenchmarkEdit is from the write of one file to its batch, a pause of 1 ms
// included.
func BenchmarkEdit(b *testing.B) {
	bench(b, func(b *testing.B, dir string, o watcher.Options) { edit(b, dir, start(b, o)) })
}

func edit(b *testing.B, dir string, w *watcher.Watcher) {
	defer w.Close()
	file := filepath.Join(dir, "workspaces", "ws000", "store0000", "layer000000", "layer.xml")
	for b.Loop() {
		if err := os.WriteFile(file, []byte("<layer/>"), 0o644); err != nil {
			b.Fatal(err)
		}
		<-w.Batches()
	}
}
