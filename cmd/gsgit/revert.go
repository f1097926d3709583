package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// A revert and a restore are commits, and a replica makes none: there both say where to do it.

type revertOptions struct {
	place
	Only    string
	Cascade bool
	DryRun  bool
}

func (o *revertOptions) flags() []cli.Flag {
	flags := append(o.place.flags(), (&followOptions{}).geoServerFlags()...)
	return append(flags,
		&cli.StringFlag{Name: "only", Destination: &o.Only, Usage: "`OBJECT` that is taken back, and nothing else of the commit"},
		&cli.BoolFlag{Name: "dry-run", Destination: &o.DryRun, Usage: "say what would be changed, and change nothing"},
	)
}

func revertCommand() *cli.Command {
	o := &revertOptions{}
	flags := append(o.flags(), &cli.BoolFlag{Name: "cascade", Destination: &o.Cascade, Usage: "take back what needs it, too"})
	return &cli.Command{
		Name: "revert", Usage: "take commits back, on a primary", ArgsUsage: "COMMIT...", Flags: flags, OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return misuse("revert takes the commits to take back")
			}
			return o.elsewhere(c.Context, "revert", o.logger(c.App.ErrWriter))
		},
	}
}

func restoreCommand() *cli.Command {
	o := &revertOptions{}
	return &cli.Command{
		Name: "restore", Usage: "bring a directory back to what a commit had, on a primary", ArgsUsage: "COMMIT", Flags: o.flags(), OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Len() != 1 {
				return misuse("restore takes one commit")
			}
			return o.elsewhere(c.Context, "restore", o.logger(c.App.ErrWriter))
		},
	}
}

// elsewhere says where the command has to be given.
func (o *revertOptions) elsewhere(ctx context.Context, command string, log *slog.Logger) error {
	s, err := o.open()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	kept, err := o.settings()
	if err != nil {
		return err
	}
	if !kept.replica() {
		return hinted{fmt.Errorf("this version of gsgit can not %s yet", command),
			"`gsgit show COMMIT` says what to take back in the GeoServer, which makes a commit of it"}
	}
	primary, source := o.primary(ctx, s, kept, log)
	if source != "" {
		primary += " (" + source + ")"
	}
	return hinted{fmt.Errorf("this is a replica: a %s is a commit, and commits are made on %s", command, primary),
		"give the command there: this replica follows; for this node alone, `gsgit resync --to COMMIT` goes back and stays there"}
}

// primary names the node that a replica's commits come from, and its URL if that is known: as the topics tell, else
// where this node fetches.
func (o *revertOptions) primary(ctx context.Context, s *gitstore.Store, kept settings, log *slog.Logger) (name, source string) {
	name, err := author(ctx, s)
	if err != nil {
		log.Debug("look for the primary", "err", err)
	}
	if bus := kept.bus(); len(bus.list()) > 0 {
		_, nodes, _ := readTopics(ctx, bus) // a broker that is down is no news here
		for _, n := range nodes {
			if slices.Contains(n.Roles, "watch") && n.URL != "" && (name == "" || n.Instance == name) {
				return n.Instance, n.URL
			}
		}
	}
	if name == "" {
		name = "the primary"
	}
	return name, kept.source(o.stateDir())
}

// author is the instance that made the newest commit of gsgit that is on this replica.
func author(ctx context.Context, s *gitstore.Store) (string, error) {
	disk, err := s.Ref(gsgit.DiskRef)
	if err != nil || disk.IsZero() {
		return "", errors.Join(err, errors.New("nothing was applied yet"))
	}
	for c, err := range s.Log(ctx, disk) {
		if err != nil {
			return "", err
		}
		if names := c.Trailers("Gsgit-Instance"); len(names) == 1 {
			return names[0], nil
		}
	}
	return "", errors.New("no commit names its instance")
}

// source is where a node's commits come from, as far as it is known without the topics, and without a password.
func (s settings) source(stateDir string) string {
	from := cmp.Or(s.From, s.Remote)
	if memory, err := gsgit.OpenMemory(stateDir); from == "" && err == nil && len(memory.Remotes()) > 0 {
		from = memory.Remotes()[0]
	}
	if u, err := url.Parse(from); err == nil && u.User != nil {
		u.User = url.User(u.User.Username())
		return u.String()
	}
	return from
}
