package xmlcatalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// BenchmarkLoad stands beside BenchmarkEtree, which does no more than parse the
// same files.
func BenchmarkLoad(b *testing.B) {
	tree := os.DirFS(filepath.Join(realData(b, "imas-2.28"), "data_dir"))
	for b.Loop() {
		if _, err := xmlcatalog.Load(tree); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEtree(b *testing.B) {
	dir := filepath.Join(realData(b, "imas-2.28"), "data_dir")
	files := readTree(b, dir, xmlcatalog.Rules{})
	for b.Loop() {
		for name := range files {
			if !strings.HasSuffix(name, ".xml") && !strings.HasSuffix(name, ".sld") {
				continue
			}
			doc := etree.NewDocument()
			if err := doc.ReadFromFile(filepath.Join(dir, name)); err != nil && xmlcatalog.IsCatalog(name) {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkOneLayer compares one changed layer in a catalog of ten thousand.
func BenchmarkOneLayer(b *testing.B) {
	c := catalogOf(manyLayers(10_000))
	old := []byte(layerXML(7, "style"))
	edits := []xmlcatalog.Edit{{Path: layerPath(7) + "/layer.xml", Old: old, New: []byte(layerXML(7, "other"))}}
	b.ReportAllocs()
	for b.Loop() {
		after := c.With(edits)
		xmlcatalog.NewDamage(c, after, edits)
		xmlcatalog.Describe(xmlcatalog.Compare(c, after, edits), edits)
	}
}

// BenchmarkMemory says what a catalog of a hundred thousand layers keeps.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		var before, after runtime.MemStats
		files := manyLayers(100_000)
		runtime.GC()
		runtime.ReadMemStats(&before)
		c := catalogOf(files)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB/100k-layers")
		runtime.KeepAlive(c)
		runtime.KeepAlive(files)
	}
}

func layerPath(n int) string { return fmt.Sprintf("workspaces/topp/store%d/layer%d", n/100, n) }

func layerXML(n int, style string) string {
	return fmt.Sprintf("<layer><name>layer%d</name><id>LayerInfoImpl-%x:18bfb63edd7:-5a7a</id><defaultStyle><id>StyleInfoImpl-%s</id></defaultStyle>"+
		"<resource class=\"featureType\"><id>FeatureTypeInfoImpl-%x:18bfb63edd7:-5a7b</id></resource></layer>", n, n, style, n)
}

func manyLayers(n int) map[string][]byte {
	files := map[string][]byte{
		"workspaces/topp/workspace.xml": []byte("<workspace><id>w</id><name>topp</name></workspace>"),
		"workspaces/topp/namespace.xml": []byte("<namespace><id>n</id><prefix>topp</prefix></namespace>"),
		"styles/style.xml":              []byte("<style><id>StyleInfoImpl-style</id><name>style</name></style>"),
		"styles/other.xml":              []byte("<style><id>StyleInfoImpl-other</id><name>other</name></style>"),
	}
	for i := range n {
		store := fmt.Sprintf("workspaces/topp/store%d/datastore.xml", i/100)
		files[store] = fmt.Appendf(nil, "<dataStore><id>DataStoreInfoImpl-%x</id><name>store%d</name><workspace><id>w</id></workspace></dataStore>", i/100, i/100)
		files[layerPath(i)+"/layer.xml"] = []byte(layerXML(i, "style"))
		files[layerPath(i)+"/featuretype.xml"] = fmt.Appendf(nil, "<featureType><id>FeatureTypeInfoImpl-%x:18bfb63edd7:-5a7b</id><name>layer%d</name>"+
			"<namespace><id>n</id></namespace><store class=\"dataStore\"><id>DataStoreInfoImpl-%x</id></store></featureType>", i, i, i/100)
	}
	return files
}
