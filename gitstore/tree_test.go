package gitstore

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWriteRefusesPathsThatReachOut(t *testing.T) {
	s, ctx := newTestStore(t, Options{}), context.Background()
	for _, path := range []string{"", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", ".git/config", "a/.GIT/x", "GIT~1/x", ".git./x", ".git /x", ".g\u200cit/x", ".git::$INDEX_ALLOCATION/x", "a\x00b"} {
		if _, err := s.Write(ctx, Draft{Edits: edits(path, "x"), Message: "m"}); err == nil {
			t.Errorf("Write took %q", path)
		}
		read := func(string) ([]byte, error) { return nil, nil }
		if _, err := s.Import(ctx, Draft{Message: "m"}, []string{path}, read); err == nil {
			t.Errorf("Import took %q", path)
		}
		if _, err := parseTree(directory{{name: path, mode: modeFile}}.encode()); err == nil && !strings.Contains(path, "/") && path != "a\x00b" {
			t.Errorf("a tree with %q was read", path)
		}
	}
	for _, bad := range [][]Edit{edits("a", "1", "a", "2"), edits("a", "1", "a/b", "2")} {
		if _, err := s.Write(ctx, Draft{Edits: bad, Message: "m"}); err == nil {
			t.Errorf("Write took %v", bad)
		}
	}
	if _, err := s.Import(ctx, Draft{Message: "m"}, []string{"a", "a-b", "a/b"}, func(string) ([]byte, error) { return nil, nil }); err == nil {
		t.Error("Import took a file and a file below it")
	}
}

func TestParseTreeRefusesDisorder(t *testing.T) {
	f := func(name string, mode uint32) treeEntry { return treeEntry{name, BlobHash([]byte(name)), mode} }
	for name, tree := range map[string]directory{
		"swapped":             {f("b", modeFile), f("a", modeFile)},
		"twice":               {f("a", modeFile), f("a", modeFile)},
		"directory too early": {f("a", modeDirectory), f("a-b", modeFile)},
	} {
		if _, err := parseTree(tree.encode()); err == nil {
			t.Error(name)
		}
	}
	good := directory{f("a-b", modeFile), f("a", modeDirectory), f("a0", modeFile)}
	if d, err := parseTree(good.encode()); err != nil || len(d) != 3 {
		t.Error(err)
	}
}

// names collide on purpose: "a", "a-b" and "a/…" sort differently as files and as directories.
var names = rapid.SampledFrom([]string{"a", "a-b", "a.b", "a0", "b", "é"})

func pathGen(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(names, 1, 3).Draw(t, "path"), "/")
}

// model is what the tree should be.
type model map[string]string

func (m model) apply(all []Edit) {
	for _, e := range all {
		if e.Content == nil {
			delete(m, e.Path)
			continue
		}
		for p := range m {
			if strings.HasPrefix(p, e.Path+"/") || strings.HasPrefix(e.Path, p+"/") {
				delete(m, p)
			}
		}
		m[e.Path] = string(e.Content)
	}
}

// drawEdits avoids what Write refuses: paths twice, and files below files.
func drawEdits(t *rapid.T) (out []Edit) {
	for range rapid.IntRange(0, 8).Draw(t, "edits") {
		e := Edit{Path: pathGen(t)}
		if rapid.Bool().Draw(t, "write") {
			e.Content = []byte(rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "content"))
		}
		clash := slices.ContainsFunc(out, func(o Edit) bool {
			below := strings.HasPrefix(e.Path, o.Path+"/") || strings.HasPrefix(o.Path, e.Path+"/")
			return o.Path == e.Path || below && o.Content != nil && e.Content != nil
		})
		if !clash {
			out = append(out, e)
		}
	}
	// Removals first: an order that Write does not depend on, but the model does.
	slices.SortStableFunc(out, func(a, b Edit) int { return boolInt(a.Content != nil) - boolInt(b.Content != nil) })
	return out
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (m model) check(t *rapid.T, s *Store, id Hash) {
	got := model{}
	last := ""
	for e, err := range s.Files(id, "") {
		if err != nil {
			t.Fatal(err)
		}
		if e.Path <= last {
			t.Fatalf("%q comes after %q", e.Path, last)
		}
		last = e.Path
		content, err := s.Blob(e.Blob)
		if err != nil {
			t.Fatal(err)
		}
		got[e.Path] = string(content)
	}
	if !maps.Equal(got, m) {
		t.Fatalf("tree is %v, want %v", got, m)
	}
}

