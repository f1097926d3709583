package gitstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"syscall"
)

const (
	maxPackBytes = 16 << 30
	// freeFloor is left to GeoServer's volume whatever a source sends.
	freeFloor  = 64 << 20
	spaceEvery = 32 << 20
)

// download spools a pack into the repository, where it stays invisible until
// it is adopted, and reads it whole.
func (s *Store) download(ctx context.Context, o origin, want Hash, haves []Hash) (*receivedPack, error) {
	path := s.tmpPackPath()
	if err := s.spool(path, func(w io.Writer) error { return o.pack(ctx, want, haves, w) }); err != nil {
		s.disk.discard(path)
		return nil, err
	}
	r, err := s.receivePack(ctx, path)
	if err != nil {
		s.disk.discard(path)
		return nil, err
	}
	return r, nil
}

func (s *Store) spool(path string, fill func(io.Writer) error) (err error) {
	f, err := s.disk.create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	guarded := &spoolWriter{to: s.disk.writer(f), free: s.FreeSpace}
	buffered := bufio.NewWriterSize(guarded, 128<<10)
	if err := fill(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// spoolWriter stops a source that sends something else than a pack, more than
// any history has, or more than the disk can spare.
type spoolWriter struct {
	to      io.Writer
	free    func() (uint64, error)
	written int64
	checked int64
}

func (w *spoolWriter) Write(p []byte) (int, error) {
	if w.written == 0 && !bytes.HasPrefix(p, []byte("PACK")) {
		return 0, fmt.Errorf("the source sends %.20q where a pack should be", p)
	}
	if w.written+int64(len(p)) > maxPackBytes {
		return 0, fmt.Errorf("the source sends more than %d bytes", int64(maxPackBytes))
	}
	if err := w.checkSpace(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := w.to.Write(p)
	w.written += int64(n)
	return n, err
}

func (w *spoolWriter) checkSpace(more int64) error {
	if w.written > 0 && w.written+more < w.checked+spaceEvery {
		return nil
	}
	w.checked = w.written
	free, err := w.free()
	if err != nil {
		return fmt.Errorf("look at the free space: %w", err)
	}
	if free < freeFloor {
		return remoteFault(syscall.ENOSPC, "make room on the volume of the repository", false,
			"only %d MiB are free, too little to go on fetching", free>>20)
	}
	return nil
}

// checkReceived walks from want through the pack down to what was here before
// and finds every commit, tree and file in one or the other.
func (s *Store) checkReceived(ctx context.Context, r *receivedPack, want Hash) error {
	c := &connection{store: s, pack: r, commits: map[Hash]links{}, fresh: map[Hash]links{}}
	err := c.gather(ctx, want)
	if err == nil {
		_, err = walkSteps(ctx, c.steps(), c.tree, c.meet)
	}
	if err != nil {
		return fmt.Errorf("the source sends an incomplete history: %w", err)
	}
	return nil
}

// connection is the check of one received pack.
type connection struct {
	store   *Store
	pack    *receivedPack
	commits map[Hash]links // all that were read
	fresh   map[Hash]links // those that came with the pack
}

// gather reads every commit from want down to those that were here before.
func (c *connection) gather(ctx context.Context, want Hash) error {
	for next := []Hash{want}; len(next) > 0; {
		if err := cancelled(ctx); err != nil {
			return err
		}
		id := next[len(next)-1]
		next = next[:len(next)-1]
		if _, known := c.commits[id]; known {
			continue
		}
		content, err := c.read(kindCommit, id)
		if err != nil {
			return fmt.Errorf("commit %s: %w", id, err)
		}
		if c.commits[id], err = readLinks(content); err != nil {
			return fmt.Errorf("commit %s: %w", id, err)
		}
		if c.pack.has(id) {
			c.fresh[id] = c.commits[id]
			next = append(next, c.commits[id].parents...)
		}
	}
	return nil
}

// steps are what the commits that came did.
func (c *connection) steps() []step {
	steps := make([]step, 0, len(c.fresh))
	for _, id := range firstParentsFirst(slices.Collect(maps.Keys(c.fresh)), c.fresh) {
		l := c.fresh[id]
		var before Hash
		if len(l.parents) > 0 {
			before = c.commits[l.parents[0]].tree
		}
		steps = append(steps, step{id, before, l.tree})
	}
	return steps
}

func (c *connection) read(kind objectKind, id Hash) ([]byte, error) {
	is, content, found, err := c.pack.object(id)
	if err == nil && !found {
		is, content, err = c.store.object(id)
	}
	if err == nil && is != kind {
		err = fmt.Errorf("%s is a %s, not a %s", id, is, kind)
	}
	return content, err
}

// tree gives a tree that is fit to be kept.
func (c *connection) tree(id Hash) (rawTree, error) {
	content, err := c.read(kindTree, id)
	if err != nil {
		return nil, err
	}
	if _, err := parseTree(content); err != nil {
		return nil, fmt.Errorf("tree %s: %w", id, err)
	}
	return content, nil
}

// meet looks inside what came; what was here before is whole.
func (c *connection) meet(_ int, kind objectKind, id Hash) (bool, error) {
	if c.pack.has(id) {
		return kind == kindTree, nil
	}
	if !c.store.Has(id) && id != emptyTree {
		return false, fmt.Errorf("%s %s is missing", kind, id)
	}
	return false, nil
}
