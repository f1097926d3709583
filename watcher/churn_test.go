package watcher_test

import (
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gsgit/gsgit/watcher"
)

// churn does random operations of every kind on a small tree, so that they
// meet: files and directories made, replaced, moved at every level, deleted.
type churn struct {
	dir string
	r   *rand.Rand
}

// path is a random name of one to four levels.
func (c churn) path(levels int) string {
	p := c.dir
	for range levels {
		p = filepath.Join(p, string('a'+rune(c.r.IntN(3))))
	}
	return p
}

func (c churn) file() string {
	return filepath.Join(c.path(c.r.IntN(4)), fmt.Sprintf("%d.xml", c.r.IntN(4)))
}

// step does one operation; most of them meet what stands in their way and do
// nothing, which is as it should be.
func (c churn) step(n int) {
	body := []byte(fmt.Sprint(n))
	switch c.r.IntN(10) {
	case 0, 1:
		p := c.path(1 + c.r.IntN(4))
		os.MkdirAll(p, 0o755)
		os.WriteFile(filepath.Join(p, "0.xml"), body, 0o644)
	case 2, 3:
		os.WriteFile(c.file(), body, 0o644)
	case 4:
		p := c.file()
		os.WriteFile(p+".tmp", body, 0o644)
		os.Rename(p+".tmp", p)
	case 5:
		os.Rename(c.path(1+c.r.IntN(3)), c.path(1+c.r.IntN(4)))
	case 6:
		os.Rename(c.file(), c.file())
	case 7:
		os.Remove(c.file())
	case 8:
		if c.r.IntN(3) == 0 {
			os.RemoveAll(c.path(1 + c.r.IntN(3)))
		}
	case 9: // gone and back at once, another under its name
		p := c.path(1 + c.r.IntN(2))
		os.Rename(p, filepath.Join(c.dir, "data", fmt.Sprint(n)))
		os.MkdirAll(filepath.Join(p, "a"), 0o755)
		os.WriteFile(filepath.Join(p, "a", "1.xml"), body, 0o644)
	}
}

func TestChurn(t *testing.T) {
	modes := map[string]func(*watcher.Trouble) watcher.Options{
		"events": func(tr *watcher.Trouble) watcher.Options { return tr.Make(watcher.Options{}) },
		"events and scans": func(tr *watcher.Trouble) watcher.Options {
			return tr.Make(watcher.Options{Scan: 3 * time.Millisecond})
		},
		"poll": func(*watcher.Trouble) watcher.Options {
			return watcher.Options{Mode: watcher.Poll, PollEvery: 5 * time.Millisecond}
		},
	}
	for name, options := range modes {
		t.Run(name, func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			places(t, func(t *testing.T, dir string) {
				trouble := &watcher.Trouble{Instances: math.MaxInt, Watches: math.MaxInt}
				plant(t, dir, "data/x")
				o := options(trouble)
				o.Settle = 5 * time.Millisecond
				m := watch(t, dir, o)
				c := churn{dir, rand.New(rand.NewPCG(seed, 1))}
				for round := range 6 {
					for n := range 250 {
						c.step(round*1000 + n)
					}
					if name == "events" && round%3 == 2 {
						trouble.Overflow()
					}
					m.compare()
					if t.Failed() {
						t.Fatalf("in round %d of seed %d", round, seed)
					}
				}
				if n := m.w.Stats().Overflows; n > 0 && name != "events" {
					t.Errorf("%d losses of which there were none", n)
				}
				if o.Mode == watcher.Poll {
					return
				}
				if got, want := trouble.Watched(), folders(dir); !slices.Equal(got, want) || m.w.Stats().Watches != len(want) {
					t.Errorf("watched are %q\nand there are %q", got, want)
				}
			})
		})
	}
}

// folders are the directories that deserve a watch, sorted.
func folders(dir string) []string {
	var found []string
	filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error { // nothing else works here
		if err == nil && d.IsDir() {
			if rel, _ := filepath.Rel(dir, p); rel == "data" {
				return filepath.SkipDir
			}
			found = append(found, p)
		}
		return nil
	})
	slices.Sort(found)
	return found
}
