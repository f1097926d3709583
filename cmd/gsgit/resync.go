package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

type resyncOptions struct {
	followOptions
	To       string
	Unpin    bool
	Accept   string
	KeepDisk bool
}

func resyncCommand() *cli.Command {
	o := &resyncOptions{}
	flags := append(append(append(o.place.flags(), o.bus.flags()...), o.fetch.flags()...), o.geoServerFlags()...)
	flags = append(flags,
		&cli.StringFlag{Name: "to", Destination: &o.To, Usage: "`REF` that the directory is brought to, forward or backward, and pinned at if it is not the newest"},
		&cli.BoolFlag{Name: "unpin", Destination: &o.Unpin, Usage: "follow the newest commit again"},
		&cli.StringFlag{Name: "accept", Destination: &o.Accept, Usage: "`COMMIT` that was refused: write it with its damage"},
		&cli.BoolFlag{Name: "keep-disk", Destination: &o.KeepDisk, Usage: "on a primary: go on from what is on disk, on top of whatever the history has"},
	)
	return &cli.Command{
		Name: "resync", Usage: "align a node now, and exit: the way out of held, refused, diverged and pinned", Flags: flags, OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("resync takes no argument, but got %q", c.Args().First())
			}
			if err := o.checkResync(); err != nil {
				return err
			}
			return runResync(c.Context, o, o.logger(c.App.ErrWriter), c.App.Writer)
		},
	}
}

// checkResync sees that one wish at most was made.
func (o *resyncOptions) checkResync() error {
	wishes := 0
	for _, w := range []bool{o.To != "", o.Unpin, o.Accept != "", o.KeepDisk} {
		if w {
			wishes++
		}
	}
	if wishes > 1 {
		return misuse("resync takes one of --to, --unpin, --accept and --keep-disk")
	}
	return o.place.check()
}

// runResync works beside a running node, through the write lock; the node goes on from what it finds.
func runResync(ctx context.Context, o *resyncOptions, log *slog.Logger, stdout io.Writer) error {
	s, kept, err := o.openResync(log)
	if err != nil {
		return err
	}
	defer s.close()
	switch {
	case len(kept.Roles) == 0:
		return hinted{fmt.Errorf("no node has run on %s yet", o.DataDir),
			"start `gsgit watch` where its edits are the truth, or `gsgit follow` where those of another are"}
	case slices.Contains(kept.Roles, "watch"):
		return o.primary(ctx, s, kept, stdout)
	}
	if o.KeepDisk {
		return hinted{errors.New("--keep-disk is for a primary"), "on a replica, `gsgit resync` puts the history's bytes back, and keeps the others as a commit"}
	}
	return o.follow(ctx, s, false, stdout)
}

// openResync opens a node's directory with the settings that it used last, where none are given.
func (o *resyncOptions) openResync(log *slog.Logger) (*station, settings, error) {
	reader, err := o.place.open()
	if err != nil {
		return nil, settings{}, err
	}
	_ = reader.Close()
	kept, err := o.place.settings()
	if err != nil {
		return nil, kept, err
	}
	o.Once = true // nothing listens
	o.take(kept)
	s := &station{nodeOptions: o.nodeOptions, role: "resync", log: log, step: crashSteps()}
	if s.instance, err = s.place.instance(); err == nil {
		s.store, err = gitstore.Open(s.GitDir, gitstore.Options{Branch: s.Branch, Logger: log, Step: s.step})
	}
	if err == nil {
		s.closing(func() { _ = s.store.Close() })
		err = s.openBus()
	}
	if err == nil {
		err = s.openNode()
	}
	if err != nil {
		s.close()
		return nil, kept, err
	}
	primary := slices.Contains(kept.Roles, "watch")
	s.dir = &gsgit.Directory{Root: o.DataDir, Rules: xmlcatalog.Rules{All: !primary || kept.Security == "all", Local: kept.Local}}
	return s, kept, nil
}

// take fills in what the node used last.
func (o *resyncOptions) take(kept settings) {
	if o.bus.Brokers == "" {
		o.bus.Brokers, o.bus.Prefix, o.bus.Kafka = strings.Join(kept.Brokers, ","), kept.Prefix, kept.Kafka
	}
	if o.fetch.From == "" && o.fetch.Remote == "" {
		o.fetch.From, o.fetch.Remote = kept.From, kept.Remote
	}
	if o.fetch.TokenFile == "" {
		o.fetch.TokenFile = kept.Token
	}
	if len(o.fetch.Trust.Value()) == 0 {
		o.fetch.Trust = *cli.NewStringSlice(kept.Trust...)
	}
	o.listen.take(kept)
	if o.GeoServer.URL == "" {
		o.GeoServer.URL, o.GeoServer.User, o.GeoServer.PasswordFile = kept.GeoServer.URL, kept.GeoServer.User, kept.GeoServer.PasswordFile
	}
	o.Passwords = kept.Passwords
	o.Drift = gsgit.DriftHeal // that is what a resync is for
}

