package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit/gitstore"
)

type logOptions struct {
	place
	Limit int
}

func logCommand() *cli.Command {
	o := &logOptions{}
	flags := append(o.place.flags(),
		&cli.IntFlag{Name: "limit", Destination: &o.Limit, Usage: "`N` commits at most (default: all)"})
	return &cli.Command{
		Name: "log", Usage: "list the commits, newest first", ArgsUsage: "[OBJECT]", Flags: flags, OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Len() > 1 {
				return misuse("log takes one object at most")
			}
			return runLog(c.Context, o, c.Args().First(), c.App.Writer)
		},
	}
}

// logEntry is one commit of `log --json`.
type logEntry struct {
	Commit  string    `json:"commit"`
	Time    time.Time `json:"time"`
	Author  string    `json:"author"`
	Subject string    `json:"subject"`
	Objects []string  `json:"objects"`
}

func runLog(ctx context.Context, o *logOptions, object string, stdout io.Writer) error {
	s, err := o.open()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	entries, err := logEntries(ctx, s, object, o.Limit)
	if err != nil {
		return err
	}
	if o.JSON {
		return printJSON(stdout, entries)
	}
	for _, e := range entries {
		fmt.Fprintf(stdout, "%s %s %-12s %s\n", e.Commit[:10], e.Time.Local().Format("2006-01-02 15:04:05"), e.Author, e.Subject)
	}
	return nil
}

func logEntries(ctx context.Context, s *gitstore.Store, object string, limit int) ([]logEntry, error) {
	entries := []logEntry{}
	head, err := s.Ref(s.BranchRef())
	if err != nil || head.IsZero() {
		return entries, err
	}
	t, err := trailOf(s, head, object)
	if err != nil {
		return nil, err
	}
	for known := -1; known != len(t.known); {
		known = len(t.known) // an older commit may tell by which name a newer one knows the object
		if entries, err = t.entries(ctx, head, limit); err != nil {
			return nil, err
		}
	}
	if object != "" && len(entries) == 0 {
		return nil, hinted{fmt.Errorf("there is no %s, and no commit names it", object), "names are as in `gsgit log --json`: layer:workspace:name, style:name"}
	}
	return entries, nil
}

// entries are the commits that touched the object, the newest first.
func (t *trail) entries(ctx context.Context, head gitstore.Hash, limit int) ([]logEntry, error) {
	entries := []logEntry{}
	t.paths = t.newest
	for c, err := range t.store.Log(ctx, head) {
		if err != nil {
			return nil, err
		}
		if limit > 0 && len(entries) == limit {
			break
		}
		if touched, err := t.touches(c); err != nil {
			return nil, err
		} else if touched {
			entries = append(entries, entryOf(c))
		}
	}
	return entries, nil
}

func entryOf(c gitstore.Commit) logEntry {
	e := logEntry{Commit: c.ID.String(), Time: c.Committer.When.UTC(), Author: c.Author.Name, Subject: c.Subject(), Objects: []string{}}
	for _, o := range c.Trailers("Gsgit-Object") {
		name, _, _ := strings.Cut(o, " ")
		if name != "…" {
			e.Objects = append(e.Objects, name)
		}
	}
	return e
}
