package resync

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// syncHands is how many files are synced at once: each waits for the disk, and a file
// system with a journal writes that once for all who wait.
const syncHands = 32

// hands is how many goroutines make files: the kernel's part of that is worth all
// processors.
func (d *Directory) hands() int { return d.atMost(2 * runtime.GOMAXPROCS(0)) }

// atMost is one with a Gate, so that a test knows what the last operation was.
func (d *Directory) atMost(hands int) int {
	switch {
	case d.options.Hands > 0:
		return min(hands, d.options.Hands)
	case d.options.Gate != nil:
		return 1
	}
	return hands
}

// each calls do for the numbers below n, from several goroutines and roughly in order.
// After an error no further call begins, and the error of the lowest number is returned.
func each(hands, n int, do func(i int) error) error {
	if hands = min(hands, n); hands <= 1 {
		for i := range n {
			if err := do(i); err != nil {
				return err
			}
		}
		return nil
	}
	c := &crew{end: n, run: min(max(n/(4*hands), 1), crewRun), do: do}
	var all sync.WaitGroup
	for range hands {
		all.Go(c.work)
	}
	all.Wait()
	if c.panicked != nil {
		panic(c.panicked) // where it would have been without the goroutines
	}
	return c.err
}

// crewRun is the longest run of numbers that one goroutine takes at a time.
const crewRun = 16

// crew shares the numbers out in runs: neighbours mostly lie in one directory, in which
// two can not make files at the same time.
type crew struct {
	do       func(i int) error
	stopped  atomic.Bool
	mu       sync.Mutex
	next     int
	end, run int
	failed   int // the number of err
	err      error
	panicked any
}

func (c *crew) work() {
	defer func() {
		if v := recover(); v != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.panicked = v
			c.stopped.Store(true)
		}
	}()
	for from, to := c.take(); from < to; from, to = c.take() {
		for i := from; i < to && !c.stopped.Load(); i++ {
			if err := c.do(i); err != nil {
				c.fail(i, err)
				return
			}
		}
	}
}

func (c *crew) take() (from, to int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped.Load() {
		return 0, 0
	}
	from = c.next
	c.next = min(c.next+c.run, c.end)
	return from, c.next
}

func (c *crew) fail(i int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil || i < c.failed {
		c.failed, c.err = i, err
	}
	c.stopped.Store(true)
}
