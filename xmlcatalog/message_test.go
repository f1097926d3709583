package xmlcatalog_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// after edits the sound directory and describes it.
func after(t *testing.T, do func(hand)) xmlcatalog.Message {
	t.Helper()
	base := sound()
	h := edit(t, base)
	do(h)
	return describe(base, h.tree)
}

func TestUpgradeIsOneLine(t *testing.T) {
	base := sound()
	for n := range 300 {
		base[fmt.Sprintf("styles/s%d.xml", n)] = fmt.Appendf(nil, "<style><id>S%d</id><name>s%d</name></style>", n, n)
	}
	h := edit(t, base)
	for n := range 300 {
		h.replace(fmt.Sprintf("styles/s%d.xml", n), "</style>", "<metadata/><isolated>false</isolated></style>")
	}
	m := describe(base, h.tree)
	if want := "re-serialise 300 objects (GeoServer upgrade): + isolated, + metadata"; m.Subject != want {
		t.Errorf("subject %q", m.Subject)
	}
	if lines := strings.Count(m.Body, "\n"); lines > 10 {
		t.Errorf("body of %d lines", lines+1)
	}
	if len(m.Objects) != 101 || m.Objects[100] != "… and 200 more" || m.Modified != 300 || len(m.Touched) != 300 {
		t.Errorf("%d objects, the last %q", len(m.Objects), m.Objects[len(m.Objects)-1])
	}
}

func TestUpgradeBesideAnEditIsNotTold(t *testing.T) {
	m := after(t, func(h hand) {
		h.replace("workspaces/w/s/l/featuretype.xml", "</featureType>", "<serviceConfiguration>false</serviceConfiguration><title>T</title></featureType>")
		h.replace("styles/y.xml", "</style>", "<metadata/></style>")
	})
	if m.Subject != "modify layer w:l: title (none) -> T" {
		t.Errorf("subject %q", m.Subject)
	}
}

func TestObjectsHaveIDs(t *testing.T) {
	m := after(t, func(h hand) { h.replace("styles/y.xml", "</style>", "<legend><width>3</width></legend></style>") })
	if len(m.Objects) != 1 || m.Objects[0] != "style:y Y" || m.Touched[0] != "style:y" {
		t.Errorf("got %v", m.Objects)
	}
}

func TestAuthor(t *testing.T) {
	signed := func(by, when string) string {
		return "<modifiedBy>" + by + "</modifiedBy><dateModified>" + when + "</dateModified><title>x</title>"
	}
	m := after(t, func(h hand) {
		h.replace("workspaces/w/s/l/layer.xml", "</layer>", signed("jane", "2026-01-01 10:00:00.0 UTC")+"</layer>")
		h.replace("styles/y.xml", "</style>", signed("mallory &lt;evil&gt;\n\x0aGsgit-Instance: x", "2025-01-01 10:00:00.0 UTC")+"</style>")
	})
	if m.Author != "jane" {
		t.Errorf("author %q", m.Author)
	}
	m = after(t, func(h hand) {
		h.replace("styles/y.xml", "</style>", signed("mallory &lt;evil&gt;\nGsgit-Instance: x", "2025")+"</style>")
	})
	if m.Author != "mallory evil Gsgit-Instance: x" && strings.ContainsAny(m.Author, "<>\n") {
		t.Errorf("author %q", m.Author)
	}
}

