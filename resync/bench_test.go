package resync_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/gsgit/gsgit/resync"
)

// manyLayers is a catalog of n layers, two files each, a hundred layers a store.
func manyLayers(n int) tree {
	tr := tree{"global.xml": "<global/>"}
	for i := range n {
		dir := fmt.Sprintf("workspaces/ws%d/store/layer%d/", i/100, i)
		tr[dir+"layer.xml"] = fmt.Sprintf("<layer><id>%d</id></layer>", i)
		tr[dir+"featuretype.xml"] = fmt.Sprintf("<featureType><id>%d</id></featureType>", i)
	}
	return tr
}

// filled is a replica on the disk of the temporary directory, not in memory.
func filled(b *testing.B, content tree) *replica {
	b.Helper()
	r := newReplica(b, nil)
	r.options.Root = b.TempDir()
	r.options.State = r.at(".git/gsgit")
	if err := r.apply(tree{}.plan(b, content), content.source()); err != nil {
		b.Fatal(err)
	}
	return r
}

func BenchmarkBootstrap10000Layers(b *testing.B) {
	content := manyLayers(10_000)
	for b.Loop() {
		filled(b, content)
	}
}

func BenchmarkApply(b *testing.B) {
	const layers = 10_000
	base := manyLayers(layers)
	for _, changed := range []int{1, 500} {
		b.Run(fmt.Sprintf("%d of %d layers", changed, layers), func(b *testing.B) {
			r := filled(b, base)
			trees := []tree{base, maps.Clone(base)}
			for i := range changed {
				trees[1][fmt.Sprintf("workspaces/ws%d/store/layer%d/layer.xml", i*layers/changed/100, i*layers/changed)] = "<layer>new</layer>"
			}
			there, back := trees[0].plan(b, trees[1]), trees[1].plan(b, trees[0])
			sources := []resync.Source{trees[0].source(), trees[1].source()}
			d := r.open()
			turn := 0
			for b.Loop() {
				plan, source := there, sources[1]
				if turn++; turn%2 == 0 {
					plan, source = back, sources[0]
				}
				if err := d.Check(plan); err != nil {
					b.Fatal(err)
				}
				if err := d.Apply(b.Context(), plan, source); err != nil {
					b.Fatal(err)
				}
				if err := d.Done(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDriftsOf10000LayersUnchanged(b *testing.B) {
	content := manyLayers(10_000)
	r := filled(b, content)
	d := r.open()
	for b.Loop() {
		if _, err := d.Drifts(b.Context(), content.files()); err != nil {
			b.Fatal(err)
		}
	}
}
