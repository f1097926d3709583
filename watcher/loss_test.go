package watcher_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit/watcher"
)

// quick looks at the tree as often as a test wants.
func quick(o watcher.Options) watcher.Options {
	o.PollEvery = 10 * time.Millisecond
	return o
}

func TestAnOverflowIsAdmittedAndMadeGood(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "a/b/old.xml", "c/gone.xml", "styles/a.sld")
	trouble := &watcher.Trouble{Instances: math.MaxInt, Watches: math.MaxInt}
	trouble.Deaf.Store(true)
	m := watch(t, dir, trouble.Make(watcher.Options{}))
	plant(t, dir, "a/b/new.xml", "d/e/made.xml")
	must(t, os.RemoveAll(filepath.Join(dir, "c")))
	must(t, os.Rename(filepath.Join(dir, "a/b"), filepath.Join(dir, "a/moved")))
	trouble.Deaf.Store(false)
	trouble.Overflow()
	b := m.batch()
	if want := []string{"a/b", "a/moved", "c", "d"}; !b.Lost || !slices.Equal(b.Paths, want) {
		t.Errorf("after an overflow comes %v, want %q and the loss", b, want)
	}
	// Watches stand again, also where directories were made unseen.
	for _, p := range []string{"a/moved/x.xml", "d/e/y.xml"} {
		plant(t, dir, p)
		if b := m.batch(); !slices.Equal(b.Paths, []string{p}) || b.Lost {
			t.Errorf("an edit of %s is told as %v", p, b)
		}
	}
	if got := m.w.Stats(); got.Overflows != 1 {
		t.Errorf("%+v", got)
	}
	m.compare()
}

// TestTheQueueOfTheSystemOverflows makes more events than it holds.
func TestTheQueueOfTheSystemOverflows(t *testing.T) {
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	n, _ := strconv.Atoi(strings.TrimSpace(string(limit)))
	if err != nil || n > 100_000 {
		t.Skip("no limit that can be reached soon")
	}
	places(t, func(t *testing.T, dir string) {
		plant(t, dir, "a/0.xml", "b/c.xml")
		trouble := &watcher.Trouble{Instances: math.MaxInt, Watches: math.MaxInt}
		m := watch(t, dir, trouble.Make(watcher.Options{}))
		trouble.Hold.Lock()
		one, two := filepath.Join(dir, "a/0.xml"), filepath.Join(dir, "a/1.xml")
		for range n/2 + 4096 { // two events each; fsnotify holds some thousand
			must(t, os.Rename(one, two))
			one, two = two, one
		}
		must(t, os.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "d")))
		plant(t, dir, "d/e/f.xml")
		trouble.Hold.Unlock()
		m.compare()
		if m.lost == 0 || m.w.Stats().Overflows == 0 {
			t.Errorf("%d losses told, %+v", m.lost, m.w.Stats())
		}
		plant(t, dir, "d/e/f.xml", "d/c.xml")
		m.compare()
	})
}

func TestTheRegularScanFindsWhatNoEventTold(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "a/old.xml", "b/gone.xml", "c/restored.xml")
	stamp(t, dir, "c/restored.xml")
	trouble := &watcher.Trouble{Instances: 1, Watches: math.MaxInt}
	trouble.Deaf.Store(true)
	o := trouble.Make(watcher.Options{})
	o.Scan = 10 * time.Millisecond
	m := watch(t, dir, o)
	plant(t, dir, "a/new.xml", "d/e/made.xml")
	must(t, os.RemoveAll(filepath.Join(dir, "b")))
	// A restore with cp -p: other content, but size and time as before.
	must(t, os.Remove(filepath.Join(dir, "c/restored.xml")))
	must(t, os.WriteFile(filepath.Join(dir, "c/restored.xml"), []byte("C/RESTORED.XML"), 0o644))
	stamp(t, dir, "c/restored.xml")
	m.compare()
	if m.lost > 0 || m.w.Stats().Scans == 0 {
		t.Errorf("%d losses, %+v", m.lost, m.w.Stats())
	}
}

