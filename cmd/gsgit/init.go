package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

type initOptions struct {
	place
	Security string
	Local    cli.StringSlice
	MaxNew   int
	Force    bool
}

func initCommand() *cli.Command {
	o := &initOptions{}
	flags := append(o.place.flags(),
		securityFlag(&o.Security),
		&cli.StringSliceFlag{Name: "local", Destination: &o.Local, Usage: "`PATTERN` of files that stay on this node (repeatable)"},
		maxNewFlag(&o.MaxNew),
		&cli.BoolFlag{Name: "force", Destination: &o.Force, Usage: "take a directory without global.xml, and what --max-new-files keeps out"},
	)
	return &cli.Command{
		Name: "init", Usage: "make the repository and one commit of everything tracked", Flags: flags, OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("init takes no argument, but got %q", c.Args().First())
			}
			return runInit(c.Context, o, c.App.Writer, c.App.ErrWriter)
		},
	}
}

// check settles what is tracked, and that there is something to track.
func (o *initOptions) check() (xmlcatalog.Rules, error) {
	if err := o.place.check(); err != nil {
		return xmlcatalog.Rules{}, err
	}
	if o.Security != "rules" && o.Security != "all" {
		return xmlcatalog.Rules{}, misuse("--security is rules or all, not %q", o.Security)
	}
	rules := xmlcatalog.Rules{All: o.Security == "all", Local: o.Local.Value()}
	if err := rules.Check(); err != nil {
		return rules, usageError{fmt.Errorf("--local: %w", err)}
	}
	return rules, gsgit.CheckDirectory(o.DataDir, o.Force)
}

func runInit(ctx context.Context, o *initOptions, stdout, stderr io.Writer) error {
	rules, err := o.check()
	if err != nil {
		return err
	}
	kept, err := o.settings()
	if err != nil {
		return err
	}
	if kept.replica() {
		return hinted{fmt.Errorf("%s is a replica: a commit made here would part it from its primary", o.DataDir),
			"make the change on the primary; where this is to become one, start `gsgit watch` here"}
	}
	s := &station{nodeOptions: nodeOptions{place: o.place}, log: o.logger(stderr), step: crashSteps()}
	defer s.close()
	if err := s.openRepository(); err != nil {
		return err
	}
	if err := o.keepRole(kept); err != nil {
		return err
	}
	files, err := resync.Open(resync.Options{Root: o.DataDir, State: s.stateDir(), Logger: s.log})
	if err != nil {
		return err
	}
	p := &gsgit.Publisher{
		Dir: &gsgit.Directory{Root: o.DataDir, Rules: rules}, Store: s.store, Files: files, Instance: s.instance,
		Hold: time.Second, MaxNew: o.MaxNew, Force: o.Force, Log: s.log, Step: s.step, Lock: s.lock,
	}
	head, err := p.Init(ctx)
	if err != nil {
		return err
	}
	commit, err := s.store.Commit(head)
	if err != nil {
		return err
	}
	if o.JSON {
		return printJSON(stdout, map[string]string{"commit": head.String(), "subject": commit.Subject()})
	}
	fmt.Fprintf(stdout, "%s %s\n", head.String()[:10], commit.Subject())
	return nil
}

// keepRole makes the directory a primary's from now on: a resync must record it, and not put the history's bytes
// over what was edited.
func (o *initOptions) keepRole(kept settings) error {
	if len(kept.Roles) > 0 {
		return nil
	}
	return o.keepSettings(settings{Roles: []string{"watch"}, Security: o.Security, Local: o.Local.Value(), MaxNew: o.MaxNew})
}