func TestRandomEditsGiveTheTreeOfTheModelAndOfImport(t *testing.T) {
	s := must(Create(filepath.Join(t.TempDir(), ".git"), Options{}))(t)
	s.disk.lazy = true
	defer s.Close()
	ctx := context.Background()
	// Without any ref, a history that begins anew would be refused.
	other := must(s.Write(ctx, Draft{Author: who(1), Committer: who(1), Message: "other"}))(t)
	if err := s.SetRef(ctx, "refs/tags/other", Hash{}, other); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		head, want := Hash{}, model{}
		for range rapid.IntRange(1, 5).Draw(t, "commits") {
			all := drawEdits(t)
			before, old := head, maps.Clone(want)
			want.apply(all)
			var err error
			if head, err = s.Write(ctx, Draft{Parent: before, Edits: all, Author: who(1), Committer: who(1), Message: "m"}); err != nil {
				t.Fatal(err)
			}
			want.check(t, s, head)
			checkDiff(t, s, before, head, old, want)
		}
		paths := slices.Collect(maps.Keys(want))
		imported, err := s.Import(ctx, Draft{Parent: head, Message: "m"}, paths, func(p string) ([]byte, error) { return []byte(want[p]), nil })
		if err != nil {
			t.Fatal(err)
		}
		if a, b := tree(t, s, head), tree(t, s, imported); a != b {
			t.Fatalf("edits give the tree %s, import %s", a, b)
		}
	})
}

func tree(t *rapid.T, s *Store, id Hash) Hash {
	tree, err := s.rootTree(id)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func checkDiff(t *rapid.T, s *Store, a, b Hash, old, new model) {
	diff, err := s.Diff(context.Background(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, d := range diff {
		got = append(got, fmt.Sprint(d.Path, " ", !d.Old.IsZero(), !d.New.IsZero(), d.OldMode != 0, d.NewMode != 0))
	}
	all := maps.Clone(old)
	maps.Copy(all, new)
	for _, p := range slices.Sorted(maps.Keys(all)) {
		before, was := old[p]
		after, is := new[p]
		if was != is || before != after {
			want = append(want, fmt.Sprint(p, " ", was, is, was, is))
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("diff %v, want %v", got, want)
	}
}

func TestModesOfOthersAreKeptAndShown(t *testing.T) {
	s := newTestStore(t, Options{})
	blob := gitInput(t, s.GitDir(), "x", "hash-object", "-w", "--stdin")
	tree := gitInput(t, s.GitDir(), "100755 blob "+blob+"\trun\n120000 blob "+blob+"\tlink\n", "mktree")
	head := git(t, s.GitDir(), "commit-tree", tree, "-m", "by hand")
	git(t, s.GitDir(), "update-ref", "refs/heads/main", head)
	id := commit(t, s, "run", "new", "other", "o")
	diff := must(s.Diff(context.Background(), Hash{}, id))(t)
	var got []string
	for _, d := range diff {
		got = append(got, fmt.Sprintf("%s %o", d.Path, d.NewMode))
	}
	if want := []string{"link 120000", "other 100644", "run 100755"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func FuzzParseTree(f *testing.F) {
	f.Add(directory{{"a", BlobHash(nil), modeFile}, {"b", BlobHash(nil), modeDirectory}}.encode())
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := parseTree(content)
		if err != nil {
			return
		}
		for _, e := range d {
			if found, ok := d.find(e.name); !ok || found.name != e.name {
				t.Errorf("%q is not found", e.name)
			}
			if checkEntryName(e.name) != nil {
				t.Errorf("%q passed", e.name)
			}
		}
	})
}
