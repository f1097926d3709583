package gsgit_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// A dry run tells all that a Sync would write, drift that it would heal included, and writes nothing.
func TestDryRun(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	s.edit(depth, "<", "<!-- own --><")
	s.remove("styles/quay.sld")
	o.then(o.g.SetTitle("harbour:buoys", "One"))
	before := tree(t, s.dir)
	plan, err := s.f.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after := tree(t, s.dir); after != before {
		t.Error("a dry run wrote something")
	}
	for _, line := range []string{"~ " + depth, "+ styles/quay.sld", "~ " + buoys} {
		if !strings.Contains(plan.String(), line+"\n") {
			t.Errorf("%q is not in\n%s", line, plan)
		}
	}
	s.syncs()
	if plan, err := s.f.Plan(t.Context()); err != nil || !plan.Empty() {
		t.Errorf("in step, and it would write\n%s%v", plan, err)
	}
}

// tree lists the files of a directory, its repository aside, with sizes and times.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if p == ".git" {
				return fs.SkipDir
			}
			return err
		}
		info, err := e.Info()
		fmt.Fprintf(&all, "%s %d %s\n", p, info.Size(), info.ModTime())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
