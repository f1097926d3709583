package xmlcatalog_test

import (
	"reflect"
	"testing"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// TestManyEditsAtOnce holds a large comparison, read on all processors, to what
// each of its edits says alone.
func TestManyEditsAtOnce(t *testing.T) {
	before := catalogOf(manyLayers(60))
	var edits []xmlcatalog.Edit
	for i := range 60 {
		style := "other"
		if i%3 == 0 {
			style = "style" // a date alone
		}
		edits = append(edits, xmlcatalog.Edit{Path: layerPath(i) + "/layer.xml", Old: []byte(layerXML(i, "style")),
			New: []byte(layerXML(i, style)[:len(layerXML(i, style))-len("</layer>")] + "<dateModified>2026</dateModified></layer>")})
	}
	var alone []xmlcatalog.Change
	for _, e := range edits {
		one := []xmlcatalog.Edit{e}
		alone = append(alone, xmlcatalog.Compare(before, before.With(one), one)...)
	}
	together := xmlcatalog.Compare(before, before.With(edits), edits)
	if len(together) != 40 {
		t.Errorf("%d changes", len(together))
	}
	found := map[xmlcatalog.Object]xmlcatalog.Change{}
	for _, c := range together {
		found[c.Object] = c
	}
	for _, want := range alone {
		if got := found[want.Object]; !reflect.DeepEqual(got.Fields, want.Fields) || got.Op != want.Op {
			t.Errorf("%s: %v, alone %v", want.Object, got, want)
		}
	}
}
