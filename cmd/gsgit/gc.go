package main

import (
	"context"
	"log/slog"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit/gitstore"
)

func gcCommand() *cli.Command {
	o := &place{}
	return &cli.Command{
		Name: "gc", Usage: "keep the repository in shape, as the running node does by itself", Flags: o.flags(), OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("gc takes no argument, but got %q", c.Args().First())
			}
			return runGC(c.Context, o, o.logger(c.App.ErrWriter))
		},
	}
}

func runGC(ctx context.Context, o *place, log *slog.Logger) error {
	reader, err := o.open() // says what is missing, and makes nothing
	if err != nil {
		return err
	}
	_ = reader.Close()
	s, err := gitstore.Open(o.GitDir, gitstore.Options{Branch: o.Branch, Logger: log, Step: crashSteps()})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return s.Maintain(ctx)
}
