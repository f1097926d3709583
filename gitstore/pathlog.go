package gitstore

import (
	"context"
	"iter"
	"strings"
)

// PathLog gives the commits that changed any of the paths (files or directories), newest first. As in git log, of a
// merge only the side that the content came from is followed.
func (s *Store) PathLog(ctx context.Context, from Hash, paths []string) iter.Seq2[Commit, error] {
	t := &traces{store: s, paths: paths, known: map[Hash]trace{}}
	return s.history(ctx, from, t.visit)
}

// trace is what stands on the way to the paths in one root tree: for each path the directories above it, by level, and
// the entry itself last. Level by level, an id that a neighbouring commit has as well is not read again.
type trace [][]Hash

// traces remembers the trace of a few trees: that of a commit is asked for again when its child has been visited.
type traces struct {
	store *Store
	paths []string
	known map[Hash]trace
}

const tracesKept = 64

func (t *traces) visit(c Commit) (parents []Hash, show bool, err error) {
	own, err := t.of(c.Tree, nil)
	if err != nil {
		return nil, false, err
	}
	show = len(c.Parents) > 0 || own.present()
	for _, p := range c.Parents {
		tree, err := t.store.rootTree(p)
		if err != nil {
			return nil, false, err
		}
		other, err := t.of(tree, own)
		if err != nil {
			return nil, false, err
		}
		if own.ends(other) {
			return []Hash{p}, false, nil
		}
	}
	return c.Parents, show, nil
}

// of gives the trace of a tree; near is that of a commit beside it.
func (t *traces) of(tree Hash, near trace) (trace, error) {
	if known, ok := t.known[tree]; ok {
		return known, nil
	}
	out := make(trace, len(t.paths))
	for i, path := range t.paths {
		var beside []Hash
		if near != nil {
			beside = near[i]
		}
		way, err := t.way(tree, path, beside)
		if err != nil {
			return nil, err
		}
		out[i] = way
	}
	if len(t.known) >= tracesKept {
		clear(t.known)
	}
	t.known[tree] = out
	return out, nil
}

func (t *traces) way(tree Hash, path string, beside []Hash) ([]Hash, error) {
	way := []Hash{tree}
	at := treeEntry{id: tree, mode: modeDirectory}
	for name := range strings.SplitSeq(path, "/") {
		level := len(way)
		if level <= len(beside) && beside[level-1] == way[level-1] {
			return append(way, beside[level:]...), nil
		}
		if !at.isTree() {
			return append(way, Hash{}), nil
		}
		d, err := t.store.readDirectory(at.id)
		if err != nil {
			return nil, err
		}
		var ok bool
		if at, ok = d.find(name); !ok {
			return append(way, Hash{}), nil
		}
		way = append(way, at.id)
	}
	return way, nil
}

// ends tells whether both lead to the same.
func (t trace) ends(other trace) bool {
	for i := range t {
		if t[i][len(t[i])-1] != other[i][len(other[i])-1] {
			return false
		}
	}
	return true
}

func (t trace) present() bool {
	for _, way := range t {
		if !way[len(way)-1].IsZero() {
			return true
		}
	}
	return false
}
