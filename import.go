package gsgit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// Init makes the first commit of a directory, or, on a branch that has commits, one of what differs, on top.
// It waits for nothing: empty and unparseable files are taken as they are, and named once.
func (p *Publisher) Init(ctx context.Context) (gitstore.Hash, error) {
	release, err := p.lock()
	if err != nil {
		return gitstore.Hash{}, err
	}
	defer release()
	head, err := p.Store.Ref(p.Store.BranchRef())
	if err != nil {
		return gitstore.Hash{}, err
	}
	if head.IsZero() {
		return p.head, p.importAll(ctx)
	}
	return p.join(ctx, head)
}

// join records the directory on top of a head that this directory was not recorded as: the repository was
// there before gsgit, or was fetched again after its loss.
func (p *Publisher) join(ctx context.Context, head gitstore.Hash) (gitstore.Hash, error) {
	if err := p.load(head); err != nil {
		return head, err
	}
	edits, err := p.edits([]string{""})
	if err != nil {
		return head, err
	}
	if len(edits) > 0 {
		damage := notable(xmlcatalog.NewDamage(p.catalog, p.catalog.With(edits), edits))
		return p.head, p.commit(ctx, edits, damage)
	}
	disk, err := p.Store.Ref(DiskRef)
	if err != nil || disk == head {
		return head, err
	}
	return head, p.Store.SetRef(ctx, DiskRef, disk, head)
}

// importAll makes the first commit: everything tracked, streamed.
func (p *Publisher) importAll(ctx context.Context) error {
	start := time.Now()
	paths, err := p.Dir.Files("")
	if err != nil {
		return err
	}
	catalog, seen, err := p.survey()
	if err != nil {
		return fmt.Errorf("read the catalog of %s: %w", p.Dir.Root, err)
	}
	damage := notable(catalog.Damage())
	message := xmlcatalog.DescribeImport(catalog)
	draft := gitstore.Draft{
		Author: author("", p.Instance), Committer: committer(p.Instance),
		Message: commitMessage(message, p.Instance, damage),
	}
	var mu sync.Mutex
	id, err := p.Store.Import(ctx, draft, paths, func(path string) ([]byte, error) {
		content, err := p.readSettled(path)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		if seen[path] != gitstore.BlobHash(content) {
			catalog.Absorb([]xmlcatalog.Edit{{Path: path, New: content}})
		}
		return content, nil
	})
	if err != nil {
		return fmt.Errorf("import the data directory: %w", err)
	}
	p.head, p.catalog = gitstore.Hash{}, catalog
	if err := p.advance(ctx, id); err != nil {
		return err
	}
	p.tell(id, message, len(paths), damage, start)
	return nil
}

// survey reads the catalog of the disk and remembers the bytes it saw by their hashes, so that a file that
// changes before it is imported is not left stale in the catalog.
func (p *Publisher) survey() (*xmlcatalog.Catalog, map[string]gitstore.Hash, error) {
	seen := map[string]gitstore.Hash{}
	catalog, err := xmlcatalog.Load(hashingFS{p.Dir.FS(), seen})
	return catalog, seen, err
}

type hashingFS struct {
	fs.FS
	seen map[string]gitstore.Hash
}

func (h hashingFS) ReadFile(name string) ([]byte, error) {
	content, err := fs.ReadFile(h.FS, name)
	if err == nil {
		h.seen[name] = gitstore.BlobHash(content)
	}
	return content, err
}

func (h hashingFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(h.FS, name) }

// readSettled reads a file that may be written to at this moment: after some tries it takes what is there,
// since the import takes everything as it is and the watcher sees the rest.
func (p *Publisher) readSettled(path string) ([]byte, error) {
	for range 5 {
		content, there, err := p.Dir.Read(path)
		switch {
		case errors.Is(err, errMoving):
			continue
		case err != nil:
			return nil, err
		case !there:
			return nil, fmt.Errorf("read %s: %w", path, fs.ErrNotExist)
		}
		return nonNil(content), nil
	}
	return os.ReadFile(p.Dir.abs(path))
}
