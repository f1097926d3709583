package xmlcatalog

import (
	"strings"
	"testing"
)

// seeds are documents of each kind, whole and damaged.
func seeds(f *testing.F) {
	for _, doc := range []string{
		"", " ", "<", "<a", "<a/>", "<a></a>", "<a><b></a></b>", "<a>&lt;&#x41;&bad;</a>", "<?xml version='1.0' encoding='UTF-16'?><a/>",
		"<!DOCTYPE a [<!ENTITY b '&b;'>]><a>&b;</a>", "<a><![CDATA[x]]></a>", "<!-- - --><a/>", "\xFF\xFE<\x00a\x00/\x00>\x00", "\xEF\xBB\xBF<a/>",
		"<layer><name>l</name><id>L</id><defaultStyle><id>Y</id></defaultStyle><styles class=\"linked-hash-set\"><style><id>Z</id></style></styles></layer>",
		"<layerGroup><publishables><published type=\"layer\"><id>L</id></published><published/></publishables><styles><style/><style><id>Y</id></style></styles></layerGroup>",
		"<dataStore><connectionParameters><entry key=\"passwd\">crypt1:x</entry><entry><string>k</string><null/></entry></connectionParameters></dataStore>",
		"<featureType><nativeCRS>GEOGCS[\"a\", AUTHORITY[\"EPSG\",\"4326\"]]</nativeCRS><nativeBoundingBox><minx>1</minx></nativeBoundingBox></featureType>",
		"#Tue Mar 07 11:43:26 AEDT 2023\n*.*.r=*\n",
	} {
		f.Add([]byte(doc), []byte(strings.Replace(doc, "1", "2", 1)))
	}
}

var fuzzedPaths = []string{
	"global.xml", "wms.xml", "workspaces/default.xml", "workspaces/w/workspace.xml", "workspaces/w/namespace.xml", "workspaces/w/s/datastore.xml",
	"workspaces/w/s/l/featuretype.xml", "workspaces/w/s/l/layer.xml", "layergroups/g.xml", "styles/y.xml", "styles/y.sld", "gwc-layers/L.xml", "security/layers.properties",
}

// Whatever stands in a file: the scanner and etree judge it alike wherever
// etree is right, and the canonical form says the same of equal documents.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data, _ []byte) {
		text, err := utf8Text(data)
		if err != nil {
			return
		}
		scanned := wellFormed(text)
		e, err := canonical(data)
		if scanned != nil && err == nil {
			t.Fatalf("canonical form of what the scanner refuses: %v", scanned)
		}
		if err == nil {
			again, err := canonical(data)
			if err != nil || again.sum != e.sum {
				t.Fatal("canonical form differs from itself")
			}
		}
		for _, path := range fuzzedPaths {
			readRecord(path, data)
		}
	})
}

// Two versions of any file: comparing them never fails, and noise is the same
// in both directions.
func FuzzCompare(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, old, new []byte) {
		for _, path := range fuzzedPaths {
			if old == nil || new == nil {
				return
			}
			if Noise(path, old, new) != Noise(path, new, old) {
				t.Fatalf("%s: noise in one direction only", path)
			}
			Echo(path, old, new)
			edits := []Edit{{Path: path, Old: old, New: new}}
			before := Empty()
			before.Absorb([]Edit{{Path: path, New: old}})
			after := before.With(edits)
			changes := Compare(before, after, edits)
			if Noise(path, old, new) && len(changes) > 0 {
				t.Fatalf("%s: noise is a change: %v", path, changes)
			}
			m := Describe(changes, edits)
			if len([]rune(m.Subject)) > maxSubject || strings.ContainsAny(m.Subject, "\r\n") {
				t.Fatalf("subject %q", m.Subject)
			}
			NewDamage(before, after, edits)
		}
	})
}
