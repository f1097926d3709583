package xmlcatalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// sound is a small directory without damage.
func sound() map[string][]byte {
	tree := make(map[string][]byte)
	for path, content := range map[string]string{
		"global.xml":                        "<global><updateSequence>1</updateSequence></global>",
		"wms.xml":                           "<wms><id>wms</id></wms>",
		"workspaces/w/workspace.xml":        "<workspace><id>W</id><name>w</name></workspace>",
		"workspaces/w/namespace.xml":        "<namespace><id>N</id><prefix>w</prefix></namespace>",
		"workspaces/w/wfs.xml":              "<wfs><id>F:1</id><workspace><id>W</id></workspace></wfs>",
		"workspaces/w/s/datastore.xml":      "<dataStore><id>S</id><name>s</name><workspace><id>W</id></workspace></dataStore>",
		"workspaces/w/s/l/featuretype.xml":  "<featureType><id>T</id><name>l</name><namespace><id>N</id></namespace><store><id>S</id></store></featureType>",
		"workspaces/w/s/l/layer.xml":        "<layer><id>L</id><name>l</name><defaultStyle><id>Y</id></defaultStyle><resource><id>T</id></resource></layer>",
		"workspaces/w/layergroups/g.xml":    "<layerGroup><id>G</id><name>g</name><workspace><id>W</id></workspace><publishables><published><id>L</id></published></publishables><styles><style/></styles></layerGroup>",
		"layergroups/all.xml":               "<layerGroup><id>A</id><name>all</name><publishables><published><id>G</id></published></publishables></layerGroup>",
		"styles/y.xml":                      "<style><id>Y</id><name>y</name><filename>y.sld</filename></style>",
		"styles/y.sld":                      "<StyledLayerDescriptor/>",
		"workspaces/w/styles/z.xml":         "<style><id>Z</id><name>z</name><workspace><id>W</id></workspace><filename>z.css</filename></style>",
		"workspaces/w/styles/z.css":         "* { fill: red }",
		"gwc-layers/L.xml":                  "<GeoServerTileLayer><id>L</id><name>w:l</name></GeoServerTileLayer>",
		"workspaces/w/s/l/title.ftl":        "",
		"workspaces/default.xml":            "<workspace><id>W</id><name>w</name></workspace>",
		"workspaces/w/settings.xml":         "<settings><id>X:1</id><workspace><id>W</id></workspace></settings>",
		"security/layers.properties":        "*.*.r=*\n",
		"workspaces/w/s/plugin/strange.xml": "<who knows",
	} {
		tree[path] = []byte(content)
	}
	return tree
}

