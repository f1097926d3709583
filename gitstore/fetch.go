package gitstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// An origin is where a fetch gets its commits from.
type origin interface {
	advertised(ctx context.Context) (Advert, error)
	// pack writes one pack with all that want reaches and have does not.
	pack(ctx context.Context, want, have Hash, to io.Writer) error
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
	defer o.close()
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
	if err := s.writable("fetch"); err != nil {
		return err
	}
	if s.Has(want) {
		return nil // what is here is whole: nothing enters otherwise
	}
	if !have.IsZero() && !s.Has(have) {
		have = Hash{} // to claim what we lack would leave a hole
	}
	r, err := s.download(ctx, o, want, have)
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

func (o *remoteOrigin) pack(ctx context.Context, want, have Hash, to io.Writer) error {
	a, err := o.advertised(ctx)
	if err != nil {
		return err
	}
	defer o.guard.rest()
	request := fetchRequest(a, want, have)
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
