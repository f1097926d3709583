package xmlcatalog

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// fewEdits are read as they are wanted: a goroutine for them gains nothing.
const fewEdits = 16

// readAhead makes the canonical forms that a large comparison will want, on all
// processors: they are most of its work, and none needs another.
func (c *comparison) readAhead(edits []Edit) {
	if len(edits) < fewEdits {
		return
	}
	var sides [][]byte
	for _, e := range edits {
		if e.byForm() {
			sides = append(sides, e.Old, e.New)
		}
	}
	forms := make([]reading, len(sides))
	var next atomic.Int64
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(sides)); i = next.Add(1) - 1 {
				forms[i].element, forms[i].err = canonical(sides[i])
			}
		})
	}
	readers.Wait()
	for i, data := range sides {
		c.read[extent{&data[0], len(data)}] = forms[i]
	}
}
