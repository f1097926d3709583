package xmlcatalog_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// document is a file of one kind as a GeoServer may write it: what it says, and how it is written.
type document struct {
	path  string
	write func(w writing) string
}

// writing is everything in which two writings of one document may differ without saying anything else.
type writing struct {
	order    []int // of a map's or a set's entries
	date     string
	counter  int
	crlf     bool
	trailing string
}

// drawWriting draws one for n entries.
func drawWriting(t *rapid.T, n int, label string) writing {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return writing{
		order:    rapid.Permutation(order).Draw(t, label+" order"),
		date:     fmt.Sprintf("2026-11-%02d 10:00:00.%d UTC", rapid.IntRange(1, 30).Draw(t, label+" day"), rapid.IntRange(0, 999).Draw(t, label+" ms")),
		counter:  rapid.IntRange(0, 1_000_000).Draw(t, label+" counter"),
		crlf:     rapid.Bool().Draw(t, label+" crlf"),
		trailing: rapid.SampledFrom([]string{"", "\n"}).Draw(t, label+" trailing"),
	}
}

// drawDocument draws what is said: values that another document of the same shape would differ in.
func drawDocument(t *rapid.T, n int) document {
	word := rapid.StringMatching(`[a-z]{1,8}`)
	values := make([]string, n)
	for i := range values {
		values[i] = word.Draw(t, "value")
	}
	entries := func(w writing, form string) string {
		var b strings.Builder
		for _, i := range w.order {
			fmt.Fprintf(&b, form, i, values[i])
		}
		return b.String()
	}
	title := word.Draw(t, "title")
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		return document{"workspaces/w/s/datastore.xml", func(w writing) string {
			return "<dataStore><id>d</id><name>" + title + "</name><connectionParameters>" + entries(w, `<entry key="k%d">%s</entry>`) +
				"</connectionParameters><dateModified>" + w.date + "</dateModified></dataStore>" + w.trailing
		}}
	case 1:
		return document{"workspaces/w/s/l/layer.xml", func(w writing) string {
			return "<layer><name>" + title + "</name><id>l</id><styles>" + entries(w, "<style><id>s%d-%s</id></style>") +
				"</styles><dateModified>" + w.date + "</dateModified></layer>" + w.trailing
		}}
	case 2:
		return document{"global.xml", func(w writing) string {
			return fmt.Sprintf("<global><settings><title>%s</title></settings><metadata>%s</metadata><updateSequence>%d</updateSequence></global>",
				title, entries(w, `<entry key="k%d">%s</entry>`), w.counter)
		}}
	case 3:
		return document{"security/layers.properties", func(w writing) string {
			return "#Mon Nov 23 08:06:20 UTC 20" + fmt.Sprint(10+w.counter%80) + "\n" + entries(w, "w.l%d.r=%s\n")
		}}
	}
	return document{"styles/x.sld", func(w writing) string {
		body := "<sld>\n<name>" + title + "</name>\n</sld>"
		if w.crlf {
			body = strings.ReplaceAll(body, "\n", "\r\n")
		}
		return body
	}}
}

// However one document is written, it is noise; and another document never is, however it is written.
func TestG3NoiseIsBlindToTheWritingAndToNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "entries")
		d := drawDocument(t, n)
		a, b := []byte(d.write(drawWriting(t, n, "a"))), []byte(d.write(drawWriting(t, n, "b")))
		if !xmlcatalog.Noise(d.path, a, b) || !xmlcatalog.Noise(d.path, b, a) || !xmlcatalog.Noise(d.path, a, a) {
			t.Fatalf("two writings of one %s are a change:\n%s\n%s", d.path, a, b)
		}
		if changes := xmlcatalog.Compare(xmlcatalog.Empty(), xmlcatalog.Empty(), []xmlcatalog.Edit{{Path: d.path, Old: a, New: b}}); len(changes) != 0 {
			t.Fatalf("they are told as %v", changes)
		}
		other := drawDocument(t, n)
		w := drawWriting(t, n, "other")
		c := []byte(other.write(w))
		if other.path == d.path && d.write(w) != other.write(w) && xmlcatalog.Noise(d.path, a, c) {
			t.Fatalf("two documents of %s count as one:\n%s\n%s", d.path, a, c)
		}
	})
}
