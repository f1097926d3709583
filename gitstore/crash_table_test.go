package gitstore

import (
	"path"
	"slices"
)

// points are those at which each job has to have been killed, in the order in which it first comes to them: after each
// change of a file, and at the named steps. TMP, PACK and LOOSE stand for names that differ each time.
var points = map[string][]string{
	"commit":      slices.Concat(newPack, newRef("refs/heads/main"), branchMoved, newRef("refs/gsgit/disk")),
	"import":      slices.Concat(newPack, newRef("refs/heads/main"), branchMoved, newRef("refs/gsgit/disk")),
	"fetch":       slices.Concat(newPack, []string{"gitstore.received"}, newDirs, newRef("refs/remotes/gs-b/main"), []string{"remove PACK.keep"}),
	"roll-up":     slices.Concat([]string{"gitstore.rollup"}, newPack, newFile("gsgit/rollup", "gsgit"), rolledUp, []string{"remove LOOSE", "remove PACK.keep"}),
	"maintain":    slices.Concat([]string{"remove PACK.keep"}, noPackedDrift, newFile("logs/refs/heads/main", "logs/refs/heads")),
	"delete ref":  noPackedRef("refs/gsgit/disk", "refs/gsgit"),
	"delete side": slices.Concat(noPackedRef("refs/heads/side", "refs/heads"), []string{"remove logs/refs/heads/side", "syncdir logs/refs/heads"}),
	"push":        {"create TMP_pack", "write TMP_pack", "remove TMP_pack"},
	"start":       slices.Concat(cleared, rolledUp[2:], newFile("gsgit/wounded", "gsgit"), newFile("PACK.idx", "objects/pack")),
	"repair":      newFile("refs/heads/main", "refs/heads"),
	"create": slices.Concat(
		[]string{"mkdir .", "syncdir ..", "mkdir objects", "syncdir .", "mkdir objects/pack", "syncdir objects", "mkdir objects/info"},
		[]string{"mkdir refs", "mkdir refs/heads", "syncdir refs", "mkdir refs/tags", "mkdir info", "mkdir gsgit"},
		newFile("config", "."), newFile("info/attributes", "info"), newFile("HEAD", ".")),
}

var newPack = []string{
	"create TMP_pack", "write TMP_pack", "sync TMP_pack", "create TMP_idx", "write TMP_idx", "sync TMP_idx", "gitstore.pack",
	"link gsgit/keep to PACK.keep", "rename TMP_pack to PACK.pack", "gitstore.renamed", "rename TMP_idx to PACK.idx",
	"syncdir objects/pack", "gitstore.objects",
}

// rolledUp begins when the new pack and the journal are durable.
var rolledUp = []string{
	"gitstore.rolled", "remove multi-pack-index", "remove PACK.idx", "gitstore.removed.idx", "remove PACK.rev", "gitstore.removed.rev",
	"remove PACK.bitmap", "gitstore.removed.bitmap", "remove PACK.pack", "gitstore.removed.pack", "syncdir objects/pack", "remove gsgit/rollup",
}

// cleared is what a start does besides ending a roll-up.
var cleared = []string{
	"remove packed-refs.lock", "remove refs/gsgit/disk.lock", "remove gsgit/TMP", "remove TMP.lock", "remove refs/gsgit/TMP.lock", "rename TMP_idx to PACK.idx", "remove PACK.idx", "remove PACK.keep", "remove LOOSE",
}

var (
	branchMoved   = []string{"append logs/refs/heads/main", "remove PACK.keep"}
	newDirs       = []string{"mkdir refs/remotes", "syncdir refs", "mkdir refs/remotes/gs-b", "syncdir refs/remotes"}
	noPackedDrift = slices.Concat([]string{"mkdir refs/gsgit/drift", "syncdir refs/gsgit"}, noPackedRef("refs/gsgit/drift/00", "refs/gsgit/drift"))
)

func newFile(path, dir string) []string {
	return []string{"create gsgit/TMP", "write gsgit/TMP", "sync gsgit/TMP", "rename gsgit/TMP to " + path, "syncdir " + dir}
}

func newRef(name string) []string {
	return slices.Concat(lockedRef(name),
		[]string{"rename " + name + ".lock to " + name, "syncdir " + path.Dir(name), "gitstore.ref:" + name, "remove " + path.Dir(name) + "/TMP.lock"})
}

func lockedRef(name string) []string {
	temporary := path.Join(path.Dir(name), "TMP.lock")
	return []string{"create " + temporary, "write " + temporary, "sync " + temporary, "link " + temporary + " to " + name + ".lock", "gitstore.locked:" + name}
}

// noPackedRef is the end of a ref that git has packed.
func noPackedRef(name, dir string) []string {
	return slices.Concat(lockedRef(name), lockedRef("packed-refs"), newFile("packed-refs", "."),
		[]string{"remove packed-refs.lock", "remove TMP.lock", "syncdir " + dir, "gitstore.ref:" + name, "remove " + name + ".lock", "remove " + dir + "/TMP.lock"})
}
