package xmlcatalog_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// busy is the sound directory with more of everything.
func busy() map[string][]byte {
	tree := sound()
	for path, content := range map[string]string{
		"workspaces/v/workspace.xml":   "<workspace><id>V</id><name>v</name></workspace>",
		"workspaces/v/namespace.xml":   "<namespace><id>NV</id><prefix>v</prefix></namespace>",
		"workspaces/w/styles/z.xml":    "<style><id>Z</id><name>z</name><filename>z.sld</filename><workspace><id>W</id></workspace></style>",
		"workspaces/w/styles/z.sld":    "<StyledLayerDescriptor/>",
		"gwc-layers/L.xml":             "<GeoServerTileLayer><id>L</id><name>w:l</name><enabled>true</enabled></GeoServerTileLayer>",
		"workspaces/w/s/m/layer.xml":   "<layer><id>M</id><name>m</name><defaultStyle><id>Z</id></defaultStyle><resource><id>TM</id></resource></layer>",
		"workspaces/w/s/m/feature.ftl": "x",
		"workspaces/w/s/m/featuretype.xml": "<featureType><id>TM</id><name>m</name><namespace><id>N</id></namespace>" +
			"<store><id>S</id></store><abstract>" + strings.Repeat("the same words, ", 20) + "old end</abstract></featureType>",
	} {
		tree[path] = []byte(content)
	}
	return tree
}

const longName = "a_name_that_is_as_long_as_people_really_make_them"

// What a subject says when there is too much for it, and what it says first.
func TestSubjects(t *testing.T) {
	base := busy()
	newStyle := func(h hand, space, name string) {
		h.put("workspaces/"+space+"/styles/"+name+".xml", "<style><id>"+name+"</id><name>"+name+"</name><workspace><id>"+strings.ToUpper(space)+"</id></workspace></style>")
	}
	for _, s := range []struct {
		name, want string
		do         func(hand)
	}{
		{"the catalog before files", "modify layer w:l: title (none) -> T; add file a.txt", func(h hand) {
			h.put("a.txt", "")
			h.replace("workspaces/w/s/l/featuretype.xml", "</featureType>", "<title>T</title></featureType>")
		}},
		{"an edited body stays an edit", "edit style w:z, add 1 file", func(h hand) {
			h.replace("workspaces/w/styles/z.sld", "/>", "></StyledLayerDescriptor>")
			h.put(longName+"/a.txt", "")
		}},
		{"verb and place once", "create 2 groups, 3 styles in w", func(h hand) {
			for n := range 3 {
				newStyle(h, "w", fmt.Sprint("n", n))
			}
			for n := range 2 {
				h.put(fmt.Sprintf("workspaces/w/layergroups/g%d.xml", n), fmt.Sprintf("<layerGroup><id>G%d</id><name>g%d</name><workspace><id>W</id></workspace></layerGroup>", n, n))
			}
		}},
		{"two places", "create 6 styles in v and w", func(h hand) {
			for n := range 3 {
				newStyle(h, "w", fmt.Sprint("n", n))
				newStyle(h, "v", fmt.Sprint("o", n))
			}
		}},
		{"files outside of workspaces", "add 300 files in old/tiles", func(h hand) {
			for n := range 300 {
				h.put(fmt.Sprintf("old/tiles/%d/%d.png", n%3, n), "")
			}
		}},
		{"others are counted", "delete style w:z, add 1 file in styles/icons, add 1 template in w", func(h hand) {
			h.remove("workspaces/w/styles/z.xml")
			h.remove("workspaces/w/styles/z.sld")
			h.put("workspaces/w/s/"+longName+".ftl", "")
			h.put("styles/icons/"+longName+".svg", "")
		}},
		{"the end of a path", "add file …/" + longName + "/filters.xml", func(h hand) {
			h.put("workspaces/w/a_store/"+longName+"/filters.xml", "<filters/>")
		}},
		{"the name of a file stays", "add template w:" + longName[:44] + "…/content.ftl", func(h hand) {
			h.put("workspaces/w/a_store/"+longName+"_and_more/content.ftl", "")
		}},
		{"as many fields as fit", "modify layer w:m: defaultStyle, advertised, nativeName …", func(h hand) {
			h.replace("workspaces/w/s/m/layer.xml", "<id>Z</id>", "<id>Y</id>")
			h.replace("workspaces/w/s/m/layer.xml", "</layer>", "<advertised>false</advertised></layer>")
			h.replace("workspaces/w/s/m/featuretype.xml", "</featureType>", "<nativeName>n</nativeName><title>t</title><projectionPolicy>x</projectionPolicy><simpleName>x</simpleName></featureType>")
		}},
		{"templates go with their layer", "delete layer w:m", func(h hand) { h.remove("workspaces/w/s/m") }},
		{"a tile layer that came", "create tiles w:m", func(h hand) {
			h.put("gwc-layers/M.xml", "<GeoServerTileLayer><id>M</id><name>w:m</name></GeoServerTileLayer>")
			h.replace("workspaces/w/s/m/layer.xml", "</layer>", "<opaque>false</opaque></layer>")
		}},
		{"a replaced layer", "replace layer w:l (new id)", func(h hand) {
			for _, file := range []string{"layer.xml", "featuretype.xml"} {
				h.replace("workspaces/w/s/l/"+file, "<id>T</id>", "<id>T2</id>")
			}
			h.replace("workspaces/w/s/l/layer.xml", "<id>L</id>", "<id>L2</id>")
			h.remove("gwc-layers/L.xml")
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			h := edit(t, base)
			s.do(h)
			m := describe(base, h.tree)
			if m.Subject != s.want {
				t.Errorf("subject is %q\n      want %q\n%s", m.Subject, s.want, m.Body)
			}
			if utf8.RuneCountInString(m.Subject) > 72 {
				t.Errorf("%q is too long", m.Subject)
			}
		})
	}
}

