package gsgit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
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
		if err = p.whole(ctx); err == nil {
			err = p.importAll(ctx)
		}
		return p.head, err
	}
	return p.join(ctx, head)
}

// join records the directory on top of a head that this directory was not recorded as: the repository was
// there before gsgit, or was fetched again after its loss.
func (p *Publisher) join(ctx context.Context, head gitstore.Hash) (gitstore.Hash, error) {
	if err := p.whole(ctx); err != nil {
		return head, err
	}
	if err := p.load(head); err != nil {
		return head, err
	}
	s, err := p.lookSafely(&pending{all: true})
	if err != nil {
		return head, err
	}
	p.holdUnread(s.unread)
	if edits := s.edits; len(edits) > 0 {
		damage := notable(xmlcatalog.NewDamage(p.catalog, p.catalog.With(edits), edits))
		err := p.commit(ctx, edits, damage)
		return p.head, err
	}
	disk, err := p.Store.Ref(DiskRef)
	if err != nil || disk == head {
		return head, err
	}
	return head, p.Store.SetRef(ctx, DiskRef, disk, head)
}

// importAll makes the first commit: everything tracked, streamed. What can not be read is held and left out;
// what was there when it began and went meanwhile, too.
func (p *Publisher) importAll(ctx context.Context) error {
	start := time.Now()
	paths, err := p.importable()
	if err != nil {
		return err
	}
	for {
		i := &importing{p: p, catalog: xmlcatalog.Empty()}
		id, err := i.write(ctx, paths)
		var bad *unreadError
		if errors.As(err, &bad) {
			paths = slices.DeleteFunc(paths, func(path string) bool { return path == bad.path })
			if bad.what != "" {
				p.holdUnread(map[string]string{bad.path: bad.what})
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("import the data directory: %w", err)
		}
		return p.imported(ctx, id, i, len(paths), start)
	}
}

// imported makes the import the head. Its catalog is read again when it is wanted.
func (p *Publisher) imported(ctx context.Context, id gitstore.Hash, i *importing, files int, start time.Time) error {
	p.head, p.catalog = gitstore.Hash{}, nil
	if err := p.moveBranch(ctx, id); err != nil {
		return err
	}
	err := p.moveMarker(ctx, id)
	p.tell(id, i.message, files, i.damage, start)
	return err
}

// importable lists what the import takes in.
func (p *Publisher) importable() ([]string, error) {
	s := sight{unread: map[string]string{}}
	c := comparison{dir: p.Dir, store: p.Store, skip: s.skip}
	candidates := map[string]bool{}
	if err := c.candidates("", candidates); err != nil {
		return nil, err
	}
	if err := p.guard(c, pending{all: true}, candidates); err != nil {
		return nil, err
	}
	p.holdUnread(s.unread)
	var paths []string
	for _, path := range slices.Sorted(maps.Keys(candidates)) {
		if err := carriable(path); err != nil {
			p.holdName(path, err)
			continue
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// importing is one try at an import. The catalog is made of the very bytes that go into the commit, so that
// whatever changes meanwhile is neither described nor named wrongly.
type importing struct {
	p       *Publisher
	mu      sync.Mutex
	catalog *xmlcatalog.Catalog
	damage  []xmlcatalog.Damage
	message xmlcatalog.Message
}

func (i *importing) write(ctx context.Context, paths []string) (gitstore.Hash, error) {
	draft := gitstore.Draft{Author: author("", i.p.Instance), Committer: committer(i.p.Instance), Describe: i.describe}
	return i.p.Store.Import(ctx, draft, paths, i.read)
}

func (i *importing) read(path string) ([]byte, error) {
	content, err := i.p.readSettled(path)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.catalog.Absorb([]xmlcatalog.Edit{{Path: path, New: content}})
	return content, nil
}

func (i *importing) describe() string {
	i.damage = notable(i.catalog.Damage())
	i.message = xmlcatalog.DescribeImport(i.catalog)
	return commitMessage(i.message, i.p.Instance, i.damage)
}

// unreadError is a file that the import must do without; what is empty where it has gone.
type unreadError struct{ path, what string }

func (e *unreadError) Error() string { return e.path + ": " + e.what }

// readSettled reads a file that may be written to at this moment: after some tries it takes what is there,
// since the import takes everything as it is and the watcher sees the rest.
func (p *Publisher) readSettled(path string) ([]byte, error) {
	content, there, err := p.Dir.Read(path)
	for range 4 {
		if !errors.Is(err, errMoving) {
			break
		}
		content, there, err = p.Dir.Read(path)
	}
	if errors.Is(err, errMoving) {
		content, err = os.ReadFile(p.Dir.abs(path))
		there = err == nil
	}
	s := sight{unread: map[string]string{}}
	switch {
	case vanished(err), err == nil && !there:
		return nil, &unreadError{path: path}
	case err != nil && s.skip(path, err):
		return nil, &unreadError{path, s.unread[path]}
	case err != nil:
		return nil, err
	}
	return nonNil(content), nil
}
