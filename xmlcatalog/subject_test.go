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
		{"as many fields as fit", "modify layer w:m: defaultStyle, advertised, nativeName …", func(h hand) {
			h.replace("workspaces/w/s/m/layer.xml", "<id>Z</id>", "<id>Y</id>")
			h.replace("workspaces/w/s/m/layer.xml", "</layer>", "<advertised>false</advertised></layer>")
			h.replace("workspaces/w/s/m/featuretype.xml", "</featureType>", "<nativeName>n</nativeName><title>t</title><projectionPolicy>x</projectionPolicy><simpleName>x</simpleName></featureType>")
		}},
		{"templates go with their layer", "delete layer w:m", func(h hand) { h.remove("workspaces/w/s/m") }},
		{"the new end of a long name", "rename style " + longName[:len(longName)-3] + "… -> …them_too", func(h hand) {
			h.move("styles/y.xml", "styles/"+longName+"_too.xml")
			h.replace("styles/"+longName+"_too.xml", "<name>"+longName, "<name>"+longName+"_too")
		}},
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
			before := base
			if strings.HasPrefix(s.name, "the new end") {
				h := edit(t, base)
				h.replace("styles/y.xml", "<name>y", "<name>"+longName)
				before = h.tree
			}
			h := edit(t, before)
			s.do(h)
			m := describe(before, h.tree)
			if m.Subject != s.want {
				t.Errorf("subject is %q\n      want %q\n%s", m.Subject, s.want, m.Body)
			}
			if utf8.RuneCountInString(m.Subject) > 72 {
				t.Errorf("%q is too long", m.Subject)
			}
		})
	}
}