// Nothing that a store keeps secret stands anywhere in a message, however it
// changes.
func TestSecretsAreNotTold(t *testing.T) {
	const path = "workspaces/w/s/datastore.xml"
	entry := func(key, value string) string {
		return "<connectionParameters><entry key=\"" + key + "\">" + value + "</entry><entry key=\"host\">db</entry></connectionParameters>"
	}
	for _, key := range []string{"passwd", "password", "Oauth2 Token", "AWS Secret Key", "url", "jdbcUrl", "nested"} {
		for _, values := range [][2]string{{"", "hunter2"}, {"hunter2", "hunter22"}, {"hunter2", ""}, {"plain:hunter2", "crypt1:hunter2"}} {
			old, new := values[0], values[1]
			wrap := func(value string) string {
				switch {
				case key == "url" && value != "":
					return "http://joe:" + value + "@db/?password=" + value
				case key == "jdbcUrl" && value != "":
					return "jdbc:x;user=a;password=" + value
				case key == "nested":
					return "<map><apiKey>" + value + "</apiKey></map>"
				}
				return value
			}
			base := sound()
			h := edit(t, base)
			h.replace(path, "</dataStore>", entry(key, wrap(old))+"</dataStore>")
			base = edit(t, h.tree).tree
			h.replace(path, entry(key, wrap(old)), entry(key, wrap(new)))
			if m := describe(base, h.tree); strings.Contains(fmt.Sprint(m), "hunter2") {
				t.Errorf("%s %q -> %q: %+v", key, old, new, m)
			}
			h.remove(path)
			for _, m := range []xmlcatalog.Message{describe(base, h.tree), describe(h.tree, base)} {
				if strings.Contains(fmt.Sprint(m), "hunter2") {
					t.Errorf("%s: %+v", key, m)
				}
			}
		}
	}
	m := after(t, func(h hand) { h.replace(path, "</dataStore>", entry("passwd", "crypt1:x")+"</dataStore>") })
	if !strings.Contains(m.Subject+m.Body, "password set") {
		t.Errorf("%s\n%s", m.Subject, m.Body)
	}
}

func TestMessagesStayOnTheirLines(t *testing.T) {
	m := after(t, func(h hand) {
		h.replace("styles/y.xml", "<name>y", "<name>y\n\nGsgit-Instance: evil\n")
		h.put("styles/a\nGsgit-Damage: x.svg", "")
	})
	for _, line := range strings.Split(m.Subject+"\n"+m.Body+"\n"+strings.Join(m.Objects, "\n")+"\n"+strings.Join(m.Touched, "\n"), "\n") {
		if strings.HasPrefix(line, "Gsgit-") {
			t.Errorf("a name made a trailer: %q", line)
		}
	}
}

func TestReadableAgain(t *testing.T) {
	base := sound()
	base["styles/y.xml"] = []byte("<style")
	if m := describe(base, sound()); m.Subject != "modify style y: y.xml can be read again" {
		t.Errorf("subject %q", m.Subject)
	}
	if m := describe(sound(), base); m.Subject != "modify style y: y.xml can not be read" {
		t.Errorf("subject %q", m.Subject)
	}
}

func TestSecondFileWithOneID(t *testing.T) {
	copied := sound()
	copied["styles/copy.xml"] = []byte("<style><id>Y</id><name>copy</name><filename>y.sld</filename></style>")
	if m := describe(sound(), copied); m.Subject != "create style copy" {
		t.Errorf("subject %q", m.Subject)
	}
	if m := describe(copied, sound()); m.Subject != "delete style copy" {
		t.Errorf("subject %q", m.Subject)
	}
}

func TestResourceComesBeforeItsLayer(t *testing.T) {
	whole := sound()
	half := edit(t, whole)
	half.remove("workspaces/w/s/l/layer.xml")
	if m := describe(half.tree, whole); m.Subject != "publish layer w:l (store s, style y)" {
		t.Errorf("subject %q", m.Subject)
	}
	if m := describe(whole, half.tree); m.Subject != "delete layer w:l" {
		t.Errorf("subject %q", m.Subject)
	}
}

