package gitstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Edit is what becomes of one path: the file gets exactly Content, or is removed where Content is nil. An empty, non-nil
// Content is an empty file. Removing what is not there is no error.
type Edit struct {
	Path    string
	Content []byte
}

// Draft is a commit to be made: the tree of Parent (empty for a zero Parent) with the edits.
type Draft struct {
	Parent            Hash
	Edits             []Edit
	Author, Committer Signature
	Message           string
	// Describe (may be nil) gives the Message once every content has been read: an import is described by what was read.
	Describe func() string
}

// Write makes the draft a commit. Its objects are durable, as one pack, when Write returns; no ref has moved. A file
// takes the place of a directory of its name and the other way round; a file and a file below it given in one draft, a
// path given twice, and paths that are empty, absolute or reach out of the tree or into .git are refused. A draft without
// parent is refused where the branch has commits.
func (s *Store) Write(ctx context.Context, d Draft) (Hash, error) {
	id, err := s.writeDraft(ctx, d, func(w *packWriter, parent Hash) (Hash, error) {
		edits, err := sortedEdits(d.Edits)
		if err != nil {
			return Hash{}, err
		}
		t := treeEdit{store: s, pack: w, ctx: ctx}
		return t.apply(parent, edits, 0)
	})
	if err != nil {
		return Hash{}, fmt.Errorf("write a commit: %w", err)
	}
	return id, nil
}

// writeDraft does what Write and Import share: everything but the tree.
func (s *Store) writeDraft(ctx context.Context, d Draft, tree func(w *packWriter, parent Hash) (Hash, error)) (Hash, error) {
	if err := errors.Join(s.writable("write"), cancelled(ctx)); err != nil {
		return Hash{}, err
	}
	if err := s.checkParent(ctx, d.Parent); err != nil {
		return Hash{}, err
	}
	parentTree, err := s.rootTree(d.Parent)
	if err != nil {
		return Hash{}, err
	}
	s.write.Lock()
	defer s.write.Unlock()
	w := s.newPackWriter()
	defer w.discard()
	root, err := tree(w, parentTree)
	if err != nil {
		return Hash{}, err
	}
	var parents []Hash
	if !d.Parent.IsZero() {
		parents = []Hash{d.Parent}
	}
	if d.Describe != nil {
		d.Message = d.Describe()
	}
	id, err := w.put(kindCommit, encodeCommit(root, parents, d.Author, d.Committer, d.Message))
	if err == nil {
		err = w.finish(ctx)
	}
	if err == nil {
		s.roots.put(id, root)
	}
	return id, err
}

// checkParent keeps a history from being started anew beside, or instead of, the one that is here.
func (s *Store) checkParent(ctx context.Context, parent Hash) error {
	if !parent.IsZero() {
		return nil
	}
	head, err := s.Ref(s.BranchRef())
	if err == nil && !head.IsZero() {
		err = &storeError{text: "a commit without parent, though " + s.branch + " has the history of " + head.String(), permanent: true}
	}
	if err == nil {
		err = s.checkNotStranded(ctx)
	}
	return err
}

func sortedEdits(edits []Edit) ([]Edit, error) {
	out := slices.SortedFunc(slices.Values(edits), func(a, b Edit) int { return cmp.Compare(a.Path, b.Path) })
	for i, e := range out {
		if err := checkPath(e.Path); err != nil {
			return nil, err
		}
		if i > 0 && out[i-1].Path == e.Path {
			return nil, &storeError{text: fmt.Sprintf("the path %q is given twice", e.Path), permanent: true}
		}
	}
	return out, nil
}

// treeEdit makes new trees from old ones and puts what is new into a pack.
type treeEdit struct {
	store *Store
	pack  *packWriter
	ctx   context.Context
}

