package gsgit

import (
	"time"

	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// A file that comes back with the same bytes each time that it was healed is not healed at once for ever:
// somebody writes it, and that may be the GeoServer at each of the reloads that a healing asks for.
const (
	healAtOnce = 3
	healAgain  = time.Minute
)

// healing remembers what was healed, by path.
type healing map[string]healed

type healed struct {
	bytes resync.Blob
	times int
	last  time.Time
}

// sort parts drift that is healed now from that which waits, and stays named as drift meanwhile.
func (h healing) sort(drifted []xmlcatalog.Edit, at time.Time) (now, later []xmlcatalog.Edit) {
	for _, e := range drifted {
		before := h[e.Path]
		if before.times >= healAtOnce && before.bytes == blobOf(e.New) && at.Sub(before.last) < healAgain {
			later = append(later, e)
		} else {
			now = append(now, e)
		}
	}
	return now, later
}

// note counts what was healed.
func (h *healing) note(edits []xmlcatalog.Edit, at time.Time) {
	if *h == nil {
		*h = healing{}
	}
	for _, e := range edits {
		before, bytes := (*h)[e.Path], blobOf(e.New)
		if before.bytes != bytes {
			before.times = 0
		}
		(*h)[e.Path] = healed{bytes: bytes, times: before.times + 1, last: at}
	}
}