// What a line says of the fields of an object, and what it leaves out.
func TestFieldsInWords(t *testing.T) {
	base := busy()
	abstract := "workspaces/w/s/m/featuretype.xml"
	for _, s := range []struct {
		name, want string
		do         func(hand)
	}{
		{"a word at the end of a long text", `words, the same words, old end" -> "…, the same`, func(h hand) {
			h.replace(abstract, "old end", "new end")
		}},
		{"another text", "modify layer w:m: abstract", func(h hand) {
			h.replace(abstract, "<abstract>the", "<abstract>other words that are many")
		}},
		{"a store that moved", "move store w:s -> v:s (2 layers)", func(h hand) {
			h.move("workspaces/w/s", "workspaces/v/s")
			h.replace("workspaces/v/s/datastore.xml", "<id>W</id>", "<id>V</id>")
			for _, name := range []string{"l", "m"} {
				h.replace("workspaces/v/s/"+name+"/featuretype.xml", "<id>N</id>", "<id>NV</id>")
			}
		}},
		{"a workspace with its name as URI", "rename workspace v -> u", func(h hand) {
			h.move("workspaces/v", "workspaces/u")
			h.replace("workspaces/u/workspace.xml", "<name>v", "<name>u")
			h.replace("workspaces/u/namespace.xml", "<prefix>v", "<prefix>u")
			h.replace("workspaces/u/namespace.xml", "<uri>v", "<uri>u")
		}},
		{"a style with another body", "modify style w:z: filename z.sld -> z2.sld", func(h hand) {
			h.replace("workspaces/w/styles/z.xml", "z.sld", "z2.sld")
			h.move("workspaces/w/styles/z.sld", "workspaces/w/styles/z2.sld")
		}},
		{"a body that outlives its style", "delete style w:z; modify file workspaces/w/styles/z.sld", func(h hand) {
			h.remove("workspaces/w/styles/z.xml")
			h.replace("workspaces/w/styles/z.sld", "/>", "></StyledLayerDescriptor>")
		}},
		{"empty translations", "re-serialise service wms (GeoServer upgrade): + internationalTitle", func(h hand) {
			h.replace("wms.xml", "</wms>", `<internationalTitle class="org.geotools.util.GrowableInternationalString"/></wms>`)
		}},
		{"the extent of a tile layer", "modify tiles w:l: gridSubsets EPSG:4326 (extent changed)", func(h hand) {
			h.replace("gwc-layers/L.xml", "<double>1</double>", "<double>2</double>")
		}},
		{"everything", "modify service wms", func(h hand) {
			var all strings.Builder
			for n := range 20 {
				fmt.Fprintf(&all, "<f%02d>x</f%02d>", n, n)
			}
			h.replace("wms.xml", "</wms>", all.String()+"</wms>")
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			before := edit(t, base)
			before.replace("workspaces/v/namespace.xml", "</prefix>", "</prefix><uri>v</uri>")
			before.replace("gwc-layers/L.xml", "<enabled>", "<gridSubsets><gridSubset><gridSetName>EPSG:4326</gridSetName><extent><coords><double>1</double><double>3</double></coords></extent></gridSubset></gridSubsets><enabled>")
			h := edit(t, before.tree)
			s.do(h)
			m := describe(before.tree, h.tree)
			if lines := m.Subject + "\n" + m.Body; !strings.Contains(lines, s.want) {
				t.Errorf("no %q in\n%s", s.want, lines)
			}
			if strings.Contains(m.Body, "f12") || s.name == "everything" && !strings.Contains(m.Body, "… and 12 more fields") {
				t.Errorf("all fields are told: %s", m.Body)
			}
		})
	}
}

