package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gsgit/gsgit/fixtures"
)

// sample fills a directory with the sample data directory, or with a copy of another.
func sample(ts *testscript.TestScript, args []string) {
	needs(ts, args, 1, "sample DIR [FROM]")
	if len(args) > 1 {
		ts.Check(fixtures.CopyDir(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
		return
	}
	ts.Check(fixtures.Sample(ts.MkAbs(args[0])))
}

// someStore is a store with vector layers, and a global style, of a directory whose objects are called as
// their files are.
func someStore(t *testing.T, root string) (ws, store, style string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "workspaces", "*", "*", "*", "featuretype.xml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no layer below %s (%v)", root, err)
	}
	path, _ := filepath.Rel(root, found[0])
	parts := strings.Split(filepath.ToSlash(path), "/")
	styles, err := filepath.Glob(filepath.Join(root, "styles", "*.sld"))
	if err != nil || len(styles) == 0 {
		t.Fatalf("no style below %s (%v)", root, err)
	}
	return parts[1], parts[2], strings.TrimSuffix(filepath.Base(styles[0]), ".sld")
}

// action is what somebody does with a GeoServer, by its arguments.
type serverAction struct {
	usage string
	do    func(g *fixtures.GeoServer, args []string) error
}

var serverActions = map[string]serverAction{
	"publish":           {"WS STORE LAYER STYLE", func(g *fixtures.GeoServer, a []string) error { return g.Publish(a[0], a[1], a[2], a[3]) }},
	"create-workspace":  {"NAME", func(g *fixtures.GeoServer, a []string) error { return g.CreateWorkspace(a[0]) }},
	"create-store":      {"WS NAME", func(g *fixtures.GeoServer, a []string) error { return g.CreateStore(a[0], a[1]) }},
	"edit-style":        {"STYLE #COLOUR", func(g *fixtures.GeoServer, a []string) error { return editStyle(g, a[0], a[1]) }},
	"set-default-style": {"LAYER STYLE", func(g *fixtures.GeoServer, a []string) error { return g.SetDefaultStyle(a[0], a[1]) }},
	"title":             {"LAYER TITLE", func(g *fixtures.GeoServer, a []string) error { return g.SetTitle(a[0], a[1]) }},
	"password":          {"WS STORE", func(g *fixtures.GeoServer, a []string) error { return g.ChangeStorePassword(a[0], a[1]) }},
	"rename-layer":      {"LAYER NAME", func(g *fixtures.GeoServer, a []string) error { return g.RenameLayer(a[0], a[1]) }},
	"rename-style":      {"STYLE NAME", func(g *fixtures.GeoServer, a []string) error { return g.RenameStyle(a[0], a[1]) }},
	"rename-workspace":  {"WS NAME", func(g *fixtures.GeoServer, a []string) error { return g.RenameWorkspace(a[0], a[1]) }},
	"delete-layer":      {"LAYER", func(g *fixtures.GeoServer, a []string) error { return g.DeleteLayer(a[0]) }},
	"delete-style":      {"STYLE", func(g *fixtures.GeoServer, a []string) error { return g.DeleteStyle(a[0]) }},
	"delete-group":      {"GROUP", func(g *fixtures.GeoServer, a []string) error { return g.DeleteGroup(a[0]) }},
	"delete-store":      {"WS STORE", func(g *fixtures.GeoServer, a []string) error { return g.DeleteStore(a[0], a[1]) }},
	"delete-workspace":  {"WS", func(g *fixtures.GeoServer, a []string) error { return g.DeleteWorkspace(a[0]) }},
	"resave":            {"LAYER", func(g *fixtures.GeoServer, a []string) error { return g.ResaveLayer(a[0]) }},
	"reorder-map":       {"FILE", func(g *fixtures.GeoServer, a []string) error { return g.ReorderMap(a[0]) }},
	"line-ends":         {"STYLE", func(g *fixtures.GeoServer, a []string) error { return lineEnds(g, a[0]) }},
	"bump":              {"", func(g *fixtures.GeoServer, _ []string) error { return g.BumpUpdateSequence() }},
}

// geoServer does in a directory what a GeoServer does there, file by file.
func geoServer(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "geoserver DIR ACTION [ARG…]")
	action, ok := serverActions[args[1]]
	if !ok {
		ts.Fatalf("no action %s", args[1])
	}
	needs(ts, args[2:], len(strings.Fields(action.usage)), "geoserver DIR "+args[1]+" "+action.usage)
	dir := ts.MkAbs(args[0])
	did := func() error { return action.do(&fixtures.GeoServer{Writer: fixtures.Writer{Dir: dir}}, args[2:]) }
	for _, m := range clusterOf(ts).members {
		if m.dir == dir {
			m.served = true // what it makes of dates and counters stays on a replica
			ts.Check(m.allowing(did))
			return
		}
	}
	ts.Check(did())
}

// allowing takes what an action does to untracked files, such as a style's .bak, as the script's own doing.
func (m *member) allowing(do func() error) error {
	before, err := untracked(m.dir, m.rules)
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	after, err := untracked(m.dir, m.rules)
	for path := range before {
		if after[path] == "" {
			delete(m.untracked, path)
		}
	}
	for path, sum := range after {
		if before[path] != sum {
			m.untracked[path] = sum
		}
	}
	return err
}

// editStyle gives the first colour of a style's body another value.
func editStyle(g *fixtures.GeoServer, name, to string) error {
	return changeBody(g, name, func(body []byte) []byte {
		place := colour.FindIndex(body)
		if place == nil {
			return append(body, "<!-- "+to+" -->"...)
		}
		return append(append(bytes.Clone(body[:place[0]]), to...), body[place[1]:]...)
	})
}