// The table of what a damage does to a GeoServer, row for row.
func TestDamage(t *testing.T) {
	const group, layer, store = "workspaces/w/layergroups/g.xml", "workspaces/w/s/l/layer.xml", "workspaces/w/s/datastore.xml"
	const feature = "workspaces/w/s/l/featuretype.xml"
	wholeWMS := "; GetCapabilities of the whole WMS fails"
	orphan := "outage tiles:w:l gwc-layers/L.xml: layer or group w:l is not there; GetCapabilities of the whole WMTS fails"
	lostMember := "outage group:w:g " + group + ": member w:l is not there" + wholeWMS
	lostGroup := "outage group:all layergroups/all.xml: member w:g is not there" + wholeWMS
	for name, c := range map[string]struct {
		do   func(hand)
		want []string
	}{
		"global broken":  {func(h hand) { h.put("global.xml", "<global") }, []string{"outage global global.xml: XML can not be read: document ends before its last element does; the catalog stays empty"}},
		"global emptied": {func(h hand) { h.put("global.xml", "") }, []string{"outage global global.xml: file is empty; the catalog stays empty"}},
		"member gone": {func(h hand) { h.replace(group, "<published><id>L</id>", "<published><id>Q</id>") },
			[]string{"outage group:w:g " + group + ": member Q is not there" + wholeWMS}},
		"service broken":         {func(h hand) { h.put("wms.xml", "<wms>") }, []string{"outage service:wms wms.xml: XML can not be read: document ends before its last element does; the service is down"}},
		"service of a workspace": {func(h hand) { h.put("workspaces/w/wfs.xml", "") }, []string{"broken service:w:wfs workspaces/w/wfs.xml: file is empty"}},
		"layer gone, its cache stays": {func(h hand) {
			h.remove("workspaces/w/s/l/layer.xml")
			h.replace(group, "<published><id>L</id></published>", "<published/>")
		}, []string{
			"outage tiles:w:l gwc-layers/L.xml: layer or group L is not there; GetCapabilities of the whole WMTS fails",
			"dropped layer:w:l " + feature + ": layer.xml is not there; the layer is left out"}},
		"default style":      {func(h hand) { h.replace(layer, "<id>Y</id>", "<id>Q</id>") }, []string{"broken layer:w:l " + layer + ": default style Q is not there"}},
		"further style":      {func(h hand) { h.replace(layer, "</layer>", "<styles><style><id>Q</id></style></styles></layer>") }, []string{"note layer:w:l " + layer + ": further style Q is not there"}},
		"style without body": {func(h hand) { h.remove("styles/y.sld") }, []string{"broken style:y styles/y.xml: its body y.sld is not there"}},
		"body empty":         {func(h hand) { h.put("workspaces/w/styles/z.css", "\n") }, []string{"broken style:w:z workspaces/w/styles/z.css: file is empty"}},
		"body broken":        {func(h hand) { h.put("styles/y.sld", "<StyledLayerDescriptor><a>") }, []string{"broken style:y styles/y.sld: XML can not be read: document ends before its last element does"}},
		"style dropped":      {func(h hand) { h.put("styles/y.xml", "<style>") }, []string{"broken layer:w:l " + layer + ": default style Y is not there", "dropped style:y styles/y.xml: XML can not be read: document ends before its last element does"}},
		"no namespace.xml":   {func(h hand) { h.remove("workspaces/w/namespace.xml") }, []string{orphan, lostGroup, "dropped layer:w:l " + feature + ": namespace N is not there", "dropped workspace:w workspaces/w/workspace.xml: namespace.xml is not there; the workspace is ignored"}},
		"workspace unreadable": {func(h hand) { h.put("workspaces/w/workspace.xml", "<workspace") }, []string{lostGroup, orphan,
			"dropped workspace:w workspaces/w/workspace.xml: XML can not be read: document ends before its last element does; the workspace is ignored",
			"note global workspaces/default.xml: default workspace w is not there"}},
		"store gone":            {func(h hand) { h.remove(store) }, []string{lostMember, orphan, "dropped layer:w:l " + feature + ": store S is not there"}},
		"store unreadable":      {func(h hand) { h.put(store, "") }, []string{lostMember, orphan, "dropped store:w:s " + store + ": file is empty"}},
		"resource gone":         {func(h hand) { h.remove(feature) }, []string{lostMember, orphan, "dropped layer:w:l " + layer + ": its resource (featuretype.xml, coverage.xml …) is not there"}},
		"resource cut off":      {func(h hand) { h.put(feature, "<featureType><id>T</id>") }, []string{lostMember, orphan, "dropped layer:w:l " + feature + ": XML can not be read: document ends before its last element does"}},
		"resource is another":   {func(h hand) { h.replace(layer, "<id>T</id>", "<id>Q</id>") }, []string{lostMember, orphan, "dropped layer:w:l " + layer + ": resource Q is not there"}},
		"store in no workspace": {func(h hand) { h.replace(store, "<id>W</id>", "<id>Q</id>") }, []string{lostMember, orphan, "dropped store:w:s " + store + ": workspace Q is not there"}},
		"foreign style":         {func(h hand) { h.replace("workspaces/w/styles/z.xml", "<id>W</id>", "<id>Q</id>") }, []string{"dropped style:w:z workspaces/w/styles/z.xml: its workspace is not the one that it lies in"}},
		"id twice": {func(h hand) {
			h.put("styles/x.xml", "<style><id>Y</id><name>x</name><filename>y.sld</filename></style>")
		}, []string{"dropped style:y styles/y.xml: its id is also that of styles/x.xml"}},
		"name twice": {func(h hand) {
			h.put("styles/x.xml", "<style><id>V</id><name>y</name><filename>y.sld</filename></style>")
		}, []string{"note style:y styles/y.xml: its name is also that of styles/x.xml"}},
		"no members": {func(h hand) { h.put("layergroups/all.xml", "<layerGroup><id>A</id><name>all</name></layerGroup>") }, []string{"dropped group:all layergroups/all.xml: it has no members"}},
		"password in clear": {func(h hand) {
			h.replace(store, "</dataStore>", "<connectionParameters><entry key=\"passwd\">plain:secret</entry></connectionParameters></dataStore>")
		}, []string{"note store:w:s " + store + ": password stands in plain text"}},
		"placeholder": {func(h hand) {
			h.replace(store, "</dataStore>", "<connectionParameters><entry key=\"passwd\">plain:${DB}</entry></connectionParameters></dataStore>")
		}, nil},
		"directory of another name": {func(h hand) { h.move("workspaces/w/s", "workspaces/w/other") }, nil},
		"style group":               {func(h hand) { h.replace("layergroups/all.xml", "<published><id>G</id></published>", "<published/>") }, nil},
		"half a security": {func(h hand) {
			h.put("security/config.xml", "<security/>")
			h.put("security/masterpw.xml", "")
			h.put("security/masterpw/default/config.xml", "")
			h.put("security/masterpw/default/passwd", "")
		},
			[]string{"outage file:security/config.xml security/config.xml: security/geoserver.jceks is not there; GeoServer does not start"}},
		"conflict markers": {func(h hand) { h.put("workspaces/w/styles/z.css", "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n") }, []string{"broken style:w:z workspaces/w/styles/z.css: file holds conflict markers"}},
	} {
		t.Run(name, func(t *testing.T) {
			base := sound()
			h := edit(t, base)
			c.do(h)
			before := catalogOf(base)
			if known := before.Damage(); len(known) > 0 {
				t.Fatalf("the sound directory has damage: %v", known)
			}
			edits := editsBetween(base, h.tree)
			after := before.With(edits)
			slices.Sort(c.want)
			sameDamage(t, "all", after.Damage(), c.want)
			sameDamage(t, "new", xmlcatalog.NewDamage(before, after, edits), c.want)
			sameDamage(t, "new without a change", xmlcatalog.NewDamage(after, after, edits), nil)
			sameDamage(t, "new after mending", xmlcatalog.NewDamage(after, before, editsBetween(h.tree, base)), nil)
		})
	}
}