// A scan that finds another directory under a known name watches that one.
func TestTheRegularScanWatchesWhatWasReplacedUnseen(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "a/b/x.xml", "data/a/b/y.xml")
	trouble := &watcher.Trouble{Instances: 1, Watches: math.MaxInt}
	trouble.Deaf.Store(true)
	o := trouble.Make(watcher.Options{})
	o.Scan = 10 * time.Millisecond
	m := watch(t, dir, o)
	must(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "data/was")))
	must(t, os.Rename(filepath.Join(dir, "data/a"), filepath.Join(dir, "a")))
	m.compare()
	if got := trouble.Watched(); !slices.Equal(got, folders(dir)) {
		t.Errorf("watched are %q", got)
	}
}

// Who looks for himself may see a file that came and went before its events
// were dealt with; then he must be told to look again.
func TestAFileThatCameAndWentIsTold(t *testing.T) {
	dir := t.TempDir()
	trouble := &watcher.Trouble{Instances: 1, Watches: math.MaxInt}
	m := watch(t, dir, trouble.Make(watcher.Options{}))
	trouble.Hold.Lock()
	plant(t, dir, "brief.xml")
	m.read("")
	must(t, os.Remove(filepath.Join(dir, "brief.xml")))
	trouble.Hold.Unlock()
	m.compare()
}

// A scan may meet a directory under its new name before the events of its
// move come, while the watch still bears the old name.
func TestAScanBetweenAMoveAndItsEvents(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "p/a/b/x.xml", "q/y.xml")
	trouble := &watcher.Trouble{Instances: 1, Watches: math.MaxInt}
	o := trouble.Make(watcher.Options{})
	o.Scan = 5 * time.Millisecond
	m := watch(t, dir, o)
	trouble.Hold.Lock()
	must(t, os.Rename(filepath.Join(dir, "p/a"), filepath.Join(dir, "q/a")))
	for _, ok := m.files["q/a/b/x.xml"]; !ok; _, ok = m.files["q/a/b/x.xml"] {
		m.batch()
	}
	trouble.Hold.Unlock()
	m.compare()
	if got := trouble.Watched(); !slices.Equal(got, folders(dir)) {
		t.Errorf("watched are %q", got)
	}
}

// stamp gives a file a time of long ago.
func stamp(t *testing.T, dir, path string) {
	t.Helper()
	then := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	must(t, os.Chtimes(filepath.Join(dir, path), then, then))
}

func TestWithoutWatchesTheTreeIsPolled(t *testing.T) {
	tests := []struct {
		name               string
		mode               string
		instances, watches int
		raise              string
	}{
		{"no instance", watcher.Auto, 0, 0, "max_user_instances"},
		{"too few watches", watcher.Auto, 1, 2, "max_user_watches"},
		{"too few watches later", watcher.Auto, 1, 5, "max_user_watches"},
		{"too few watches later though asked for", watcher.Events, 1, 5, "max_user_watches"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, "a/b/c/old.xml")
			var log bytes.Buffer
			trouble := watcher.Trouble{Instances: tt.instances, Watches: tt.watches}
			o := quick(trouble.Make(watcher.Options{Mode: tt.mode}))
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			m := watch(t, dir, o)
			plant(t, dir, "d/e/f/new.xml", "a/b/c/new.xml")
			m.compare()
			plant(t, dir, "d/e/f/new2.xml")
			m.compare()
			must(t, m.w.Close())
			if got := m.w.Stats(); got.Mode != watcher.Poll || got.Why == "" || got.Watches != 0 {
				t.Errorf("%+v", got)
			}
			if strings.Count(log.String(), "level=WARN") != 1 || !strings.Contains(log.String(), tt.raise) {
				t.Errorf("logged was\n%s", log.String())
			}
		})
	}
}

func TestEventsThatAreAskedForMustBeThere(t *testing.T) {
	trouble := watcher.Trouble{Instances: 1}
	o := trouble.Make(watcher.Options{Root: t.TempDir(), Mode: watcher.Events})
	_, err := watcher.Start(t.Context(), o)
	var hint interface {
		Hint() string
		Permanent() bool
	}
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "max_user_watches") || !hint.Permanent() {
		t.Errorf("the error is %v", err)
	}
}

