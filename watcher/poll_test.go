package watcher_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gsgit/gsgit/watcher"
)

const (
	pollSettle = 100 * time.Millisecond
	pollEvery  = 5 * time.Second
	pollCap    = 30 * time.Second
)

// polled is a tree that is polled while time is under the test's control. Its
// files are of another time than the bubble's, so none of them is young.
type polled struct {
	t     *testing.T
	dir   string
	w     *watcher.Watcher
	begun time.Time
}

func polling(t *testing.T, test func(p polled)) {
	t.Helper()
	dir := t.TempDir()
	plant(t, dir, "a/b/layer.xml", "gwc/c.xml")
	synctest.Test(t, func(t *testing.T) {
		w, err := watcher.Start(t.Context(), watcher.Options{
			Root: dir, Tracked: tracked, Descend: descend, Mode: watcher.Poll,
			Settle: pollSettle, PollEvery: pollEvery, Cap: pollCap,
		})
		must(t, err)
		defer w.Close()
		test(polled{t, dir, w, time.Now()})
	})
}

// at waits until so much time has gone since the start, and all of it is done.
func (p polled) at(since time.Duration) {
	time.Sleep(time.Until(p.begun.Add(since)))
	synctest.Wait()
}

// batch is the next batch and when it came.
func (p polled) batch() (watcher.Batch, time.Duration) {
	p.t.Helper()
	select {
	case b := <-p.w.Batches():
		return b, time.Since(p.begun)
	case <-time.After(time.Hour):
		p.t.Fatal("no batch within an hour")
		return watcher.Batch{}, 0
	}
}

// stream makes edits without a pause.
func (p polled) stream(long time.Duration) {
	for at := time.Duration(0); at < long; at += pollSettle / 2 {
		plant(p.t, p.dir, fmt.Sprintf("s/%d.xml", at))
		time.Sleep(pollSettle / 2)
	}
}

// none fails if a batch is to be had.
func (p polled) none() {
	p.t.Helper()
	synctest.Wait()
	select {
	case b := <-p.w.Batches():
		p.t.Errorf("there is a batch after %v: %v", time.Since(p.begun), b)
	default:
	}
}

// scanned fails unless the tree was looked at so often.
func (p polled) scanned(want int) {
	p.t.Helper()
	if got := p.w.Stats().Scans; got != want {
		p.t.Errorf("after %v the tree was looked at %d times, want %d", time.Since(p.begun), got, want)
	}
}

func TestAPolledBatchIsHandedOutAfterASecondLook(t *testing.T) {
	polling(t, func(p polled) {
		plant(p.t, p.dir, "d/layer.xml")
		b, at := p.batch()
		if at != pollEvery+pollSettle || !slices.Equal(b.Paths, []string{"d"}) || b.Last.Sub(p.begun) != pollEvery {
			t.Errorf("after %v comes %v", at, b)
		}
		p.scanned(2)
		p.at(4 * pollEvery)
		p.none()
		p.scanned(4) // it cost one look and no more
	})
}

// A scan falls between the layer and its tile settings, then between them and
// a style, and a replaced file of before is gone.
func TestAScanInTheMiddleOfAnActPartsNothing(t *testing.T) {
	polling(t, func(p polled) {
		plant(p.t, p.dir, "d/layer.xml")
		p.at(pollEvery + pollSettle/2)
		plant(p.t, p.dir, "gwc/d.xml")
		p.at(pollEvery + 2*pollSettle)
		plant(p.t, p.dir, "styles/d.sld")
		must(t, os.Remove(filepath.Join(p.dir, "a/b/layer.xml")))
		b, at := p.batch()
		// Looked at after 5, 5.1, 5.3 and 5.7 s.
		if at != pollEvery+7*pollSettle || !slices.Equal(b.Paths, []string{"a/b/layer.xml", "d", "gwc/d.xml", "styles"}) {
			t.Errorf("after %v comes %v", at, b)
		}
		p.scanned(4)
	})
}

func TestASteadyStreamIsPolledUpToTheCap(t *testing.T) {
	polling(t, func(p polled) {
		done := make(chan struct{})
		go func() { p.stream(50 * time.Second); close(done) }()
		b, at := p.batch()
		if at != pollEvery+pollCap {
			t.Errorf("after %v comes %v", at, b)
		}
		// 5 s, then 0.1, 0.2, 0.4 … s later, then every 5 s: 11.3 … 31.3 s.
		p.scanned(11)
		if b, at = p.batch(); at < 50*time.Second || len(b.Paths) < 250 {
			t.Errorf("after %v comes %v", at, b)
		}
		<-done
		p.at(100 * time.Second)
		p.none()
	})
}

// What was handed out at the cap is not told of again by the look after it.
func TestAStillTreeAfterTheCapIsNoBatch(t *testing.T) {
	polling(t, func(p polled) {
		p.stream(31 * time.Second) // the looks are after 26.3 s and 31.3 s
		if b, at := p.batch(); at != pollEvery+pollCap || !slices.Equal(b.Paths, []string{"s"}) {
			t.Errorf("after %v comes %v", at, b)
		}
		p.at(time.Hour)
		p.none()
	})
}

// A file that was written a moment ago is told of once more, since a second
// write within a tick of the clock looks alike; but it is no news.
func TestAYoungFileIsNoNewsTheSecondTime(t *testing.T) {
	polling(t, func(p polled) {
		p.at(pollEvery - time.Millisecond)
		plant(p.t, p.dir, "a/b/layer.xml")
		now := time.Now()
		must(t, os.Chtimes(filepath.Join(p.dir, "a/b/layer.xml"), now, now))
		for _, want := range []time.Duration{pollEvery + pollSettle, 2*pollEvery + pollSettle} {
			if b, at := p.batch(); at != want || !slices.Equal(b.Paths, []string{"a/b/layer.xml"}) {
				t.Errorf("after %v comes %v, want it after %v", at, b, want)
			}
		}
		p.scanned(3)
		p.at(time.Minute)
		p.none()
	})
}

func TestARootThatWentIsToldInPolling(t *testing.T) {
	polling(t, func(p polled) {
		must(t, os.Rename(p.dir, p.dir+".away"))
		if b, at := p.batch(); !b.Lost || at != pollEvery+pollSettle {
			t.Errorf("after %v comes %v", at, b)
		}
		p.at(time.Minute)
		p.none()
		must(t, os.Rename(p.dir+".away", p.dir))
	})
}
