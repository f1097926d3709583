package gitstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

// Push moves a ref of a hub forward to new, and brings it what it lacks. old is
// the commit that the hub is believed to be at. Where it turns out to stand
// elsewhere, the push still goes on if new descends from that commit (so it is
// after a push whose answer was lost), or if the hub has no such ref any more.
// Where new does not descend from it, or the hub refuses for its own reasons,
// errors.Is(err, ErrRejected); nothing is ever forced. A hub that is at new
// already is done.
func (s *Store) Push(ctx context.Context, src Source, ref string, old, new Hash) error {
	l, err := locate(src.URL)
	if err != nil {
		return err
	}
	ctx, guard := guardStall(ctx, src.Silence)
	defer guard.stop()
	if l.url == nil {
		if l.dir, err = repositoryAt(l.dir); err != nil {
			return fmt.Errorf("%s: %w", l, err)
		}
	}
	p, err := dial(l, src, receivePack)
	if err != nil {
		return fmt.Errorf("%s: %w", l, err)
	}
	defer func() { _ = p.close() }()
	t := &transfer{store: s, peer: p, guard: guard, ref: ref, old: old, new: new}
	if err := because(ctx, t.run(ctx)); err != nil {
		return fmt.Errorf("%s: %w", l, err)
	}
	return nil
}

// transfer is one push.
type transfer struct {
	store    *Store
	peer     peer
	guard    *stallGuard
	ref      string
	old, new Hash
}

func (t *transfer) run(ctx context.Context) error {
	body, err := t.peer.advert(ctx)
	if err != nil {
		return err
	}
	a, err := readAdvert(t.guard.reader(body))
	body.Close()
	if err != nil {
		return err
	}
	there := a.Refs[t.ref]
	if there == t.new {
		return nil
	}
	if err := t.checkForward(ctx, there); err != nil {
		return err
	}
	if !a.capabilities["report-status"] {
		return remoteFault(nil, "", true, "the hub does not tell whether a push went well")
	}
	request, err := t.request(ctx, a, there)
	if err != nil {
		return err
	}
	defer t.store.disk.discard(request.Name())
	defer request.Close()
	return t.send(ctx, request)
}

// checkForward refuses what would drop a commit at the hub, before it does.
func (t *transfer) checkForward(ctx context.Context, there Hash) error {
	if there.IsZero() {
		return nil
	}
	if t.store.Has(there) {
		forward, err := t.store.IsAncestor(ctx, there, t.new)
		if err != nil || forward {
			return err
		}
	}
	return rejected("%s stands at %s there (expected: %s), which is not in the history of %s", t.ref, there, t.old, t.new)
}

func rejected(format string, args ...any) error {
	return &storeError{text: fmt.Sprintf(format, args...), cause: ErrRejected, permanent: true,
		hint: "fetch what the hub has, and align with it by gsgit resync --to"}
}

// request spools command and pack into a file, since a server may want to know
// the length before it takes the first byte.
func (t *transfer) request(ctx context.Context, a Advert, there Hash) (*os.File, error) {
	f, err := t.store.disk.create(t.store.tmpPackPath())
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(t.guard.writer(t.store.disk.writer(f)), 64<<10)
	if err = t.write(ctx, w, a, there); err == nil {
		err = w.Flush()
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		t.store.disk.discard(f.Name())
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (t *transfer) write(ctx context.Context, w io.Writer, a Advert, there Hash) error {
	line := pktline.NewEncoder(w)
	// Both values are compared by the hub: what it read a moment ago counts.
	_ = line.Encodef("%s %s %s\x00 %s\n", there, t.new, t.ref, a.pick("report-status", "ofs-delta"))
	if err := line.Flush(); err != nil {
		return err
	}
	ids, err := t.store.newObjects(ctx, []Hash{t.new}, t.haves(a, there))
	if err != nil {
		return err
	}
	return t.store.sendPack(ctx, ids, a.capabilities["ofs-delta"], w)
}

// haves are the commits that the hub is sure to have: what the ref shows, or,
// for a new branch, what its other branches show.
func (t *transfer) haves(a Advert, there Hash) []Hash {
	if !there.IsZero() {
		return []Hash{there}
	}
	var haves []Hash
	for name, id := range a.Refs {
		if strings.HasPrefix(name, "refs/heads/") && len(haves) < 64 {
			haves = append(haves, id)
		}
	}
	return t.store.commitsAmong(haves)
}

func (t *transfer) send(ctx context.Context, request *os.File) error {
	info, err := request.Stat()
	if err != nil {
		return err
	}
	body, err := t.peer.exchange(ctx, t.guard.reader(request), info.Size())
	if err != nil {
		return err
	}
	defer body.Close()
	return readReport(t.guard.reader(body), t.ref)
}

// readReport reads "unpack ok" and "ok REF", or what stands in their place.
func readReport(r io.Reader, ref string) error {
	lines := pktline.NewScanner(&boundedReader{r, maxAdvertBytes})
	for lines.Scan() {
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\n"))
		word, rest, _ := strings.Cut(string(line), " ")
		switch {
		case word == "unpack" && rest != "ok":
			return remoteFault(nil, "", false, "the hub could not take the objects: %s", printable(rest))
		case word == "ok" && rest == ref:
			return nil
		case word == "ng":
			return &storeError{text: "the hub says: " + printable(rest), cause: ErrRejected, permanent: true,
				hint: "let this node push to the branch there; where it has commits that are not here, gsgit resync --to aligns with it"}
		case word == "":
			return fmt.Errorf("the hub says nothing about %s", ref)
		}
	}
	return wireError(lines.Err(), "the hub ends before it says how the push went")
}
