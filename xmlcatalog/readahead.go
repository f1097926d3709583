package xmlcatalog

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// readRecords reads the new sides of edits; nil stands for a file that goes.
func readRecords(edits []Edit) []*record {
	records := make([]*record, len(edits))
	read := func(i int) {
		if e := edits[i]; e.New != nil {
			records[i] = readRecord(e.Path, e.New)
		}
	}
	if len(edits) < fewEdits {
		for i := range edits {
			read(i)
		}
		return records
	}
	onAllProcessors(len(edits), read)
	return records
}

// onAllProcessors calls do for each number below n.
func onAllProcessors(n int, do func(i int)) {
	var next atomic.Int64
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	readers.Wait()
}

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
	onAllProcessors(len(sides), func(i int) { forms[i].element, forms[i].err = canonical(sides[i]) })
	for i, data := range sides {
		c.read[extent{&data[0], len(data)}] = forms[i]
	}
}