func TestPollingIsAsked(t *testing.T) {
	places(t, func(t *testing.T, dir string) {
		plant(t, dir, "a/b.xml")
		m := watch(t, dir, quick(watcher.Options{Mode: watcher.Poll}))
		plant(t, dir, "a/b.xml", "c/d.xml")
		must(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "e")))
		m.compare()
		if got := m.w.Stats(); got.Mode != watcher.Poll || got.Why != "" {
			t.Errorf("%+v", got)
		}
	})
}

// Two writes of the same length within one tick of the file system's clock
// leave size, time and inode alike.
func TestPollingSeesTheSecondWriteOfATick(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "a.xml")
	m := watch(t, dir, quick(watcher.Options{Mode: watcher.Poll}))
	file := filepath.Join(dir, "a.xml")
	for i := range 200 {
		must(t, os.WriteFile(file, []byte{'0' + byte(i%10)}, 0o644))
	}
	m.compare()
}

func TestTheRootGoesAndComesBack(t *testing.T) {
	for _, mode := range []string{watcher.Events, watcher.Poll} {
		t.Run(mode, func(t *testing.T) {
			above := t.TempDir()
			dir := filepath.Join(above, "data_dir")
			plant(t, dir, "a/b.xml")
			m := watch(t, dir, quick(watcher.Options{Mode: mode}))
			must(t, os.Rename(dir, dir+".away"))
			if b := m.batch(); !b.Lost {
				t.Errorf("when the root went came %v", b)
			}
			if err := m.w.Stats().Err; !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the error is %v", err)
			}
			plant(t, dir+".away", "a/c.xml", "d/e.xml")
			must(t, os.Rename(dir+".away", dir))
			m.compare()
			if err := m.w.Stats().Err; err != nil {
				t.Errorf("after it came back: %v", err)
			}
			plant(t, dir, "d/f.xml")
			m.compare()
		})
	}
}

func TestTheRootIsReplaced(t *testing.T) {
	for _, mode := range []string{watcher.Events, watcher.Poll} {
		t.Run(mode, func(t *testing.T) {
			above := t.TempDir()
			dir := filepath.Join(above, "data_dir")
			plant(t, dir, "a/b.xml", "a/c.xml")
			plant(t, dir+".new", "a/c.xml", "d/e.xml")
			m := watch(t, dir, quick(watcher.Options{Mode: mode}))
			must(t, os.Rename(dir, dir+".away"))
			must(t, os.Rename(dir+".new", dir))
			for m.lost == 0 || m.w.Stats().Err == nil {
				m.batch()
			}
			m.compare()
			plant(t, dir, "d/f.xml")
			m.compare()
			if err := m.w.Stats().Err; err == nil || !strings.Contains(err.Error(), "another") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestAnUnreadableDirectoryIsNoDeletion(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := t.TempDir()
	plant(t, dir, "a/b.xml")
	m := watch(t, dir, quick(watcher.Options{Mode: watcher.Poll}))
	must(t, os.Chmod(filepath.Join(dir, "a"), 0))
	plant(t, dir, "end.xml")
	for {
		b := m.batch()
		if slices.Contains(b.Paths, "a") || slices.Contains(b.Paths, "a/b.xml") {
			t.Errorf("told was %v", b)
		}
		if slices.Contains(b.Paths, "end.xml") {
			break
		}
	}
	must(t, os.Chmod(filepath.Join(dir, "a"), 0o755))
	m.compare()
}

func TestStartRefuses(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "file")
	for _, o := range []watcher.Options{
		{Root: filepath.Join(dir, "nothing")},
		{Root: filepath.Join(dir, "file")},
		{Root: dir, Mode: "sometimes"},
	} {
		if w, err := watcher.Start(t.Context(), o); err == nil {
			w.Close()
			t.Errorf("started with %+v", o)
		}
	}
}

func TestARootThatIsALink(t *testing.T) {
	above := t.TempDir()
	dir := filepath.Join(above, "real")
	plant(t, dir, "a/b.xml")
	must(t, os.Symlink(dir, filepath.Join(above, "link")))
	m := watch(t, filepath.Join(above, "link"), watcher.Options{})
	plant(t, dir, "a/b.xml")
	if b := m.batch(); !slices.Equal(b.Paths, []string{"a/b.xml"}) {
		t.Errorf("told was %v", b)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
