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
		t := treeImport{treeEdit{store: s, pack: w, ctx: ctx}, sorted, blobs, make(chan struct{}, importWorkers-1)}
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
	spare chan struct{} // one place for each further worker
}

// part is one name of a directory with its paths: a file, or a directory to be made.
type part struct {
	name     string
	from, to int
	was      treeEntry // what has the name in the old tree
	isDir    bool
}

// parts cuts paths that share their first `at` bytes by the name that follows.
func (t *treeImport) parts(before directory, from, to, at int) []part {
	var all []part
	for from < to {
		name, _, isDir := strings.Cut(t.paths[from][at:], "/")
		p := part{name: strings.Clone(name), from: from, to: from + 1, isDir: isDir}
		p.was, _ = before.find(name)
		if isDir {
			prefix := t.paths[from][:at+len(name)+1]
			for ; p.to < to && strings.HasPrefix(t.paths[p.to], prefix); p.to++ {
			}
		}
		all, from = append(all, p), p.to
	}
	return all
}

// build makes the directory that the paths from..to share their first `at` bytes with. The old tree only lends modes.
func (t *treeImport) build(old Hash, from, to, at int) (Hash, error) {
	before, err := t.store.directory(old)
	if err != nil {
		return Hash{}, err
	}
	parts := t.parts(before, from, to, at)
	d := make(directory, len(parts))
	var group errgroup.Group
	for i, p := range parts {
		if !p.isDir {
			d[i] = treeEntry{p.name, t.blobs[p.from], keptMode(p.was)}
			continue
		}
		t.share(&group, func() error {
			id, err := t.build(p.oldTree(), p.from, p.to, at+len(p.name)+1)
			d[i] = treeEntry{p.name, id, modeDirectory}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Hash{}, err
	}
	return t.put(old, d, at)
}

func (p part) oldTree() Hash {
	if p.was.isTree() {
		return p.was.id
	}
	return Hash{}
}

// share lets another worker do the work if one is idle.
func (t *treeImport) share(group *errgroup.Group, work func() error) {
	select {
	case t.spare <- struct{}{}:
		group.Go(func() error {
			defer func() { <-t.spare }()
			return work()
		})
	default:
		if err := work(); err != nil {
			group.Go(func() error { return err })
		}
	}
}
