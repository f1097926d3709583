package xmlcatalog_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/xmlcatalog"
	"pgregory.net/rapid"
)

func TestNoise(t *testing.T) {
	const layer, store, feature, group, global = "workspaces/w/s/l/layer.xml", "workspaces/w/s/datastore.xml", "workspaces/w/s/l/featuretype.xml", "layergroups/g.xml", "global.xml"
	for _, c := range []struct {
		name, path, old, new string
		noise, echo          bool
	}{
		{"same bytes", "styles/x.svg", "a", "a", true, true},
		{"counter", global, "<global><updateSequence>1</updateSequence></global>", "<global><updateSequence>9</updateSequence></global>", true, true},
		{"counter somewhere else", layer, "<layer><a><updateSequence>1</updateSequence></a></layer>", "<layer><a><updateSequence>2</updateSequence></a></layer>", false, false},
		{"dates and author", layer, "<layer><id>a</id></layer>", "<layer><id>a</id><dateCreated>x</dateCreated><dateModified>y</dateModified><modifiedBy>jane</modifiedBy></layer>", true, true},
		{"copy of a workspace", "workspaces/w/settings.xml", "<settings><workspace><id>a</id></workspace></settings>", "<settings><workspace><id>a</id><dateModified>y</dateModified></workspace></settings>", true, true},
		{"a date of the data", feature, "<featureType><x><dateModified>a</dateModified></x></featureType>", "<featureType><x><dateModified>b</dateModified></x></featureType>", false, false},
		{"last newline", layer, "<layer><id>a</id></layer>", "<layer>\n  <id>a</id>\n</layer>\n", true, true},
		{"order of a map", store, `<dataStore><connectionParameters><entry key="a">1</entry><entry key="b">2</entry></connectionParameters></dataStore>`, `<dataStore><connectionParameters><entry key="b">2</entry><entry key="a">1</entry></connectionParameters></dataStore>`, true, true},
		{"values of a map swapped", store, `<dataStore><connectionParameters><entry key="a">1</entry><entry key="b">2</entry></connectionParameters></dataStore>`, `<dataStore><connectionParameters><entry key="a">2</entry><entry key="b">1</entry></connectionParameters></dataStore>`, false, false},
		{"order of a gml map", "wfs.xml", "<wfs><gml><entry><version>V_11</version><gml><a>1</a></gml></entry><entry><version>V_20</version><gml><a>2</a></gml></entry></gml></wfs>", "<wfs><gml><entry><version>V_20</version><gml><a>2</a></gml></entry><entry><version>V_11</version><gml><a>1</a></gml></entry></gml></wfs>", true, true},
		{"order of further styles", layer, "<layer><styles><style><id>a</id></style><style><id>b</id></style></styles></layer>", `<layer><styles class="linked-hash-set"><style><id>b</id></style><style><id>a</id></style></styles></layer>`, true, true},
		{"order of members", group, "<layerGroup><publishables><published><id>a</id></published><published><id>b</id></published></publishables></layerGroup>", "<layerGroup><publishables><published><id>b</id></published><published><id>a</id></published></publishables></layerGroup>", false, false},
		{"order of styles in a group", group, "<layerGroup><styles><style/><style><id>b</id></style></styles></layerGroup>", "<layerGroup><styles><style><id>b</id></style><style/></styles></layerGroup>", false, false},
		{"order of attributes", feature, "<featureType><attributes><attribute><name>a</name></attribute><attribute><name>b</name></attribute></attributes></featureType>", "<featureType><attributes><attribute><name>b</name></attribute><attribute><name>a</name></attribute></attributes></featureType>", false, false},
		{"order of keywords", feature, "<featureType><keywords><string>a</string><string>b</string></keywords></featureType>", "<featureType><keywords><string>b</string><string>a</string></keywords></featureType>", false, false},
		{"order of grid sets", "gwc-layers/a.xml", "<GeoServerTileLayer><gridSubsets><gridSubset><gridSetName>a</gridSetName></gridSubset><gridSubset><gridSetName>b</gridSetName></gridSubset></gridSubsets></GeoServerTileLayer>", "<GeoServerTileLayer><gridSubsets><gridSubset><gridSetName>b</gridSetName></gridSubset><gridSubset><gridSetName>a</gridSetName></gridSubset></gridSubsets></GeoServerTileLayer>", true, true},
		{"order of fields", feature, "<featureType><title>a</title><abstract>b</abstract></featureType>", "<featureType><abstract>b</abstract><title>a</title></featureType>", true, true},
		{"entities", feature, "<featureType><title>a&#98;c &amp; d</title></featureType>", "<featureType><title>abc &#x26; d</title></featureType>", true, true},
		{"white space in a value", feature, "<featureType><title>a  b</title></featureType>", "<featureType><title>a b</title></featureType>", false, false},
		{"ciphertext", store, `<dataStore><connectionParameters><entry key="passwd">crypt1:aa</entry></connectionParameters></dataStore>`, `<dataStore><connectionParameters><entry key="passwd">crypt1:bb</entry></connectionParameters></dataStore>`, false, true},
		{"clear password encrypted", store, `<dataStore><connectionParameters><entry key="passwd">plain:aa</entry></connectionParameters></dataStore>`, `<dataStore><connectionParameters><entry key="passwd">crypt1:bb</entry></connectionParameters></dataStore>`, false, true},
		{"placeholder lost", store, `<dataStore><connectionParameters><entry key="passwd">${DB}</entry></connectionParameters></dataStore>`, `<dataStore><connectionParameters><entry key="passwd">crypt1:bb</entry></connectionParameters></dataStore>`, false, false},
		{"ciphertext and more", store, `<dataStore><enabled>true</enabled><password>crypt1:aa</password></dataStore>`, `<dataStore><enabled>false</enabled><password>crypt1:bb</password></dataStore>`, false, false},
		{"upgrade", feature, "<featureType><title>a</title></featureType>", "<featureType><title>a</title><serviceConfiguration>false</serviceConfiguration><internationalTitle/></featureType>", false, true},
		{"an edit that looks like an upgrade", layer, "<layer><id>a</id></layer>", "<layer><id>a</id><queryable>false</queryable></layer>", false, false},
		{"rewritten WKT", feature, `<featureType><nativeCRS>GEOGCS["WGS 84", AUTHORITY["EPSG","4326"]]</nativeCRS></featureType>`, `<featureType><nativeCRS>GEOGCS["WGS84", X["a"], AUTHORITY["EPSG","4326"]]</nativeCRS></featureType>`, false, true},
		{"other coordinate system", feature, `<featureType><nativeCRS>GEOGCS["WGS 84", AUTHORITY["EPSG","4326"]]</nativeCRS></featureType>`, `<featureType><nativeCRS>GEOGCS["WGS 84", AUTHORITY["EPSG","4258"]]</nativeCRS></featureType>`, false, false},
		{"line ends of a body", "styles/a.sld", "<a>\n</a>\n", "<a>\r\n</a>\r\n", true, true},
		{"white space in a body", "styles/a.sld", "<a> </a>", "<a></a>", false, false},
		{"line ends of an archive", "styles/a.zip", "a\n", "a\r\n", false, false},
		{"date of rules", "security/layers.properties", "#Tue Mar 07 11:43:26 AEDT 2023\n*.*.r=*\n", "#Wed Mar 08 11:43:26 AEDT 2023\n*.*.r=*\n", true, true},
		{"order of rules", "security/layers.properties", "a=1\nb=2\n", "b=2\na=1\n", true, true},
		{"a rule", "security/layers.properties", "a=1\n", "a=2\n", false, false},
		{"comment by hand", "user_projections/epsg.properties", "#mine\na=1\n", "#yours\na=1\n", false, false},
		{"date of other properties", "controlflow.properties", "#Tue Mar 07 11:43:26 AEDT 2023\na=1\n", "a=1\n", true, true},
		{"emptied", layer, "<layer/>", "", false, false},
		{"both broken", layer, "<layer>", "<layer> ", false, false},
		{"opaque", "x.xml", "<a/>", "<a/>\n", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := xmlcatalog.Noise(c.path, []byte(c.old), []byte(c.new)); got != c.noise {
				t.Errorf("noise: %v", got)
			}
			if got := xmlcatalog.Echo(c.path, []byte(c.old), []byte(c.new)); got != c.echo {
				t.Errorf("echo: %v", got)
			}
		})
	}
	if xmlcatalog.Noise("a", nil, nil) || xmlcatalog.Noise("a", nil, []byte{}) {
		t.Error("an absent file was called noise")
	}
}

