package resync_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// realTree reads a real data directory of the test data, without its links.
func realTree(t testing.TB, name string) tree {
	t.Helper()
	data := os.Getenv("GSGIT_TEST_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "shared", "data")
	}
	root := filepath.Join(data, name)
	if _, err := os.Stat(root); err != nil {
		t.Skipf("no test data: %v (GSGIT_TEST_DATA says where)", err)
	}
	tr := make(tree)
	err := filepath.WalkDir(root, func(place string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(root, place)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(place)
		tr[filepath.ToSlash(rel)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestRealDataDirectories bootstraps a replica from each, changes a part of it, and
// takes everything away again.
func TestRealDataDirectories(t *testing.T) {
	for _, name := range []string{"geoserver-release-3.0", "imas-2.28", "osm-styles-2.2x"} {
		t.Run(name, func(t *testing.T) {
			real := realTree(t, name)
			r := newReplica(t, nil)
			if err := r.apply(tree{}.plan(t, real), real.source()); err != nil {
				t.Fatal(err)
			}
			r.holds(real)
			changed := maps.Clone(real)
			for i, path := range slices.Sorted(maps.Keys(real)) {
				switch {
				case i%50 == 0:
					delete(changed, path)
				case i%20 == 0:
					changed[path] += "\n"
				case i%70 == 1:
					changed["workspaces/brand-new/"+path] = real[path]
				}
			}
			if err := r.apply(real.plan(t, changed), changed.source()); err != nil {
				t.Fatal(err)
			}
			r.holds(changed)
			drifts, err := r.open().Drifts(t.Context(), changed.files())
			if err != nil || len(drifts) > 0 {
				t.Fatalf("drifts %d, %v", len(drifts), err)
			}
			if err := r.apply(changed.plan(t, tree{}), nil); err != nil {
				t.Fatal(err)
			}
			r.holds(tree{})
		})
	}
}

// TestHandEditsByTheThousand: 1,000 files changed on the replica are found, kept by the
// caller, and healed by one plan.
func TestHandEditsByTheThousand(t *testing.T) {
	want := make(tree)
	for i := range 1200 {
		want["workspaces/w/s/"+strings.Repeat("l", i/100+1)+"/"+strings.Repeat("x", i%100+1)] = "content"
	}
	r := newReplica(t, want)
	paths := slices.Sorted(maps.Keys(want))
	for _, path := range paths[:1000] {
		r.write(path, "by hand")
	}
	d := r.open()
	drifts, err := d.Drifts(t.Context(), want.files())
	if err != nil || len(drifts) != 1000 {
		t.Fatalf("%d drifts, %v", len(drifts), err)
	}
	found := maps.Clone(want)
	for _, drift := range drifts {
		found[drift.Path] = string(drift.Have)
	}
	if err := r.apply(found.plan(t, want), want.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(want)
	if len(r.displaced) > 0 {
		t.Errorf("%d displaced: the plan's old bytes are known", len(r.displaced))
	}
}
