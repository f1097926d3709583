package gitstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
)

// maxHaves is as many as git names in its first round.
const maxHaves = 16

// An origin is where a fetch gets its commits from.
type origin interface {
	advertised(ctx context.Context) (Advert, error)
	// pack writes one pack with all that want reaches and the haves do not;
	// haves that the source lacks do not count.
	pack(ctx context.Context, want Hash, haves []Hash, to io.Writer) error
	close() error
}

// Advertised asks a source for its branches and tags; nothing is fetched.
func (s *Store) Advertised(ctx context.Context, src Source) (Advert, error) {
	var a Advert
	err := s.visit(ctx, src, func(ctx context.Context, o origin) (err error) {
		a, err = o.advertised(ctx)
		return err
	})
	return a, err
}

// Fetch brings everything that want reaches and have does not. have may be
// zero, or a commit that the source lacks: then more comes than was needed.
// When it returns, the objects are durable and whole: every file of every new
// commit is here. No ref has moved.
func (s *Store) Fetch(ctx context.Context, src Source, want, have Hash) error {
	return s.visit(ctx, src, func(ctx context.Context, o origin) error {
		return s.fetch(ctx, o, want, have)
	})
}

// FetchBranch fetches what the source has as branchRef, a full name such as
// refs/heads/main, and returns that commit: zero where it has no such branch.
func (s *Store) FetchBranch(ctx context.Context, src Source, branchRef string, have Hash) (Hash, error) {
	var head Hash
	err := s.visit(ctx, src, func(ctx context.Context, o origin) error {
		a, err := o.advertised(ctx)
		if err != nil {
			return err
		}
		head = a.Refs[branchRef]
		if head.IsZero() {
			return nil
		}
		return s.fetch(ctx, o, head, have)
	})
	if err != nil {
		return Hash{}, err
	}
	return head, nil
}

// Refetch brings everything that want reaches, also what seems to be here: the
// way back for a repository that has lost objects.
func (s *Store) Refetch(ctx context.Context, src Source, want Hash) error {
	return s.visit(ctx, src, func(ctx context.Context, o origin) error {
		return s.bring(ctx, o, want, nil)
	})
}

// visit opens the source, and puts its name before everything that goes wrong there.
func (s *Store) visit(ctx context.Context, src Source, do func(context.Context, origin) error) error {
	l, err := locate(src.URL)
	if err != nil {
		return err
	}
	ctx, guard := guardStall(ctx, src.Silence)
	defer guard.stop()
	o, err := openOrigin(l, src, guard)
	if err != nil {
		return fmt.Errorf("%s: %w", l, err)
	}
	defer func() { _ = o.close() }()
	if err := because(ctx, do(ctx, o)); err != nil {
		return fmt.Errorf("%s: %w", l, err)
	}
	return nil
}

func openOrigin(l location, src Source, guard *stallGuard) (origin, error) {
	if l.url == nil {
		return openLocalOrigin(l.dir, guard)
	}
	p, err := dial(l, src, uploadPack)
	return &remoteOrigin{peer: p, guard: guard}, err
}

func (s *Store) fetch(ctx context.Context, o origin, want, have Hash) error {
	if held, err := s.Holds(ctx, want); err != nil || held {
		return err
	}
	haves, err := s.haves(have)
	if err != nil {
		return err
	}
	return s.bring(ctx, o, want, haves)
}

// Holds tells whether a branch, here or as it was fetched, reaches the commit, so that it is whole and stays so. One that
// merely lies about may be garbage of which a foreign git gc has taken a part, or takes it the next moment.
func (s *Store) Holds(ctx context.Context, commit Hash) (bool, error) {
	if !s.Has(commit) {
		return false, nil
	}
	var tips []Hash
	for _, prefix := range []string{"refs/heads/", "refs/remotes/"} {
		refs, err := s.Refs(prefix)
		if err != nil {
			return false, err
		}
		tips = slices.AppendSeq(tips, maps.Values(refs))
	}
	if slices.Contains(tips, commit) {
		return true, nil
	}
	for _, tip := range tips {
		// A tip whose history has a hole holds nothing, and must not keep the hole from being filled.
		if held, err := s.IsAncestor(ctx, commit, tip); err == nil && held {
			return true, nil
		}
	}
	return false, cancelled(ctx)
}

// haves names have and, since the source may lack it where histories went
// apart, what was fetched before. To name what we lack would leave a hole.
func (s *Store) haves(have Hash) ([]Hash, error) {
	if have.IsZero() {
		return nil, nil
	}
	fetched, err := s.Refs("refs/remotes/")
	if err != nil {
		return nil, err
	}
	haves := []Hash{have}
	for _, id := range fetched {
		if len(haves) < maxHaves && !slices.Contains(haves, id) {
			haves = append(haves, id)
		}
	}
	return slices.DeleteFunc(haves, func(id Hash) bool { return !s.Has(id) }), nil
}

// bring is the one way in: spooled, read, found whole, adopted.
func (s *Store) bring(ctx context.Context, o origin, want Hash, haves []Hash) error {
	if err := s.writable("fetch"); err != nil {
		return err
	}
	r, err := s.download(ctx, o, want, haves)
	if err != nil {
		return err
	}
	defer r.discard()
	s.step("gitstore.received")
	if err := s.checkReceived(ctx, r, want); err != nil {
		return err
	}
	return s.adoptPack(r)
}

// remoteOrigin fetches from a git server.
type remoteOrigin struct {
	peer  peer
	guard *stallGuard
	known *Advert
}

func (o *remoteOrigin) advertised(ctx context.Context) (Advert, error) {
	if o.known != nil {
		return *o.known, nil
	}
	body, err := o.peer.advert(ctx)
	if err != nil {
		return Advert{}, err
	}
	defer body.Close()
	a, err := readAdvert(o.guard.reader(body))
	if err != nil {
		return Advert{}, err
	}
	o.known = &a
	return a, nil
}

func (o *remoteOrigin) pack(ctx context.Context, want Hash, haves []Hash, to io.Writer) error {
	a, err := o.advertised(ctx)
	if err != nil {
		return err
	}
	defer o.guard.rest()
	request := fetchRequest(a, want, haves)
	body, err := o.peer.exchange(ctx, bytes.NewReader(request), int64(len(request)))
	if err != nil {
		return err
	}
	defer body.Close()
	stream, err := packStream(o.guard.reader(body), a)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, stream)
	return err
}

func (o *remoteOrigin) close() error { return o.peer.close() }
