package gitstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// importWorkers read, hash and deflate; more gain nothing against one disk.
const importWorkers = 2

// Import is Write with a tree of exactly the given paths, whatever the parent's tree holds; Draft.Edits is ignored. The
// content comes from read, which is called from two goroutines, once for each path, and is let go at once. What the
// parent has at the same path is not written again. An error of read ends the import.
func (s *Store) Import(ctx context.Context, d Draft, paths []string, read func(path string) ([]byte, error)) (Hash, error) {
	id, err := s.writeDraft(ctx, d, func(w *packWriter, parent Hash) (Hash, error) {
		sorted, err := sortedPaths(paths)
		if err != nil {
			return Hash{}, err
		}
		blobs, err := s.importBlobs(ctx, w, parent, sorted, read)
		if err != nil {
			return Hash{}, err
		}
		t := treeImport{treeEdit{store: s, pack: w, ctx: ctx}, sorted, blobs}
		return t.build(parent, 0, len(sorted), 0)
	})
	if err != nil {
		return Hash{}, fmt.Errorf("import %d files: %w", len(paths), err)
	}
	return id, nil
}

func sortedPaths(paths []string) ([]string, error) {
	sorted := slices.Sorted(slices.Values(paths))
	files := make(map[string]bool, len(sorted))
	for i, path := range sorted {
		if err := checkPath(path); err != nil {
			return nil, err
		}
		if i > 0 && sorted[i-1] == path {
			return nil, &storeError{text: fmt.Sprintf("the path %q is given twice", path), permanent: true}
		}
		files[path] = true
	}
	for _, path := range sorted {
		for dir := path; strings.Contains(dir, "/"); {
			dir = dir[:strings.LastIndexByte(dir, '/')]
			if files[dir] {
				return nil, &storeError{text: fmt.Sprintf("%q is to be a file and a directory at once", dir), permanent: true}
			}
		}
	}
	return sorted, nil
}

func (s *Store) importBlobs(ctx context.Context, w *packWriter, parent Hash, paths []string, read func(string) ([]byte, error)) ([]Hash, error) {
	blobs := make([]Hash, len(paths))
	group, ctx := errgroup.WithContext(ctx)
	for worker := range importWorkers {
		group.Go(func() error {
			for i := worker; i < len(paths); i += importWorkers {
				if err := cancelled(ctx); err != nil {
					return err
				}
				content, err := read(paths[i])
				if err != nil {
					return fmt.Errorf("read %s: %w", paths[i], err)
				}
				old, _, err := s.find(parent, paths[i])
				if err != nil {
					return err
				}
				if blobs[i], err = w.putUnless(old.id, kindBlob, content); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return blobs, group.Wait()
}

// treeImport builds trees bottom up from sorted paths.
type treeImport struct {
	treeEdit
	paths []string
	blobs []Hash
}

// build makes the directory that the paths from..to share their first `at` bytes with. The old tree only lends modes.
func (t *treeImport) build(old Hash, from, to, at int) (Hash, error) {
	before, err := t.store.directory(old)
	if err != nil {
		return Hash{}, err
	}
	var d directory
	for i := from; i < to; {
		name, _, isDir := strings.Cut(t.paths[i][at:], "/")
		was, _ := before.find(name)
		if !isDir {
			d = append(d, treeEntry{strings.Clone(name), t.blobs[i], keptMode(was)})
			i++
			continue
		}
		end := i
		for prefix := t.paths[i][:at+len(name)+1]; end < to && strings.HasPrefix(t.paths[end], prefix); end++ {
		}
		if !was.isTree() {
			was.id = Hash{}
		}
		id, err := t.build(was.id, i, end, at+len(name)+1)
		if err != nil {
			return Hash{}, err
		}
		d = append(d, treeEntry{strings.Clone(name), id, modeDirectory})
		i = end
	}
	return t.put(old, d, at)
}
