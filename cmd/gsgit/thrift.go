package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// heapGrowth is by how many percent a node's heap may grow before it is collected. A node keeps its catalog for life and
// allocates little beside it, so most of the room that Go leaves by default (100) would lie idle beside a GeoServer that
// wants it: of 100,000 layers a third of the memory is saved, at the same time of the processor for a start.
const heapGrowth = 40

// leastGrowth is by how many bytes it may grow however small it is. A collection looks at the whole catalog: of a small
// one, 40 percent are used up by every third change, and a fifth of what a change costs was spent on collecting.
const leastGrowth = 8 << 20

// thrift keeps to both until the result is called. It leaves the decision to whoever has set GOGC.
func thrift() (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	ended := &atomic.Bool{}
	pace(ended)
	return func() { ended.Store(true) }
}

// pace decides anew after each collection, which is when a finalizer runs: only then is known what is in use.
func pace(ended *atomic.Bool) {
	if ended.Load() {
		return
	}
	use := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/gogc:percent"}}
	metrics.Read(use)
	now := use[1].Value.Uint64()
	if want := growthOf(use[0].Value.Uint64()); max(want, now)-min(want, now) > now/16 {
		debug.SetGCPercent(int(want)) // it stops everything for a moment
	}
	runtime.SetFinalizer(&turn{ended}, func(t *turn) { pace(t.ended) })
}

// turn is garbage from the start.
type turn struct{ ended *atomic.Bool }

// growthOf is by how many percent a heap of so many bytes in use may grow.
func growthOf(live uint64) uint64 {
	return max(heapGrowth, 100*leastGrowth/max(live, 1<<20))
}