// Of two files with one id, that which stays is not the one that goes, and a
// tile layer is told beside its layer unless it came or went with it.
func TestBesideOtherChanges(t *testing.T) {
	base := busy()
	copied := edit(t, base)
	copied.put("workspaces/w/styles/y2.xml", "<style><id>Y</id><name>y2</name><workspace><id>W</id></workspace></style>")
	h := edit(t, copied.tree)
	h.remove("workspaces/w/styles/y2.xml")
	h.replace("styles/y.xml", "</style>", "<legend><width>3</width></legend></style>")
	if m := describe(copied.tree, h.tree); m.Subject != "delete style w:y2; modify style y: legend.width (none) -> 3" {
		t.Errorf("subject %q", m.Subject)
	}
	h = edit(t, base)
	h.replace("workspaces/w/s/l/featuretype.xml", "</featureType>", "<title>T</title></featureType>")
	h.replace("gwc-layers/L.xml", "true", "false")
	if m := describe(base, h.tree); m.Subject != "modify layer w:l: title (none) -> T" || !strings.Contains(m.Body, "modify tiles w:l: enabled true -> false") {
		t.Errorf("%q\n%s", m.Subject, m.Body)
	}
	h = edit(t, base)
	h.move("workspaces/w/styles/z.xml", "styles/z.xml")
	h.put("styles/n.xml", "<style><id>n</id><name>n</name></style>")
	if m := describe(base, h.tree); !strings.HasPrefix(m.Subject, "move ") || !strings.Contains(m.Subject, "create style n") {
		t.Errorf("subject %q", m.Subject)
	}
}

// A name that leaves room for nothing else loses what the reader can do without.
func TestLongNames(t *testing.T) {
	for _, s := range []struct {
		name, want string
		do         func(hand)
	}{
		{longName, "rename style " + longName[:45] + "… -> …them_too", func(h hand) {
			h.move("styles/y.xml", "styles/y2.xml")
			h.replace("styles/y2.xml", longName, longName+"_too")
		}},
		{longName + "_xx", "re-serialise style " + longName + "_xx", func(h hand) {
			h.replace("styles/y.xml", "</style>", "<isolated>false</isolated></style>")
		}},
	} {
		base := edit(t, sound())
		base.replace("styles/y.xml", "<name>y", "<name>"+s.name)
		h := edit(t, base.tree)
		s.do(h)
		if m := describe(base.tree, h.tree); m.Subject != s.want {
			t.Errorf("subject is %q\n      want %q\n%s", m.Subject, s.want, m.Body)
		}
	}
}
