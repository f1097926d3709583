package gitstore

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawDirectory makes a tree of few names, files and directories of one name among them, so that two have much in common.
func drawDirectory(t *rapid.T, label string) directory {
	var d directory
	for _, name := range []string{"a", "a-b", "a.b", "a0", "ab", "b"} {
		modes := rapid.SampledFrom([][]uint32{nil, {modeFile}, {modeDirectory}, {0o100755}, {modeSubmodule}, {modeFile, modeDirectory}}).Draw(t, label+" "+name)
		for _, mode := range modes {
			d = append(d, treeEntry{name, BlobHash([]byte{byte(rapid.IntRange(0, 1).Draw(t, "content"))}), mode})
		}
	}
	slices.SortFunc(d, compareEntries)
	return d
}

func TestStoredTreesDifferAsDirectoriesDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, new := drawDirectory(t, "old"), drawDirectory(t, "new")
		var want, got []string
		for _, e := range new {
			i := slices.IndexFunc(old, func(o treeEntry) bool { return compareEntries(o, e) == 0 })
			switch {
			case i < 0:
				want = append(want, fmt.Sprint("", Hash{}, e.name, e.id, e.mode))
			case old[i] != e:
				want = append(want, fmt.Sprint(old[i].name, old[i].id, e.name, e.id, e.mode))
			}
		}
		err := differing(rawTree(old.encode()), rawTree(new.encode()), func(was, e rawEntry) error {
			got = append(got, fmt.Sprint(string(was.name), was.id, string(e.name), e.id, e.mode))
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v\nold  %v\nnew  %v\ngot  %v\nwant %v", err, old, new, got, want)
		}
	})
}

func TestATornTreeIsNoTree(t *testing.T) {
	whole := directory{{"a", BlobHash(nil), modeFile}, {"b", BlobHash(nil), modeDirectory}}.encode()
	nothing := func(rawEntry, rawEntry) error { return nil }
	for name, tree := range map[string]string{
		"cut":                string(whole[:len(whole)-1]),
		"cut in the mode":    string(whole) + "100",
		"no name":            "100644\x00" + string(whole[len(whole)-20:]),
		"no mode at all":     "a b\x00" + string(whole[len(whole)-20:]),
		"a mode without end": "1006441006441006441006441006441006441006441006441 a\x00" + string(whole[len(whole)-20:]),
	} {
		if err := differing(nil, rawTree(tree), nothing); err == nil {
			t.Errorf("%s: taken as new", name)
		}
	}
}
