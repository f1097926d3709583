package resync_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"
)

// manyLayers is a catalog of n layers, two files each, a hundred layers a store.
func manyLayers(n int) tree {
	tr := tree{"global.xml": "<global/>"}
	for i := range n {
		dir := fmt.Sprintf("workspaces/ws%d/store/layer%d/", i/100, i)
		tr[dir+"layer.xml"] = fmt.Sprintf("<layer><id>%d</id></layer>", i)
		tr[dir+"featuretype.xml"] = fmt.Sprintf("<featureType><id>%d</id></featureType>", i)
	}
	return tr
}

// filled is a replica on the disk of the temporary directory, not in memory.
func filled(b *testing.B, content tree) *replica {
	b.Helper()
	r := newReplica(b, nil)
	r.options.Root = scratch(b)
	r.options.State = r.at(".git/gsgit")
	if err := r.apply(tree{}.plan(b, content), content.source()); err != nil {
		b.Fatal(err)
	}
	return r
}

// One run of a benchmark is a whole series, so -benchtime 1x is enough. GSGIT_BENCH=small takes a twentieth of every size.
func benchSize(n int) int {
	if os.Getenv("GSGIT_BENCH") == "small" {
		return n / 20
	}
	return n
}

// scratch is a directory for a benchmark. The task keeps all of them until its end: a file system without a journal makes
// new files slowly for minutes after many were removed.
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

// median reports the middle of some runs; run gives the time of what counts.
func median(b *testing.B, rounds int, run func(round int) time.Duration) {
	b.Helper()
	var took []time.Duration
	for round := range rounds {
		took = append(took, run(round))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[rounds/2])/float64(time.Millisecond), "gsgit-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkBootstrap writes all files of 10,000 layers into an empty directory.
func BenchmarkBootstrap(b *testing.B) {
	content := manyLayers(benchSize(10_000))
	median(b, 3, func(int) time.Duration {
		begin := time.Now()
		filled(b, content)
		return time.Since(begin)
	})
}

// BenchmarkApply replaces files of 10,000 layers: check, apply and the end of the journal.
func BenchmarkApply(b *testing.B) {
	layers := benchSize(10_000)
	base := manyLayers(layers)
	r := filled(b, base)
	d := r.open()
	for _, changed := range []int{1, benchSize(500)} {
		b.Run(fmt.Sprintf("changed=%d", changed), func(b *testing.B) {
			trees := [2]tree{base, maps.Clone(base)}
			for i := range changed {
				n := i * layers / changed
				trees[1][fmt.Sprintf("workspaces/ws%d/store/layer%d/layer.xml", n/100, n)] = "<layer>new</layer>"
			}
			median(b, 10, func(round int) time.Duration {
				from, to := trees[round%2], trees[1-round%2]
				plan := from.plan(b, to)
				begin := time.Now()
				if err := errors.Join(d.Check(plan), d.Apply(b.Context(), plan, to.source()), d.Done()); err != nil {
					b.Fatal(err)
				}
				return time.Since(begin)
			})
		})
	}
}

// BenchmarkDrifts looks for drift in 10,000 layers where there is none.
func BenchmarkDrifts(b *testing.B) {
	content := manyLayers(benchSize(10_000))
	d := filled(b, content).open()
	median(b, 5, func(int) time.Duration {
		begin := time.Now()
		if _, err := d.Drifts(b.Context(), content.files()); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	})
}
