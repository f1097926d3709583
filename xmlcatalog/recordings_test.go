package xmlcatalog_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// recorded is one operation of a GeoServer on its data directory; the first
// line of a recording tells the action instead.
type recorded struct {
	Action string
	Op     string
	Path   string
	To     string
	FD     int
	Data   string
}

// replay carries out a recording on a directory in memory.
func replay(t *testing.T, name string, tree map[string][]byte) (action string) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	open := make(map[int]string)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var op recorded
		if err := json.Unmarshal(lines.Bytes(), &op); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if op.Action != "" {
			action = op.Action
			continue
		}
		op.apply(t, tree, open)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return action
}

func (op recorded) apply(t *testing.T, tree map[string][]byte, open map[int]string) {
	switch op.Op {
	case "create", "open_trunc":
		tree[op.Path], open[op.FD] = []byte{}, op.Path
	case "write":
		data, err := base64.StdEncoding.DecodeString(op.Data)
		if err != nil {
			t.Fatal(err)
		}
		tree[open[op.FD]] = append(slices.Clone(tree[open[op.FD]]), data...)
	case "unlink":
		delete(tree, op.Path)
	case "rename":
		renamed(tree, open, op.Path, op.To)
	}
}

func renamed(tree map[string][]byte, open map[int]string, from, to string) {
	if from == to {
		return
	}
	for path, data := range maps.Clone(tree) {
		if path == from || strings.HasPrefix(path, from+"/") {
			tree[to+strings.TrimPrefix(path, from)] = data
			delete(tree, path)
		}
	}
	for fd, path := range open {
		if path == from || strings.HasPrefix(path, from+"/") {
			open[fd] = to + strings.TrimPrefix(path, from)
		}
	}
}

func only(tree map[string][]byte, rules xmlcatalog.Rules) map[string][]byte {
	tree = maps.Clone(tree)
	maps.DeleteFunc(tree, func(path string, _ []byte) bool { return !rules.Tracked(path) })
	return tree
}

// A hundred actions on a real GeoServer, with what history says of each and
// what is damaged after it. The golden file was read line by line against what
// each action was; go test -update writes it.
func TestRecordings(t *testing.T) {
	dir := realData(t, "recordings")
	tree := readAll(t, filepath.Join(dir, "base", "data_dir"))
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	rules := xmlcatalog.Rules{}
	before := only(tree, rules)
	c := catalogOf(before)
	var said strings.Builder
	for _, name := range names {
		action := replay(t, name, tree)
		after := only(tree, rules)
		fmt.Fprintf(&said, "%s %s\n%s", filepath.Base(name)[:3], action, saidOf(c, editsBetween(before, after)))
		c.Absorb(editsBetween(before, after))
		before = after
	}
	golden(t, filepath.Join("testdata", "recordings.txt"), said.String())
}

func saidOf(c *xmlcatalog.Catalog, edits []xmlcatalog.Edit) string {
	after := c.With(edits)
	var b strings.Builder
	changes := xmlcatalog.Compare(c, after, edits)
	noise := !slices.ContainsFunc(edits, func(e xmlcatalog.Edit) bool { return !xmlcatalog.Noise(e.Path, e.Old, e.New) })
	switch {
	case noise && len(changes) == 0:
		b.WriteString("    no commit\n")
	default:
		m := xmlcatalog.Describe(changes, edits)
		fmt.Fprintf(&b, "    %s\n", m.Subject)
		if m.Body != "" && strings.Count(m.Body, "\n") < 15 {
			fmt.Fprintf(&b, "        %s\n", strings.ReplaceAll(m.Body, "\n", "\n        "))
		}
	}
	for _, d := range xmlcatalog.NewDamage(c, after, edits) {
		fmt.Fprintf(&b, "    ! %s\n", d)
	}
	return b.String()
}

// golden compares a text with a file, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if f := flag.Lookup("update"); f.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("line %d of %s:\n got %s\nwant %s", i+1, path, a[i], b[i])
		}
	}
	if len(a) != len(b) {
		t.Fatalf("%d lines, %s has %d", len(a), path, len(b))
	}
}

// readAll reads a directory, untracked files too.
func readAll(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	tree := make(map[string][]byte)
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		tree[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
