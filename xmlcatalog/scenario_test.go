package xmlcatalog_test

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// demo is the directory that GeoServer comes with, in memory.
func demo(t *testing.T) map[string][]byte {
	return readTree(t, filepath.Join(realData(t, "geoserver-release-3.0"), "data_dir"), xmlcatalog.Rules{})
}

// hand edits a directory in memory, as the scenarios do on disk.
type hand struct {
	t    *testing.T
	tree map[string][]byte
}

func edit(t *testing.T, tree map[string][]byte) hand { return hand{t, maps.Clone(tree)} }

func (h hand) replace(path, old, new string) {
	h.t.Helper()
	if !bytes.Contains(h.tree[path], []byte(old)) {
		h.t.Fatalf("%s does not hold %q", path, old)
	}
	h.tree[path] = bytes.ReplaceAll(h.tree[path], []byte(old), []byte(new))
}

func (h hand) put(path, content string) { h.tree[path] = []byte(content) }

func (h hand) remove(prefix string) {
	h.t.Helper()
	before := len(h.tree)
	maps.DeleteFunc(h.tree, func(path string, _ []byte) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") })
	if len(h.tree) == before {
		h.t.Fatalf("nothing to remove at %s", prefix)
	}
}

func (h hand) move(from, to string) {
	h.t.Helper()
	moved := make(map[string][]byte)
	for path, data := range h.tree {
		if path == from || strings.HasPrefix(path, from+"/") {
			moved[to+strings.TrimPrefix(path, from)] = data
			delete(h.tree, path)
		}
	}
	if len(moved) == 0 {
		h.t.Fatalf("nothing to move at %s", from)
	}
	maps.Copy(h.tree, moved)
}

// bump is what nearly every action of GeoServer does besides.
func (h hand) bump() {
	h.replace("global.xml", "<updateSequence>294</updateSequence>", "<updateSequence>295</updateSequence>")
}

const (
	states      = "workspaces/topp/states_shapefile/states"
	population  = "StyleInfoImpl--570ae188:124761b8d78:-7fe5"
	statesID    = "LayerInfoImpl--570ae188:124761b8d78:-7fc0"
	toppID      = "WorkspaceInfoImpl--570ae188:124761b8d78:-7ffd"
	toppSpaceID = "NamespaceInfoImpl--570ae188:124761b8d78:-7ffe"
)

func publish(h hand, ws, space, store, storeID, style string, n int) {
	name := fmt.Sprintf("roads%d", n)
	if n == 0 {
		name = "roads"
	}
	dir := "workspaces/" + ws + "/" + store + "/" + name
	h.put(dir+"/featuretype.xml", fmt.Sprintf(`<featureType>
  <id>FeatureTypeInfoImpl--1a:2b:%x</id>
  <name>%s</name>
  <namespace>
    <id>%s</id>
  </namespace>
  <store class="dataStore">
    <id>%s</id>
  </store>
</featureType>`, n, name, space, storeID))
	h.put(dir+"/layer.xml", fmt.Sprintf(`<layer>
  <name>%s</name>
  <id>LayerInfoImpl--1a:2b:%x</id>
  <defaultStyle>
    <id>%s</id>
  </defaultStyle>
  <resource class="featureType">
    <id>FeatureTypeInfoImpl--1a:2b:%x</id>
  </resource>
</layer>`, name, n, style, n))
	h.put(fmt.Sprintf("gwc-layers/LayerInfoImpl--1a_2b_%x.xml", n), fmt.Sprintf(`<GeoServerTileLayer>
  <id>LayerInfoImpl--1a:2b:%x</id>
  <enabled>true</enabled>
  <name>%s:%s</name>
</GeoServerTileLayer>`, n, ws, name))
}

const (
	shapeStore = "DataStoreInfoImpl--570ae188:124761b8d78:-7fd9"
)

// Each scenario is what an administrator does, as it looks on disk, and what
// git log shall say of it.
func TestScenarios(t *testing.T) {
	base := demo(t)
	line := idOf(t, base["styles/line.xml"])
	dated := func(h hand, path string) {
		h.replace(path, "</layer>", "  <dateModified>2026-01-02 03:04:05.6 UTC</dateModified>\n</layer>")
	}
	for _, s := range []struct {
		name, want string
		do         func(hand)
	}{
		{"A1 publish", "publish layer topp:roads (store states_shapefile, style line)", func(h hand) {
			publish(h, "topp", toppSpaceID, "states_shapefile", shapeStore, line, 0)
			h.bump()
		}},
		{"A3 default style", "modify layer topp:states: defaultStyle population -> line", func(h hand) {
			h.replace(states+"/layer.xml", "<defaultStyle>\n    <id>"+population, "<defaultStyle>\n    <id>"+line)
			dated(h, states+"/layer.xml")
			h.bump()
		}},
		{"A7 group order", "reorder group tasmania: members", func(h hand) {
			h.replace("layergroups/tasmania.xml", "-7fba", "-SWAP")
			h.replace("layergroups/tasmania.xml", "-7fb8", "-7fba")
			h.replace("layergroups/tasmania.xml", "-SWAP", "-7fb8")
		}},
		{"A8 style body", "edit style population: sld", func(h hand) {
			h.replace("styles/popshade.sld", "</StyledLayerDescriptor>", "<!-- x -->\n</StyledLayerDescriptor>")
			h.replace("styles/population.xml", "</style>", "  <dateModified>2026-01-02 03:04:05.6 UTC</dateModified>\n</style>")
			h.bump()
		}},
		{"A9 delete style", "delete style population; modify layer topp:states: defaultStyle", func(h hand) {
			h.replace(states+"/layer.xml", population, line)
			h.remove("styles/population.xml")
			h.remove("styles/popshade.sld")
			h.bump()
		}},
		{"A10 rename style", "rename style population -> people", func(h hand) {
			h.move("styles/population.xml", "styles/people.xml")
			h.move("styles/popshade.sld", "styles/people.sld")
			h.replace("styles/people.xml", "<name>population", "<name>people")
			h.replace("styles/people.xml", "popshade.sld", "people.sld")
		}},
		{"A11 move style", "move style population -> topp:population", func(h hand) {
			h.move("styles/population.xml", "workspaces/topp/styles/population.xml")
			h.move("styles/popshade.sld", "workspaces/topp/styles/popshade.sld")
			h.replace("workspaces/topp/styles/population.xml", "<name>", "<workspace>\n    <id>"+toppID+"</id>\n  </workspace>\n  <name>")
		}},
		{"A12 rename layer", "rename layer topp:states -> topp:states_v2", func(h hand) {
			h.move(states, states+"_v2")
			h.replace(states+"_v2/featuretype.xml", "<name>states</name>", "<name>states_v2</name>")
			h.replace(states+"_v2/layer.xml", "<name>states</name>", "<name>states_v2</name>")
			h.bump()
		}},
		{"REST rename of a layer leaves a stale name", "rename layer topp:states -> topp:states_v2", func(h hand) {
			h.move(states, states+"_v2")
			h.replace(states+"_v2/featuretype.xml", "<name>states</name>", "<name>states_v2</name>")
		}},
		{"A13 rename store", "rename store topp:states_shapefile -> topp:states_shp (1 layer)", func(h hand) {
			h.move("workspaces/topp/states_shapefile", "workspaces/topp/states_shp")
			h.replace("workspaces/topp/states_shp/datastore.xml", "<name>states_shapefile", "<name>states_shp")
			h.bump()
		}},
		{"A15 replace", "replace layer topp:states (new id)", func(h hand) {
			h.replace(states+"/layer.xml", "-7fc", "-1fc")
			h.replace(states+"/featuretype.xml", "-7fc", "-1fc")
		}},
		{"A16 rename workspace", "rename workspace topp -> usa (2 stores, 5 layers)", func(h hand) {
			h.move("workspaces/topp", "workspaces/usa")
			h.replace("workspaces/usa/workspace.xml", "<name>topp", "<name>usa")
			h.replace("workspaces/usa/namespace.xml", "<prefix>topp", "<prefix>usa")
			h.replace("workspaces/usa/states_shapefile/datastore.xml", "openplans.org/topp", "openplans.org/usa")
			h.bump()
		}},
		{"A17 delete workspace", "delete workspace ne (1 store, 5 layers, 6 styles, 1 group)", func(h hand) {
			h.remove("workspaces/ne")
			h.bump()
		}},
		{"A19 password", "modify store topp:states_shapefile: password rewritten", func(h hand) {
			store := "workspaces/topp/states_shapefile/datastore.xml"
			h.replace(store, "</connectionParameters>", "<entry key=\"passwd\">crypt1:new</entry></connectionParameters>")
		}},
		{"A20 rule", "modify security rules: topp.*.w = ADMIN", func(h hand) {
			h.put("security/layers.properties", "#Tue Nov 21 10:00:00 CET 2023\n"+string(h.tree["security/layers.properties"])+"\ntopp.*.w=ADMIN\n")
		}},
		{"A22 many layers", "publish 212 layers in topp", func(h hand) {
			for n := range 212 {
				publish(h, "topp", toppSpaceID, "states_shapefile", shapeStore, line, n+1)
			}
		}},
		{"A23 defaults", "create service wps; create style made", func(h hand) {
			h.put("wps.xml", "<wps><id>wps</id></wps>")
			h.put("styles/made.xml", "<style><id>StyleInfoImpl-1:2:3</id><name>made</name><filename>made.sld</filename></style>")
			h.put("styles/made.sld", "<StyledLayerDescriptor/>")
		}},
		{"A26 template", "add template topp:states/header.ftl", func(h hand) { h.put(states+"/header.ftl", "hello") }},
		{"A26 icon", "add file styles/icons/x.svg", func(h hand) { h.put("styles/icons/x.svg", "<svg/>") }},
		{"A26 plug-in XML", "add file " + "workspaces/topp/x/y/filters.xml", func(h hand) { h.put("workspaces/topp/x/y/filters.xml", "<filters") }},
		{"default workspace", "modify global settings: defaultWorkspace ne -> topp", func(h hand) {
			h.put("workspaces/default.xml", string(h.tree["workspaces/topp/workspace.xml"]))
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			h := edit(t, base)
			if strings.HasPrefix(s.name, "A19") {
				base = maps.Clone(base)
				store := "workspaces/topp/states_shapefile/datastore.xml"
				base[store] = bytes.ReplaceAll(base[store], []byte("</connectionParameters>"), []byte("<entry key=\"passwd\">crypt1:old</entry></connectionParameters>"))
			}
			s.do(h)
			message := describe(base, h.tree)
			if message.Subject != s.want {
				t.Errorf("subject is %q\n      want %q\n%s", message.Subject, s.want, message.Body)
			}
			if len(message.Touched) == 0 {
				t.Error("the message names no object")
			}
		})
	}
}

func idOf(t *testing.T, data []byte) string {
	_, rest, ok := bytes.Cut(data, []byte("<id>"))
	id, _, _ := bytes.Cut(rest, []byte("<"))
	if !ok {
		t.Fatal("no id")
	}
	return string(id)
}
