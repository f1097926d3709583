package gsgit_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// B13, G9: tile settings that this replica's own GeoServer made of a layer or a group go with it, kept: left without
// it they would take WMTS down. Those of what stays are left alone.
func TestB13OwnTilesGoWithTheirLayer(t *testing.T) {
	o := newOrigin(t)
	var ids []string
	for _, file := range []string{"workspaces/city/cadastre/parks/layer.xml", "workspaces/city/cadastre/streets/layer.xml", "layergroups/merrowby.xml"} {
		content := blob(t, o.store, o.head(), file)
		_, rest, _ := strings.Cut(content, "<id>")
		id, _, _ := strings.Cut(rest, "</id>")
		ids = append(ids, id)
	}
	tiles := func(n int) string { return "gwc-layers/" + strings.ReplaceAll(ids[n], ":", "_") + ".xml" }
	for n := range ids {
		if err := os.Remove(o.g.File(tiles(n))); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	o.commit()
	s, g := newSite(t, o.gitDir()), &running{}
	s.syncs()
	s.picksUp(g)
	for n, id := range ids {
		s.write(tiles(n), "<GeoServerTileLayer><id>"+id+"</id><enabled>true</enabled><name>x</name></GeoServerTileLayer>")
	}
	s.syncs()
	if len(s.kept()) != 0 || !s.has(tiles(0)) {
		t.Fatalf("GeoServer's own tile settings are taken for drift: %s", s.log)
	}
	g.calls = nil
	head := o.then(errors.Join(o.g.DeleteLayer("city:parks"), o.g.DeleteGroup("merrowby")))
	s.syncs()
	if s.has(tiles(0)) || s.has(tiles(2)) || !s.has(tiles(1)) || s.disk() != head || len(s.f.Drifting()) != 0 {
		t.Errorf("there: %v %v %v, drift %v", s.has(tiles(0)), s.has(tiles(2)), s.has(tiles(1)), s.f.Drifting())
	}
	if len(s.kept()) != 1 {
		t.Errorf("kept %v", s.kept())
	}
	s.picksUp(g)
	if !slices.Equal(g.calls, []string{"reload"}) && !slices.Equal(g.calls, []string{"settings", "reload"}) {
		t.Errorf("got %v", g.calls)
	}
}
