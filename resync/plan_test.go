package resync_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/resync"
)

func TestHashBlobIsGits(t *testing.T) {
	for content, want := range map[string]string{
		"":        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
		"hello\n": "ce013625030ba8dba906f756967f9e9ca394464a",
	} {
		if got := resync.HashBlob([]byte(content)).String(); got != want {
			t.Errorf("HashBlob(%q) = %s, git says %s", content, got, want)
		}
	}
}

func TestCompareRefusesUnsafePaths(t *testing.T) {
	bad := []string{
		"", "/etc/passwd", "..", "../x", "styles/../../x", "styles/..", "./x", "styles/./x", "styles//x", "styles/",
		".git/config", ".GIT/config", "a/.Git/hooks/post-commit", ".git", "a/.git",
		".g\u200cit/config", "\ufeff.git/config", ".gi\u202et/config", ".git /config", ".git./config", ".git.../x",
		"GIT~1/config", ".git::$INDEX_ALLOCATION/config", ".git:x/config",
		`styles\x.sld`, `..\x`, "styles/a\nb.sld", "styles/\x00", "styles/\x7f", "styles/\u0085",
		strings.Repeat("a", 256), "a/" + strings.Repeat("ä", 128) + "/b",
		"styles/.gsgit-0011-f0.tmp",
	}
	for _, path := range bad {
		for _, f := range []resync.File{create(path, "x"), {Path: path, Old: blob("x")}} {
			_, err := resync.Compare("c", []resync.File{f})
			if !permanent(err) {
				t.Errorf("Compare took %q (%v)", path, err)
			}
		}
	}
	for _, good := range []string{"a", ".gitignore", "git", "a/.gitkeep", "..a", "a..b/c", "styles/ä.sld", "x.git/y", strings.Repeat("a", 255)} {
		if _, err := resync.Compare("c", []resync.File{create(good, "x")}); err != nil {
			t.Errorf("Compare refused %q: %v", good, err)
		}
	}
}

func TestCompareNamesEveryBadPath(t *testing.T) {
	_, err := resync.Compare("c", []resync.File{create("../a", "1"), create("ok", "2"), create("/b", "3"), create("x/.git/c", "4")})
	if err == nil {
		t.Fatal("Compare took them")
	}
	for _, want := range []string{`"../a"`, `"/b"`, `"x/.git/c"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if strings.Contains(err.Error(), `"ok"`) {
		t.Errorf("%v blames a good path", err)
	}
}

func TestCompareRefusesModesAndClashes(t *testing.T) {
	for name, files := range map[string][]resync.File{
		"symlink":            {{Path: "a", New: blob("b"), Mode: 0o120000}},
		"submodule":          {{Path: "a", New: blob("b"), Mode: 0o160000}},
		"no mode":            {{Path: "a", New: blob("b")}},
		"twice":              {create("a", "1"), create("a", "2")},
		"file and directory": {create("a/b/c", "1"), create("a", "2")},
		"replaced as parent": {create("a/b", "1"), replace("a", "1", "2")},
		"removed and made":   {{Path: "a", Old: blob("1")}, create("a", "2")},
	} {
		if _, err := resync.Compare("c", files); !permanent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	executable := resync.File{Path: "a", New: blob("b"), Mode: resync.ModeExecutable}
	if _, err := resync.Compare("c", []resync.File{executable}); err != nil {
		t.Error(err)
	}
}

func TestCompareOrders(t *testing.T) {
	plan, err := resync.Compare("c1", []resync.File{
		create("workspaces/a/s/l/layer.xml", "1"), create("workspaces/a/workspace.xml", "2"), create("x/y", "3"), create("p", "4"),
		replace("global.xml", "1", "2"), replace("same.xml", "1", "1"),
		{Path: "styles/old.xml", Old: blob("1")}, {Path: "workspaces/b/s/store.xml", Old: blob("1")},
		{Path: "x", Old: blob("1")}, {Path: "p/q/r", Old: blob("1")}, {Path: "p/q", Old: blob("1")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"- p/q/r", "- p/q", "- x", // they stand in the way of p and of x/y
		"+ p", "+ x/y", "+ workspaces/a/workspace.xml", "+ workspaces/a/s/l/layer.xml",
		"~ global.xml",
		"- workspaces/b/s/store.xml", "- styles/old.xml", "",
	}, "\n")
	if got := plan.String(); got != want {
		t.Errorf("plan:\n%s\nwant:\n%s", got, want)
	}
	if plan.Len() != 10 || plan.Empty() || !(resync.Plan{}).Empty() {
		t.Errorf("Len %d", plan.Len())
	}
}

func TestPlanTravelsAsJSON(t *testing.T) {
	plan, err := resync.Compare("c1", []resync.File{create("latin-\xe9.sld", "1"), create("ä/b", "2"), replace("c", "1", "2"), {Path: "d", Old: blob("3")}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var back resync.Plan
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(plan, back) {
		t.Errorf("%+v came back as %+v", plan, back)
	}
}

// FuzzCompare: whatever a foreign tree names, what is taken stays in the directory and
// out of every repository.
func FuzzCompare(f *testing.F) {
	for _, seed := range []string{"a/b", "../x", ".git/x", "a\\b", "//", "a/./b", ".GI\u200dT/x", "git~1"} {
		f.Add(seed, "other")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		plan, err := resync.Compare("c", []resync.File{create(one, "1"), create(two, "2")})
		if err != nil {
			return
		}
		for _, file := range plan.Files() {
			if !filepath.IsLocal(file.Path) || filepath.Clean(file.Path) != file.Path {
				t.Errorf("took %q", file.Path)
			}
			for name := range strings.SplitSeq(strings.ToLower(file.Path), "/") {
				if name == ".git" {
					t.Errorf("took %q", file.Path)
				}
			}
		}
	})
}

func permanent(err error) bool {
	var refused *resync.Error
	return errors.As(err, &refused) && refused.Permanent()
}

func blob(content string) resync.Blob { return resync.HashBlob([]byte(content)) }

func create(path, content string) resync.File {
	return resync.File{Path: path, New: blob(content), Mode: resync.ModeRegular}
}

func replace(path, old, content string) resync.File {
	return resync.File{Path: path, Old: blob(old), New: blob(content), Mode: resync.ModeRegular}
}