// shake rewrites a real file by all the rules of noise at once.
func shake(data []byte, random *rand.Rand) []byte {
	date := regexp.MustCompile(`(?m)^  <date(Created|Modified)>.*\n`)
	data = date.ReplaceAll(data, nil)
	data = regexp.MustCompile(`(?m)^</(layer|style|dataStore|coverageStore|layerGroup|workspace)>`).
		ReplaceAll(data, []byte("  <dateModified>2026-01-02 03:04:05.6 UTC</dateModified>\n  <modifiedBy>jane</modifiedBy>\n</$1>"))
	data = regexp.MustCompile(`<updateSequence>\d+`).ReplaceAll(data, fmt.Appendf(nil, "<updateSequence>%d", random.IntN(1000)))
	entry := regexp.MustCompile(`(?m)^ *<entry key="[^"]*">[^<\n]*</entry>\n`)
	runs := regexp.MustCompile(`(?m)(?:^ *<entry key="[^"]*">[^<\n]*</entry>\n)+`)
	data = runs.ReplaceAllFunc(data, func(run []byte) []byte {
		entries := entry.FindAll(run, -1)
		random.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		return bytes.Join(entries, nil)
	})
	return append(bytes.TrimRight(data, "\n"), strings.Repeat("\n", random.IntN(3))...)
}

