package gitstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// localOrigin fetches from a repository of this machine by reading it.
type localOrigin struct {
	store *Store
	guard *stallGuard
}

func openLocalOrigin(dir string, guard *stallGuard) (origin, error) {
	gitDir, err := repositoryAt(dir)
	if err != nil {
		return nil, err
	}
	store, err := Open(gitDir, Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	return &localOrigin{store, guard}, nil
}

// repositoryAt finds the repository of a directory as a person names it, and
// never looks upward: the parent's repository is somebody else's.
func repositoryAt(dir string) (string, error) {
	inside := filepath.Join(dir, ".git")
	info, err := os.Stat(inside)
	if err != nil {
		return dir, nil // a bare one, or a .git itself; Open says so if not
	}
	if info.IsDir() {
		return inside, nil
	}
	content, err := os.ReadFile(inside)
	if err != nil {
		return "", err
	}
	target, ok := bytes.CutPrefix(content, []byte("gitdir: "))
	if !ok {
		return "", fmt.Errorf("%s is neither a repository nor a pointer to one", inside)
	}
	path := string(bytes.TrimSpace(target))
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return path, nil
}

func (o *localOrigin) advertised(context.Context) (Advert, error) {
	refs, err := o.store.Refs("refs/")
	return Advert{Refs: refs, Head: o.store.BranchRef()}, err
}

func (o *localOrigin) pack(ctx context.Context, want Hash, haves []Hash, to io.Writer) error {
	defer o.guard.rest()
	ids, err := o.store.newObjects(ctx, []Hash{want}, haves)
	if err != nil {
		return err
	}
	return o.store.sendPack(ctx, ids, true, o.guard.writer(to))
}

func (o *localOrigin) close() error { return o.store.Close() }
