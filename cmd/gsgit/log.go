package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
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
	want, err := wanted(s, head, object)
	if err != nil {
		return nil, err
	}
	for c, err := range s.Log(ctx, head) {
		if err != nil {
			return nil, err
		}
		if limit > 0 && len(entries) == limit {
			break
		}
		if want == nil || want(c) {
			entries = append(entries, entryOf(c))
		}
	}
	if want != nil && len(entries) == 0 {
		return nil, hinted{fmt.Errorf("there is no %s, and no commit names it", object), "names are as in `gsgit log --json`: layer:workspace:name, style:name"}
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

// wanted gives the filter for the commits that touched an object; nil is all. An object is followed by its
// id, through renames, as far as the trailers name it.
func wanted(s *gitstore.Store, head gitstore.Hash, word string) (func(gitstore.Commit) bool, error) {
	if word == "" {
		return nil, nil
	}
	catalog, err := xmlcatalog.Load(s.FS(head))
	if err != nil {
		return nil, err
	}
	known := map[string]bool{word: true}
	var paths []string
	found := catalog.Find(word)
	if len(found) > 1 {
		return nil, misuse("%s is ambiguous: %s", word, names(found))
	}
	for _, o := range found {
		known[o.String()], known[o.ID] = true, o.ID != ""
		paths = append(paths, catalog.Paths(o)...)
	}
	return func(c gitstore.Commit) bool { return touches(s, c, known, paths) }, nil
}

func names(objects []xmlcatalog.Object) string {
	var all []string
	for _, o := range objects {
		all = append(all, o.String())
	}
	return strings.Join(all, ", ")
}

// touches tells whether a commit names the object in its trailers. A commit that names not all of its
// objects is asked for the object's files.
func touches(s *gitstore.Store, c gitstore.Commit, known map[string]bool, paths []string) bool {
	trailers := c.Trailers("Gsgit-Object")
	for _, line := range trailers {
		name, id, _ := strings.Cut(line, " ")
		if known[name] || id != "" && known[id] {
			known[name], known[id] = true, id != ""
			return true
		}
	}
	if len(trailers) > 0 && !strings.HasPrefix(trailers[len(trailers)-1], "…") {
		return false
	}
	if len(c.Parents) == 0 {
		return holds(s, c, known) // the paths may have been others then
	}
	return changes(s, c, paths)
}

// holds tells whether the object is in the tree of a commit: the import names none of its objects.
func holds(s *gitstore.Store, c gitstore.Commit, known map[string]bool) bool {
	catalog, err := xmlcatalog.Load(s.FS(c.ID))
	if err != nil {
		return false
	}
	for e, err := range s.Files(c.ID, "") {
		if err != nil {
			return false
		}
		if o, ok := catalog.Object(e.Path); ok && (known[o.String()] || o.ID != "" && known[o.ID]) {
			return true
		}
	}
	return false
}

// changes tells whether a commit differs from its first parent at one of the paths.
func changes(s *gitstore.Store, c gitstore.Commit, paths []string) bool {
	for _, path := range paths {
		now, _, err := s.Lookup(c.ID, path)
		if err != nil {
			return false
		}
		var before gitstore.Entry
		if len(c.Parents) > 0 {
			before, _, _ = s.Lookup(c.Parents[0], path)
		}
		if now.Blob != before.Blob {
			return true
		}
	}
	return false
}
