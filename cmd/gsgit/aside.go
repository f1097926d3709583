package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// aside lets a dry run work on a repository of its own, which goes afterwards: it has to fetch what it tells of,
// and must change nothing, not even beside a node that runs.
func (p *place) aside() (remove func(), err error) {
	temporary, err := os.MkdirTemp("", "gsgit-dry-run-")
	if err != nil {
		return nil, fmt.Errorf("make a place for the dry run: %w", err)
	}
	remove = func() { _ = os.RemoveAll(temporary) } // a place for temporary files is cleaned by others too
	own := filepath.Join(temporary, ".git")
	if err := borrow(p.GitDir, own); err != nil {
		remove()
		return nil, fmt.Errorf("make a copy of the repository for the dry run: %w", err)
	}
	p.GitDir = own
	return remove, nil
}

// borrow makes a repository that has the refs of another, copied first, and its objects, linked: packs are never
// written to again. Where there is none it makes none.
func borrow(from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(to, "objects", "pack"), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"HEAD", "config", "shallow", "packed-refs", "refs", "objects/info", "gsgit/instance", "gsgit/sources"} {
		if err := copyAll(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	for _, objects := range []string{"objects/pack/*", "objects/??/*"} {
		found, err := filepath.Glob(filepath.Join(from, objects))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := linkInto(filepath.Join(to, "objects", filepath.Base(filepath.Dir(path))), path); err != nil {
				return err
			}
		}
	}
	return nil
}

// linkInto links a file, never a directory: what is mended in a copy must not be mended through it.
func linkInto(dir, path string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Symlink(path, filepath.Join(dir, filepath.Base(path)))
}

// copyAll copies a file or a directory, if it is there.
func copyAll(from, to string) error {
	info, err := os.Stat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return os.CopyFS(to, os.DirFS(from))
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}
