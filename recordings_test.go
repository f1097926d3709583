package gsgit_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gsgit/gsgit/fixtures"
)

var update = flag.Bool("update", false, "write the golden files anew")

// recordings is where the recordings of a real GeoServer are, or the reason to skip.
func recordings(t *testing.T) string {
	t.Helper()
	root := os.Getenv("GSGIT_TEST_DATA")
	if root == "" {
		root = "../shared/data"
	}
	dir := filepath.Join(root, "recordings")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no recordings of a GeoServer: set GSGIT_TEST_DATA (%v)", err)
	}
	return dir
}

func recorded(t *testing.T, base string) (dir string, files []string) {
	t.Helper()
	root := recordings(t)
	dir = filepath.Join(t.TempDir(), "data")
	if base == "" {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		root = filepath.Join(root, "empty")
	} else if err := fixtures.CopyDir(dir, filepath.Join(root, base)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	return dir, files
}

// Every action of a real GeoServer, at its own pace and watched while it is done. The golden file says which
// commits come out of each: their subjects, objects and named damage. It was read line by line against what
// each action was; go test -update writes it.
func TestG2G3RecordingsAtTheirOwnPace(t *testing.T) {
	if testing.Short() {
		t.Skip("some 60 s of waiting")
	}
	for _, c := range []struct{ name, base, golden string }{
		{"base", "base/data_dir", "recordings.txt"}, {"empty", "", "recordings-empty.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, files := recorded(t, c.base)
			if c.base == "" {
				// A first start needs something to be watched as.
				if err := os.WriteFile(filepath.Join(dir, "filters.xml"), []byte("<filters/>\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			// Longer than a busy machine stalls the replay within one act: two halves would be two commits.
			p := newPrimary(t, dir, func(p *primary) { p.settle, p.unequal = 400*time.Millisecond, true })
			var said strings.Builder
			for _, file := range files {
				p.must(fixtures.Replay(dir, file, 1))
				told := p.tellAll()
				if strings.Contains(file, "first-start") {
					told = objectsOf(told) // its pauses are about as long as the time to settle
				}
				fmt.Fprintf(&said, "%s %s\n%s", filepath.Base(file)[:3], action(t, file), told)
			}
			golden(t, filepath.Join("testdata", c.golden), said.String())
		})
	}
}

// Ten times as fast, one action runs into the next. Whatever commits come out, none is torn, and in the
// end the head is the disk.
func TestG1G2RecordingsAtTenTimesTheirPace(t *testing.T) {
	t.Parallel()
	dir, files := recorded(t, "base/data_dir")
	p := newPrimary(t, dir, func(p *primary) { p.hold, p.unequal = 2*time.Second, true })
	for _, file := range files {
		p.must(fixtures.Replay(dir, file, 10))
	}
	if got := p.commits(); len(got) == 0 {
		t.Error("nothing was recorded")
	}
}

func action(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	line, _ := bufio.NewReader(f).ReadString('\n')
	var head struct{ Action string }
	if err := json.Unmarshal([]byte(line), &head); err != nil {
		t.Fatal(err)
	}
	return head.Action
}

// tellAll is what became of one action: a commit a paragraph, and what is held.
func (p *primary) tellAll() string {
	p.t.Helper()
	since := p.told
	p.commits()
	var all []string
	for c, err := range p.store.Log(p.t.Context(), p.head()) {
		if err != nil {
			p.t.Fatal(err)
		}
		if c.ID == since {
			break
		}
		one := "    " + c.Subject() + "\n"
		for _, o := range c.Trailers("Gsgit-Object") {
			name, _, _ := strings.Cut(o, " ")
			one += "        " + name + "\n"
		}
		for _, d := range c.Trailers("Gsgit-Damage") {
			one += "      ! " + d + "\n"
		}
		all = append(all, one)
	}
	slices.Reverse(all)
	for _, h := range p.publisher.Held() {
		all = append(all, "    held: "+h.Object+" "+h.Path+": "+h.What+"\n")
	}
	if len(all) == 0 {
		return "    no commit\n"
	}
	return strings.Join(all, "")
}

// objectsOf keeps the objects of what was told, each once, whichever commits they came in.
func objectsOf(told string) string {
	var objects []string
	for line := range strings.Lines(told) {
		if strings.HasPrefix(line, "        ") {
			objects = append(objects, line)
		}
	}
	slices.Sort(objects)
	return "    (some commits)\n" + strings.Join(slices.Compact(objects), "")
}

// golden compares a text with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("line %d of %s:\n got %s\nwant %s", i+1, file, a[i], b[i])
		}
	}
	if len(a) != len(b) {
		t.Fatalf("%d lines, %s has %d", len(a), file, len(b))
	}
}
