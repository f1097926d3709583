package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

func showCommand() *cli.Command {
	o := &place{}
	return &cli.Command{
		Name: "show", Usage: "show what a commit changed, by object and field", ArgsUsage: "COMMIT", Flags: o.flags(), OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Len() != 1 {
				return misuse("show takes one commit")
			}
			return runShow(c.Context, o, c.Args().First(), c.App.Writer)
		},
	}
}

func runShow(ctx context.Context, o *place, revision string, stdout io.Writer) error {
	s, err := o.open()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	id, err := s.Resolve(revision)
	if err != nil {
		return err
	}
	commit, err := s.Commit(id)
	if err != nil {
		return err
	}
	var parent gitstore.Hash
	if len(commit.Parents) > 0 {
		parent = commit.Parents[0]
	}
	changes, _, err := gsgit.ChangesBetween(ctx, s, parent, id)
	if err != nil {
		return err
	}
	entries := []changeEntry{}
	for _, c := range changes {
		entries = append(entries, changeEntryOf(c))
	}
	if o.JSON {
		return printJSON(stdout, entries)
	}
	fmt.Fprintf(stdout, "commit %s\nauthor %s, %s\n\n%s\n\n", id, commit.Author.Name, commit.Author.When.Local().Format("2006-01-02 15:04:05"), commit.Subject())
	return printChanges(stdout, entries)
}