// apply gives the tree that the edits, all of them below one directory whose path is `at` bytes long, make of the old
// one; zero where nothing is left.
func (t *treeEdit) apply(old Hash, edits []Edit, at int) (Hash, error) {
	before, err := t.store.directory(old)
	if err != nil {
		return Hash{}, err
	}
	changed := make(map[string]treeEntry)
	for len(edits) > 0 {
		name, n := firstName(edits, at)
		e, err := t.entry(before, name, edits[:n], at)
		if err != nil {
			return Hash{}, err
		}
		changed[name] = e
		edits = edits[n:]
	}
	return t.put(old, merge(before, changed), at)
}

// put stores what became of a directory; an empty one is not kept but at the root.
func (t *treeEdit) put(old Hash, d directory, at int) (Hash, error) {
	if len(d) == 0 && at > 0 {
		return Hash{}, nil
	}
	id, err := t.pack.putUnless(old, kindTree, d.encode())
	if err == nil {
		t.store.trees.replace(old, id, d)
	}
	return id, err
}

// firstName gives the first name below the directory and how many edits are at or below it. Sorted by bytes, edits of
// one name need not be neighbours ("a", "a-b", "a/c"), so they are brought together.
func firstName(edits []Edit, at int) (string, int) {
	name, _, _ := strings.Cut(edits[0].Path[at:], "/")
	n := 1
	for i := 1; i < len(edits) && strings.HasPrefix(edits[i].Path[at:], name); i++ {
		if rest := edits[i].Path[at+len(name):]; rest != "" && rest[0] != '/' {
			continue
		}
		e := edits[i]
		copy(edits[n+1:i+1], edits[n:i])
		edits[n] = e
		n++
	}
	return name, n
}

// entry makes the new entry of one name from the edits at or below it; a zero id means that it is gone.
func (t *treeEdit) entry(before directory, name string, edits []Edit, at int) (treeEntry, error) {
	old, _ := before.find(name)
	own, below := edits[:0], edits
	if len(edits[0].Path) == at+len(name) {
		own, below = edits[:1], edits[1:]
	}
	if len(own) > 0 && own[0].Content != nil {
		return t.file(name, old, own[0], below)
	}
	if len(below) > 0 {
		return t.below(name, old, len(own) > 0, below, at)
	}
	if old.isTree() {
		return old, nil // the file is gone already
	}
	return treeEntry{}, nil
}

// file puts a file in the place of whatever has its name; what stood below that must not be given anew.
func (t *treeEdit) file(name string, old treeEntry, e Edit, below []Edit) (treeEntry, error) {
	if slices.ContainsFunc(below, func(b Edit) bool { return b.Content != nil }) {
		return old, &storeError{text: fmt.Sprintf("%q is to be a file and a directory at once", e.Path), permanent: true}
	}
	if err := cancelled(t.ctx); err != nil {
		return old, err
	}
	id, err := t.pack.putUnless(old.id, kindBlob, e.Content)
	return treeEntry{name, id, keptMode(old)}, err
}

// below edits the directory of that name, made where there is none.
func (t *treeEdit) below(name string, old treeEntry, fileGone bool, edits []Edit, at int) (treeEntry, error) {
	tree := Hash{}
	if old.isTree() {
		tree = old.id
	}
	id, err := t.apply(tree, edits, at+len(name)+1)
	if id.IsZero() && !fileGone && !old.isTree() {
		return old, err // removals below a name that is a file, or nothing
	}
	return treeEntry{name, id, modeDirectory}, err
}

// keptMode keeps the executable bit of a regular file, which is a file's own and not ours to change.
func keptMode(old treeEntry) uint32 {
	if old.isRegular() {
		return old.mode
	}
	return modeFile
}

// merge replaces the changed names in a directory.
func merge(before directory, changed map[string]treeEntry) directory {
	added := make(directory, 0, len(changed))
	for _, e := range changed {
		if !e.id.IsZero() {
			added = append(added, e)
		}
	}
	slices.SortFunc(added, compareEntries)
	out := make(directory, 0, len(before)+len(added))
	for _, e := range before {
		if _, ok := changed[e.name]; ok {
			continue
		}
		for len(added) > 0 && compareEntries(added[0], e) < 0 {
			out, added = append(out, added[0]), added[1:]
		}
		out = append(out, e)
	}
	return append(out, added...)
}
