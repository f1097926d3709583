package main

import (
	"os"
	"runtime/debug"
)

// heapGrowth is by how many percent a node's heap may grow before it is collected. A node keeps its catalog for life and
// allocates little beside it, so most of the room that Go leaves by default (100) would lie idle beside a GeoServer that
// wants it: of 100,000 layers a third of the memory is saved, at the same time of the processor for a start.
const heapGrowth = 40

// leastGrowth is by how many bytes it may grow however small it is. A collection looks at the whole catalog: of a small
// one, 40 percent are used up by every third change, and a fifth of what a change costs was spent on collecting.
const leastGrowth = 12 << 20

// thrift leaves the decision to whoever has set GOGC. As long as ballast is kept, the heap counts as that much larger. It
// is never written to, and so takes up no memory.
func thrift() (ballast []byte) {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	debug.SetGCPercent(heapGrowth)
	return make([]byte, leastGrowth*100/heapGrowth)
}