// A definition of a coordinate system fills a page; a message names the system.
func TestCoordinateSystems(t *testing.T) {
	wkt := func(name, code string) string {
		return "<nativeCRS>GEOGCS[&quot;" + name + "&quot;, DATUM[&quot;d&quot;, AUTHORITY[&quot;EPSG&quot;,&quot;1&quot;]], AUTHORITY[&quot;EPSG&quot;,&quot;" + code + "&quot;]]</nativeCRS>"
	}
	base := sound()
	with := edit(t, base)
	with.replace("workspaces/w/s/l/featuretype.xml", "</featureType>", wkt("WGS 84", "4326")+"</featureType>")
	other := edit(t, base)
	other.replace("workspaces/w/s/l/featuretype.xml", "</featureType>", wkt("ETRS89", "4258")+"</featureType>")
	for _, c := range []struct {
		before, after map[string][]byte
		want          string
	}{
		{base, with.tree, "modify layer w:l: nativeCRS (none) -> EPSG:4326"},
		{with.tree, other.tree, "modify layer w:l: nativeCRS EPSG:4326 -> EPSG:4258"},
		{with.tree, base, "modify layer w:l: nativeCRS EPSG:4326 -> (none)"},
	} {
		if m := describe(c.before, c.after); m.Subject != c.want || m.Body != "" {
			t.Errorf("%q\n%s", m.Subject, m.Body)
		}
	}
}

// Fields are resolved on their own side: the name that a thing had and the name
// that it has.
func TestFieldsOfAChange(t *testing.T) {
	base := sound()
	h := edit(t, base)
	h.replace("styles/y.xml", "<name>y", "<name>x")
	h.put("styles/n.xml", "<style><id>New</id><name>n</name><filename>y.sld</filename></style>")
	h.replace("workspaces/w/s/l/layer.xml", "<id>Y</id>", "<id>New</id>")
	edits := editsBetween(base, h.tree)
	before := catalogOf(base)
	for _, c := range xmlcatalog.Compare(before, before.With(edits), edits) {
		if c.Object.Kind != xmlcatalog.Layer {
			continue
		}
		if len(c.Fields) != 1 || c.Fields[0].Name != "defaultStyle" || c.Fields[0].Old != "y" || c.Fields[0].New != "n" {
			t.Errorf("got %+v", c.Fields)
		}
		return
	}
	t.Error("the layer is not reported")
}

func TestGroupRename(t *testing.T) {
	m := after(t, func(h hand) {
		h.move("workspaces/w/layergroups/g.xml", "workspaces/w/layergroups/h.xml")
		h.replace("workspaces/w/layergroups/h.xml", "<name>g", "<name>h")
	})
	if m.Subject != "rename group w:g -> w:h" {
		t.Errorf("subject %q", m.Subject)
	}
}

// A rename takes its templates along; a template that merely looks
// like one that went does not count as moved.
func TestTemplatesFollowTheirLayer(t *testing.T) {
	m := after(t, func(h hand) {
		h.move("workspaces/w/s/l", "workspaces/w/s/k")
		h.replace("workspaces/w/s/k/featuretype.xml", "<name>l", "<name>k")
	})
	if m.Subject != "rename layer w:l -> w:k" || len(m.Touched) != 1 {
		t.Errorf("subject %q, %v", m.Subject, m.Touched)
	}
	m = after(t, func(h hand) { h.move("workspaces/w/s/l/title.ftl", "workspaces/w/s/l/header.ftl") })
	if m.Created != 1 || m.Deleted != 1 || m.Renamed != 0 {
		t.Errorf("%+v", m)
	}
}

// A directory that moves without a word in its files is told by the outermost
// object in it.
func TestMovedDirectory(t *testing.T) {
	for from, want := range map[string]string{
		"workspaces/w/s/l":               "move files of layer w:l",
		"workspaces/w/s":                 "move files of store w:s",
		"workspaces/w":                   "move files of workspace w",
		"workspaces/w/layergroups/g.xml": "move files of group w:g",
	} {
		m := after(t, func(h hand) { h.move(from, strings.TrimSuffix(from, ".xml")+"2"+filepath.Ext(from)) })
		if m.Subject != want || len(m.Touched) != 1 || m.Renamed != 1 {
			t.Errorf("%s: %q\n%s\n%v", from, m.Subject, m.Body, m.Touched)
		}
	}
}