// lineEnds is a save in the style editor without a change: LF becomes CRLF.
func lineEnds(g *fixtures.GeoServer, name string) error {
	return changeBody(g, name, func(body []byte) []byte {
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
		return bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
	})
}

var bodyName = regexp.MustCompile("<filename>(.*)</filename>")

func changeBody(g *fixtures.GeoServer, style string, change func([]byte) []byte) error {
	entry, err := g.Read("styles/" + style + ".xml")
	if err != nil {
		return err
	}
	file := bodyName.FindSubmatch(entry)
	if file == nil {
		return fmt.Errorf("style %s names no body", style)
	}
	body, err := g.Read("styles/" + string(file[1]))
	if err != nil {
		return err
	}
	return g.EditStyle(style, change(body))
}

// put replaces a file by one rename.
func put(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "put FILE FROM")
	content, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	file := ts.MkAbs(args[0])
	ts.Check(fixtures.Writer{Dir: filepath.Dir(file)}.Put(filepath.Base(file), content))
}

// manyEdits makes as many commits, one after the other.
func manyEdits(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "edits PRIMARY N")
	m := memberOf(ts, args[0])
	w := fixtures.Writer{Dir: m.dir}
	for i := range number(ts, args[1]) {
		ts.Check(w.Put("styles/counter.txt", fmt.Appendf(nil, "%d\n", i)))
		committed(ts, []string{args[0], "counter"})
	}
}

// same compares two directories, the repositories aside, as diff -r does.
func same(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "same DIR DIR")
	out, err := exec.Command("diff", "-r", "--exclude=.git", ts.MkAbs(args[0]), ts.MkAbs(args[1])).CombinedOutput()
	if err != nil {
		ts.Fatalf("%v\n%s", err, out)
	}
}

// standIn is a GeoServer beside a directory, as far as gsgit asks one.
func standIn(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "standin start|up|down|answer|calls|some|body NAME [ARG…]")
	name := args[1]
	all := clusterOf(ts).standIns
	if args[0] == "start" {
		needs(ts, args, 3, "standin start NAME DIR")
		s, err := fixtures.StartStandIn(ts.MkAbs(args[2]), "admin", "secret")
		ts.Check(err)
		all[name] = s
		ts.Setenv(name+"_URL", s.URL())
		return
	}
	s, ok := all[name]
	if !ok {
		ts.Fatalf("no stand-in %s", name)
	}
	switch args[0] {
	case "up":
		ts.Check(s.Up())
	case "down":
		ts.Check(s.Down())
	case "answer":
		s.Answer(number(ts, args[2]))
	case "calls":
		n := number(ts, args[3])
		called(ts, s, args[2], func(got int) bool { return got == n })
	case "some":
		n := number(ts, args[3])
		called(ts, s, args[2], func(got int) bool { return got >= n })
	case "body":
		if want := ts.ReadFile(args[2]); string(s.LastBody()) != want {
			ts.Fatalf("the last body is not %s:\n%s", args[2], s.LastBody())
		}
	default:
		ts.Fatalf("no standin %s", args[0])
	}
}

func number(ts *testscript.TestScript, word string) int {
	n, err := strconv.Atoi(word)
	ts.Check(err)
	return n
}

// called waits until a stand-in was called often enough.
func called(ts *testscript.TestScript, s *fixtures.StandIn, call string, enough func(int) bool) {
	ts.Check(eventually(patience, func() error {
		if got := s.Calls(call); !enough(got) {
			return fmt.Errorf("%s was called %d times", call, got)
		}
		return nil
	}))
}

// mountable tells whether this user may mount: tried once.
var mountable = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "gsgit-mount-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if bindReadOnly(dir) != nil {
		return false
	}
	return exec.Command("umount", dir).Run() == nil
})

func bindReadOnly(dir string) error {
	if err := exec.Command("mount", "--bind", dir, dir).Run(); err != nil {
		return err
	}
	return exec.Command("mount", "-o", "remount,ro,bind", dir).Run()
}

// readOnly makes a directory read-only: by a mount as root, whom modes do not keep out, else by modes.
func readOnly(ts *testscript.TestScript, args []string) {
	needs(ts, args, 1, "readonly DIR")
	dir := ts.MkAbs(args[0])
	if os.Getuid() == 0 {
		ts.Check(bindReadOnly(dir))
		clusterOf(ts).mounts[dir] = true
		return
	}
	ts.Check(chmodAll(dir, func(m fs.FileMode) fs.FileMode { return m &^ 0o222 }))
}

// writable takes it back.
func writable(ts *testscript.TestScript, args []string) {
	needs(ts, args, 1, "writable DIR")
	dir := ts.MkAbs(args[0])
	if os.Getuid() == 0 {
		ts.Check(exec.Command("umount", dir).Run())
		delete(clusterOf(ts).mounts, dir)
		return
	}
	ts.Check(chmodAll(dir, func(m fs.FileMode) fs.FileMode { return m | 0o200 }))
}

func chmodAll(dir string, change func(fs.FileMode) fs.FileMode) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		return os.Chmod(path, change(info.Mode().Perm()))
	})
}

// reachable tells whether one who is not root could come as far as the directories of the scripts.
func reachable() bool {
	for dir := os.TempDir(); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
	}
	return true
}

// nobody is the program without root's right to read everything.
func nobody() {
	if os.Getuid() == 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(99)
		}
	}
	main()
}