func sameDamage(t *testing.T, what string, got []xmlcatalog.Damage, want []string) {
	t.Helper()
	var lines []string
	for _, d := range got {
		lines = append(lines, d.String())
	}
	slices.Sort(lines)
	if !slices.Equal(lines, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

// A damage keeps its key when the object gets another name or place.
func TestDamageKeyStaysWithTheObject(t *testing.T) {
	tree := sound()
	h := edit(t, tree)
	h.replace("workspaces/w/s/l/layer.xml", "<id>Y</id>", "<id>Q</id>")
	before := catalogOf(h.tree)
	moved := edit(t, h.tree)
	moved.move("workspaces/w", "workspaces/v")
	moved.replace("workspaces/v/workspace.xml", "<name>w", "<name>v")
	moved.replace("workspaces/v/s/l/featuretype.xml", "<name>l", "<name>k")
	edits := editsBetween(h.tree, moved.tree)
	after := before.With(edits)
	sameDamage(t, "new", xmlcatalog.NewDamage(before, after, edits), nil)
	if got := after.Damage(); len(got) != 1 || got[0].Key() != before.Damage()[0].Key() || got[0].Object.Name != "v:k" {
		t.Errorf("damage is %v", got)
	}
}

func TestNewBodyThatIsNotWhole(t *testing.T) {
	before := catalogOf(sound())
	edits := []xmlcatalog.Edit{{Path: "styles/new.sld", New: []byte("<StyledLayer")}}
	got := xmlcatalog.NewDamage(before, before.With(edits), edits)
	if len(got) != 1 || got[0].Class != xmlcatalog.Broken {
		t.Errorf("got %v", got)
	}
}

func TestMergeLeftHalfDone(t *testing.T) {
	before := catalogOf(sound())
	edits := []xmlcatalog.Edit{{Path: "workspaces/w/s/l/title.ftl", Old: []byte(""), New: []byte("<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n")}}
	sameDamage(t, "new", xmlcatalog.NewDamage(before, before.With(edits), edits),
		[]string{"broken file:workspaces/w/s/l/title.ftl workspaces/w/s/l/title.ftl: file holds conflict markers"})
	edits[0].Old = edits[0].New
	sameDamage(t, "known", xmlcatalog.NewDamage(before, before.With(edits), edits), nil)
}

func TestUnfinished(t *testing.T) {
	got := xmlcatalog.Unfinished([]xmlcatalog.Edit{
		{Path: "created", New: []byte{}},
		{Path: "filled", New: []byte("x")},
		{Path: "emptied", Old: []byte("x"), New: []byte{}},
		{Path: "deleted", Old: []byte("x")},
	})
	if !slices.Equal(got, []string{"created"}) {
		t.Errorf("got %v", got)
	}
}

func TestRemoves(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(hand)
		want bool
	}{
		"layer":                 {func(h hand) { h.remove("workspaces/w/s/l") }, true},
		"half a layer":          {func(h hand) { h.remove("workspaces/w/s/l/layer.xml") }, true},
		"workspace":             {func(h hand) { h.remove("workspaces/w") }, true},
		"another with the name": {func(h hand) { h.replace("styles/y.xml", "<id>Y</id>", "<id>Q</id>") }, true},
		"rename":                {func(h hand) { h.move("workspaces/w", "workspaces/v") }, false},
		"template":              {func(h hand) { h.remove("workspaces/w/s/l/title.ftl") }, false},
		"body":                  {func(h hand) { h.remove("styles/y.sld") }, false},
		"tile cache":            {func(h hand) { h.remove("gwc-layers/L.xml") }, false},
		"half written":          {func(h hand) { h.put("styles/y.xml", "<sty") }, false},
		"edit":                  {func(h hand) { h.replace("styles/y.xml", "<name>y", "<name>x") }, false},
	} {
		base := sound()
		h := edit(t, base)
		c.do(h)
		before := catalogOf(base)
		edits := editsBetween(base, h.tree)
		if got := xmlcatalog.Removes(before, before.With(edits), edits); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestPathsOfObjects(t *testing.T) {
	c := catalogOf(sound())
	for word, want := range map[string][]string{
		"layer:w:l":                       {"workspaces/w/s/l/featuretype.xml", "workspaces/w/s/l/layer.xml"},
		"workspace:w":                     {"workspaces/w/namespace.xml", "workspaces/w/workspace.xml"},
		"style:y":                         {"styles/y.sld", "styles/y.xml"},
		"w:z":                             {"workspaces/w/styles/z.css", "workspaces/w/styles/z.xml"},
		"global":                          {"global.xml", "workspaces/default.xml"},
		"rules:layers":                    {"security/layers.properties"},
		"tiles:w:l":                       {"gwc-layers/L.xml"},
		"settings:w":                      {"workspaces/w/settings.xml"},
		"service:w:wfs":                   {"workspaces/w/wfs.xml"},
		"file:workspaces/w/s/l/title.ftl": {"workspaces/w/s/l/title.ftl"},
	} {
		found := c.Find(word)
		if len(found) != 1 {
			t.Errorf("%s finds %v", word, found)
			continue
		}
		if got := c.Paths(found[0]); !slices.Equal(got, want) {
			t.Errorf("%s: %v", word, got)
		}
		for _, path := range want {
			if o, ok := c.Object(path); !ok || o != found[0] {
				t.Errorf("%s belongs to %v", path, o)
			}
		}
	}
	if got := c.Find("w:l"); len(got) != 1 || got[0].Kind != xmlcatalog.Layer {
		t.Errorf("w:l finds %v", got)
	}
	if _, ok := c.Object("nowhere.xml"); ok {
		t.Error("a file that is not there has an object")
	}
}
