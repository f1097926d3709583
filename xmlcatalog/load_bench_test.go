package xmlcatalog_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// One run of a benchmark is a whole series, the ways in turn, so -benchtime 1x
// is enough. GSGIT_BENCH=small takes a twentieth of every size.

func benchSize(n int) int {
	if os.Getenv("GSGIT_BENCH") == "small" {
		return n / 20
	}
	return n
}

// scratch is a directory for a benchmark. The task keeps all of them until its
// end: a file system without a journal makes new files slowly for minutes after
// many were removed.
func scratch(b *testing.B) string {
	b.Helper()
	root := os.Getenv("GSGIT_BENCH_DIR")
	if root == "" {
		return b.TempDir()
	}
	dir, err := os.MkdirTemp(root, "")
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

// spent is time on the wall and on the processors.
type spent struct{ wall, cpu time.Duration }

// spend times do on a heap that is clean of what the one before it left.
func spend(do func()) spent {
	runtime.GC()
	begin, cpu := time.Now(), cpuTime()
	do()
	return spent{time.Since(begin), cpuTime() - cpu}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func medianOf(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2]) / float64(time.Millisecond)
}

// BenchmarkLoad is the catalog of a whole directory beside etree, which does no
// more than find and parse the same files, one after the other.
func BenchmarkLoad(b *testing.B) {
	b.Run("imas-2.28", func(b *testing.B) { loadBesideEtree(b, filepath.Join(realData(b, "imas-2.28"), "data_dir")) })
	b.Run(fmt.Sprintf("layers=%d", benchSize(50_000)), func(b *testing.B) {
		dir := scratch(b)
		if err := fixtures.Synthetic(dir, benchSize(50_000), 100); err != nil {
			b.Fatal(err)
		}
		loadBesideEtree(b, dir)
	})
}

func loadBesideEtree(b *testing.B, dir string) {
	tree := trackedFS{xmlcatalog.OnDisk(dir)}
	var ours, etrees, oursCPU, etreesCPU []time.Duration
	for range 5 {
		s := spend(func() { load(b, tree) })
		ours, oursCPU = append(ours, s.wall), append(oursCPU, s.cpu)
		s = spend(func() { etreeAll(dir, parsed(b, tree)) })
		etrees, etreesCPU = append(etrees, s.wall), append(etreesCPU, s.cpu)
	}
	b.ReportMetric(medianOf(ours), "gsgit-ms")
	b.ReportMetric(medianOf(etrees), "etree-ms")
	b.ReportMetric(medianOf(etrees)/medianOf(ours), "etree/gsgit")
	b.ReportMetric(medianOf(etreesCPU)/medianOf(oursCPU), "etree/gsgit-cpu")
	b.ReportMetric(heapOf(func() any { return load(b, tree) }), "MiB-kept")
	b.ReportMetric(float64(len(parsed(b, tree))), "files")
	b.ReportMetric(0, "ns/op")
}

func load(b *testing.B, tree fs.FS) *xmlcatalog.Catalog {
	c, err := xmlcatalog.Load(tree)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// trackedFS hides what is not tracked, as Load wants it.
type trackedFS struct{ fs.FS }

func (t trackedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	rules := xmlcatalog.Rules{}
	entries, err := fs.ReadDir(t.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		p := e.Name()
		if name != "." {
			p = name + "/" + p
		}
		if e.IsDir() {
			return !rules.Descend(p)
		}
		return !rules.Tracked(p)
	}), err
}

// parsed are the XML files that Load opens.
func parsed(b *testing.B, tree fs.FS) (names []string) {
	b.Helper()
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		ext := filepath.Ext(name)
		if err == nil && d.Type().IsRegular() && (ext == ".xml" && xmlcatalog.IsCatalog(name) || ext == ".sld") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return names
}

// etreeAll passes over what etree can not read, such as other encodings.
func etreeAll(dir string, names []string) {
	for _, name := range names {
		_ = etree.NewDocument().ReadFromFile(filepath.Join(dir, name))
	}
}

// heapOf is what a value keeps on the heap, in MiB.
func heapOf(build func() any) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	value := build()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(value)
	return float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)) / (1 << 20)
}

// BenchmarkOneLayer is what one changed layer costs in a catalog of fifty
// thousand: damage, difference and message.
func BenchmarkOneLayer(b *testing.B) {
	c := catalogOf(manyLayers(benchSize(50_000)))
	old := []byte(layerXML(7, "style"))
	edits := []xmlcatalog.Edit{{Path: layerPath(7) + "/layer.xml", Old: old, New: []byte(layerXML(7, "other"))}}
	var took []time.Duration
	for range 101 {
		took = append(took, spend(func() {
			after := c.With(edits)
			xmlcatalog.NewDamage(c, after, edits)
			xmlcatalog.Describe(xmlcatalog.Compare(c, after, edits), edits)
		}).wall)
	}
	b.ReportMetric(medianOf(took), "gsgit-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkMemory says what a catalog of a hundred thousand layers keeps.
func BenchmarkMemory(b *testing.B) {
	files := manyLayers(benchSize(100_000))
	b.ReportMetric(heapOf(func() any { return catalogOf(files) }), "MiB-kept")
	b.ReportMetric(0, "ns/op")
	runtime.KeepAlive(files)
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