// No real file changes its meaning by noise, and the comparison says nothing of
// two versions that say the same.
func TestRealFilesAreBlindToNoise(t *testing.T) {
	for _, name := range []string{"imas-2.28", "geoserver-release-3.0"} {
		random := rand.New(rand.NewPCG(1, 2))
		dir := os.DirFS(filepath.Join(realData(t, name), "data_dir"))
		shaken := 0
		err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !xmlcatalog.IsCatalog(path) || !strings.HasSuffix(path, ".xml") {
				return err
			}
			data, err := fs.ReadFile(dir, path)
			other := shake(data, random)
			if !bytes.Equal(data, other) {
				shaken++
			}
			if !xmlcatalog.Noise(path, data, other) {
				t.Errorf("%s: not called noise:\n%s", path, other)
			}
			return err
		})
		if err != nil || shaken < 50 {
			t.Fatalf("%d files were shaken: %v", shaken, err)
		}
	}
}

// Comparing a tree with itself, or with one that differs by noise, says nothing.
func TestCompareSaysNothingOfNoise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := files{t}.tree()
		c := catalogOf(tree)
		var edits []xmlcatalog.Edit
		for path, data := range tree {
			edits = append(edits, xmlcatalog.Edit{Path: path, Old: data, New: bytes.Clone(data)})
		}
		if got := xmlcatalog.Compare(c, c.With(edits), edits); len(got) > 0 {
			t.Fatalf("got %v", got)
		}
	})
}

// Whatever is edited, the message keeps its form: each object that changed
// more than by noise is named, and no rename joins two ids.
func TestEveryChangeIsNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := files{t}
		tree := f.tree()
		next := f.edited(tree)
		edits := editsBetween(tree, next)
		before := catalogOf(tree)
		changes := xmlcatalog.Compare(before, before.With(edits), edits)
		for _, c := range changes {
			if (c.Op == xmlcatalog.Rename || c.Op == xmlcatalog.Move) && c.Was.ID != c.Object.ID {
				t.Fatalf("%s joins %v and %v", c.Op, c.Was, c.Object)
			}
			if c.Op == xmlcatalog.Replace && c.Was.ID == c.Object.ID {
				t.Fatalf("%v was replaced by itself", c.Object)
			}
		}
		m := xmlcatalog.Describe(changes, edits)
		if strings.Contains(m.Subject, "\n") || len([]rune(m.Subject)) > 72 || m.Subject == "" {
			t.Fatalf("subject %q", m.Subject)
		}
		if m.Created+m.Modified+m.Deleted+m.Renamed != len(changes) || len(m.Touched) > len(changes) {
			t.Fatalf("counts of %d changes: %+v", len(changes), m)
		}
	})
}
