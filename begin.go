package gsgit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
)

// Begin readies a primary's history before anything is recorded. What the topic, --from or --remote know of
// this instance's branch and the repository lacks is fetched, and the directory recorded on top: the
// repository may have been deleted, or be an older backup. Where only others know the branch it refuses:
// an unrelated GeoServer must never record the deletion of another's catalog. heads is what the topic says,
// nil where it could not be read.
func (p *Publisher) Begin(ctx context.Context, sources *Sources, heads []kafkabus.Announcement) error {
	head, err := p.Store.Ref(p.Store.BranchRef())
	if err != nil {
		return err
	}
	known, err := p.lastKnown(ctx, sources, heads, head)
	if err != nil {
		return err
	}
	if !known.IsZero() && known != head {
		return p.rejoin(ctx, head, known)
	}
	disk, err := p.Store.Ref(DiskRef)
	if err != nil || head.IsZero() || !disk.IsZero() {
		return err
	}
	// Commits without our marker: a repository from before gsgit, or a rejoin that was cut off.
	_, err = p.join(ctx, head)
	return err
}

// lastKnown fetches the newest commit of this instance's branch that is known elsewhere; zero is none.
func (p *Publisher) lastKnown(ctx context.Context, sources *Sources, heads []kafkabus.Announcement, head gitstore.Hash) (gitstore.Hash, error) {
	own, others := p.announced(heads)
	if own.Commit != "" {
		commit, err := gitstore.ParseHash(own.Commit)
		if err != nil {
			return gitstore.Hash{}, fmt.Errorf("read what this instance announced: %w", err)
		}
		if p.Store.Has(commit) && !head.IsZero() {
			return gitstore.Hash{}, nil
		}
		return commit, sources.fetch(ctx, p.Store, own, commit, head)
	}
	if head.IsZero() && sources.given() {
		return sources.fetchGiven(ctx, p.Store)
	}
	if head.IsZero() && len(others) > 0 {
		return gitstore.Hash{}, p.strangers(others)
	}
	return gitstore.Hash{}, nil
}

// announced splits what the topic knows of the branch into our own record and the names of the others.
func (p *Publisher) announced(heads []kafkabus.Announcement) (own kafkabus.Announcement, others []string) {
	for _, a := range heads {
		switch {
		case a.Ref != p.Store.BranchRef():
		case a.Instance == p.Instance:
			own = a
		default:
			others = append(others, a.Instance)
		}
	}
	slices.Sort(others)
	return own, others
}

func (p *Publisher) strangers(others []string) error {
	return &Problem{State: Error, Why: fmt.Sprintf("branch %s is announced by %s, and not by %s", p.Store.Branch(), strings.Join(others, ", "), p.Instance),
		Help: "give this GeoServer its own --topic-prefix or --branch, or join the history of the others with --from URL"}
}

// rejoin takes a fetched history as this directory's, forward only.
func (p *Publisher) rejoin(ctx context.Context, head, known gitstore.Hash) error {
	if !head.IsZero() {
		forward, err := p.Store.IsAncestor(ctx, head, known)
		if err != nil {
			return err
		}
		if !forward {
			return &Problem{State: Diverged, Why: fmt.Sprintf("%s was announced by this instance and does not follow its head %s", known, head),
				Help: "`gsgit resync --to REF` chooses one of the two"}
		}
	}
	if err := p.Store.SetRef(ctx, p.Store.BranchRef(), head, known); err != nil {
		return err
	}
	p.Log.Info("joined", "commit", known.String(), "was", head.String())
	_, err := p.join(ctx, known)
	return err
}

// given tells whether a person named a source.
func (s *Sources) given() bool { return s.From.URL != "" || s.Hub.URL != "" }

// fetchGiven fetches the branch from the sources that a person named.
func (s *Sources) fetchGiven(ctx context.Context, store *gitstore.Store) (gitstore.Hash, error) {
	for _, src := range []gitstore.Source{s.From, s.Hub} {
		if src.URL == "" {
			continue
		}
		head, err := store.FetchBranch(ctx, src, store.BranchRef(), gitstore.Hash{})
		if err != nil || !head.IsZero() {
			return head, err
		}
	}
	return gitstore.Hash{}, nil
}

// enoughSpace stops before the objects of git fill the volume of the GeoServer.
func enoughSpace(s *gitstore.Store, least uint64) error {
	free, err := s.FreeSpace()
	if err != nil {
		return fmt.Errorf("look at the free space: %w", err)
	}
	if free >= least {
		return nil
	}
	return &Problem{State: Error, Why: fmt.Sprintf("%d MiB are free on the volume of %s, less than --min-free", free>>20, s.GitDir()),
		Help: "make room: gsgit goes on by itself"}
}