// primary aligns a primary: the directory is recorded, or brought to the commit of --to.
func (o *resyncOptions) primary(ctx context.Context, s *station, kept settings, stdout io.Writer) error {
	switch {
	case o.Accept != "":
		return hinted{errors.New("--accept is for a replica"), "a primary records its damage, and names it"}
	case o.To != "":
		return o.follow(ctx, s, true, stdout)
	case o.Unpin:
		if err := (&gsgit.Follower{Store: s.store}).Unpin(ctx); err != nil {
			return err
		}
	}
	p, err := newPrimary(s, watchOptions{Hold: time.Second, MaxNew: cmp.Or(kept.MaxNew, maxNewFiles)})
	if err != nil {
		return err
	}
	if o.KeepDisk {
		if err := p.publisher.KeepDisk(ctx); err != nil {
			return err
		}
		return s.tellDisk(stdout)
	}
	p.publisher.LookAtAll()
	for {
		wait, err := p.publisher.Sync(ctx)
		if err != nil {
			return err
		}
		if p.publisher.Idle() {
			return s.tellDisk(stdout)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// follow aligns a node with the newest head, or does what was wished.
func (o *resyncOptions) follow(ctx context.Context, s *station, primary bool, stdout io.Writer) error {
	r, err := newReplica(ctx, s, o.followOptions)
	if err != nil {
		return err
	}
	if o.Unpin {
		if err := r.follower.Unpin(ctx); err != nil {
			return err
		}
	}
	// No way out needs the brokers: what is here already is put in order, and they are told of at the end.
	unheard := r.hearOnce(ctx)
	if o.Accept != "" {
		if r.follower.Accept, err = r.chosen(ctx, o.Accept); err != nil {
			return err
		}
	}
	err = r.align(ctx, o.To, primary)
	if err == nil && o.Accept != "" {
		err = r.accepted(ctx)
	}
	if err != nil {
		return errors.Join(err, unheard)
	}
	if _, err := r.pickUp.Sync(ctx); err != nil {
		return err
	}
	if err := s.tellDisk(stdout); err != nil || o.To != "" || o.Accept != "" {
		return err
	}
	return unheard
}

// align is one Sync of the follower, or a way to a chosen commit.
func (r *replica) align(ctx context.Context, to string, primary bool) error {
	if to == "" {
		r.follower.LookAtAll()
		_, err := r.follower.Sync(ctx)
		return err
	}
	target, err := r.chosen(ctx, to)
	if err == nil && primary {
		err = r.forward(ctx, target)
	}
	if err != nil {
		return err
	}
	return r.follower.To(ctx, target)
}

// chosen is the commit that a person names, which may be news here.
func (r *replica) chosen(ctx context.Context, name string) (gitstore.Hash, error) {
	if err := r.follower.Hear(ctx); err != nil {
		r.log.Warn("only what is here already can be chosen", "err", err)
	}
	return r.store.Resolve(name)
}

// accepted tells whether what a person accepted is on disk now.
func (r *replica) accepted(ctx context.Context) error {
	disk, err := r.store.Ref(gsgit.DiskRef)
	if err != nil {
		return err
	}
	there, err := r.store.IsAncestor(ctx, r.follower.Accept, disk)
	if err != nil || there {
		return err
	}
	return hinted{fmt.Errorf("%s is not on the way from %s to the newest commit", r.follower.Accept, disk),
		"`gsgit status` names the commit that was refused; `gsgit resync --to COMMIT` takes one of another history"}
}

// forward refuses to take a primary behind its own history: it would announce another one from there, which no
// replica follows.
func (r *replica) forward(ctx context.Context, target gitstore.Hash) error {
	head, err := r.store.Ref(r.store.BranchRef())
	if err != nil || target == head {
		return err
	}
	behind, err := r.store.IsAncestor(ctx, target, head)
	if err != nil || !behind {
		return err
	}
	return hinted{fmt.Errorf("%s is behind %s, and a primary goes forward only: its replicas would not follow", target, head),
		"bring the older files into the directory, which makes a commit of them; against a commit that is not in the directory, `gsgit resync --keep-disk`"}
}

// tellDisk says where the directory stands now.
func (s *station) tellDisk(stdout io.Writer) error {
	disk, err := s.store.Ref(gsgit.DiskRef)
	if err != nil {
		return err
	}
	commit, err := s.store.Commit(disk)
	if err != nil {
		return err
	}
	if s.JSON {
		return printJSON(stdout, map[string]string{"commit": disk.String(), "subject": commit.Subject()})
	}
	_, err = fmt.Fprintf(stdout, "%s %s\n", disk.String()[:10], commit.Subject())
	return err
}

// sleep waits, or ends with ctx.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
