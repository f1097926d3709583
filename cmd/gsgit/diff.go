package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

type diffOptions struct {
	place
	Security string
	Local    cli.StringSlice
}

func diffCommand() *cli.Command {
	o := &diffOptions{}
	flags := append(o.place.flags(),
		securityFlag(&o.Security),
		&cli.StringSliceFlag{Name: "local", Destination: &o.Local, Usage: "`PATTERN` of files that stay on this node (repeatable)"})
	return &cli.Command{
		Name: "diff", Usage: "compare the directory with what was last recorded or written, or two commits, by object and field",
		ArgsUsage: "[A [B]]", Flags: flags, OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Len() > 2 {
				return misuse("diff takes two commits at most")
			}
			return runDiff(c.Context, o, c.Args().Slice(), c.App.Writer)
		},
	}
}

// changeEntry is one object of `diff --json`.
type changeEntry struct {
	Object string       `json:"object"`
	ID     string       `json:"id"`
	Change string       `json:"change"`
	Path   string       `json:"path"`
	Was    string       `json:"was,omitempty"` // its name before a rename or move
	Fields []fieldEntry `json:"fields"`
}

type fieldEntry struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
	words string // where the two values say nothing
}

// runDiff ends with exit status 3 where something differs.
func runDiff(ctx context.Context, o *diffOptions, revisions []string, stdout io.Writer) error {
	s, err := o.open()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	changes, unseen := o.changes(ctx, s, revisions)
	if changes == nil && unseen != nil {
		return unseen
	}
	entries := []changeEntry{}
	for _, c := range changes {
		entries = append(entries, changeEntryOf(c))
	}
	if o.JSON {
		err = printJSON(stdout, entries)
	} else {
		err = printChanges(stdout, entries)
	}
	if err = errors.Join(err, unseen); err == nil && len(entries) > 0 {
		return errFound
	}
	return err
}

// changes may come with an error that tells what could not be looked at.
func (o *diffOptions) changes(ctx context.Context, s *gitstore.Store, revisions []string) ([]xmlcatalog.Change, error) {
	commits := make([]gitstore.Hash, 0, 2)
	for _, r := range revisions {
		id, err := s.Resolve(r)
		if err != nil {
			return nil, err
		}
		commits = append(commits, id)
	}
	if len(commits) == 2 {
		changes, _, err := gsgit.ChangesBetween(ctx, s, commits[0], commits[1])
		return changes, err
	}
	if len(commits) == 0 {
		disk, err := s.Ref(gsgit.DiskRef)
		if err != nil {
			return nil, err
		}
		if disk.IsZero() {
			return nil, hinted{errors.New("the directory was not recorded or written yet"), "name a commit to compare it with"}
		}
		commits = append(commits, disk)
	}
	return o.onDisk(ctx, s, commits[0])
}

// onDisk compares the directory with a commit: a replica's but for what its own GeoServer makes of it.
func (o *diffOptions) onDisk(ctx context.Context, s *gitstore.Store, commit gitstore.Hash) ([]xmlcatalog.Change, error) {
	kept, err := o.settings()
	if err != nil {
		return nil, err
	}
	rules, err := o.rules(kept, s, commit)
	if err != nil {
		return nil, err
	}
	dir := &gsgit.Directory{Root: o.DataDir, Rules: rules}
	if kept.replica() {
		dir.Rules.All = true
		return gsgit.DriftOnDisk(ctx, s, dir, commit)
	}
	return gsgit.ChangesOnDisk(s, dir, commit)
}

// rules are those that this directory's node used last, where none are given: a file that it leaves out is no
// difference. All of security/ is compared where the commit has it.
func (o *diffOptions) rules(kept settings, s *gitstore.Store, commit gitstore.Hash) (xmlcatalog.Rules, error) {
	rules := xmlcatalog.Rules{All: o.Security == "all" || kept.Security == "all", Local: o.Local.Value()}
	if len(rules.Local) == 0 {
		rules.Local = kept.Local
	}
	_, whole, err := s.Lookup(commit, "security/config.xml")
	rules.All = rules.All || whole
	return rules, err
}

func changeEntryOf(c xmlcatalog.Change) changeEntry {
	e := changeEntry{Object: c.Object.String(), ID: c.Object.ID, Change: string(c.Op), Path: c.Object.Path, Fields: []fieldEntry{}}
	if c.Was.Name != "" {
		e.Was = c.Was.String()
	}
	for _, f := range c.Fields {
		e.Fields = append(e.Fields, fieldEntry{Field: f.Name, Old: f.Old, New: f.New, words: f.Words()})
	}
	return e
}

func printChanges(w io.Writer, entries []changeEntry) error {
	paint := painterFor(w)
	for _, e := range entries {
		was := ""
		if e.Was != "" && e.Was != e.Object {
			was = " (was " + e.Was + ")"
		}
		if _, err := fmt.Fprintf(paint.w, "%s %s%s  %s\n", paint.change(e.Change), paint.text(e.Object), paint.text(was), paint.text(e.Path)); err != nil {
			return err
		}
		for _, f := range e.Fields {
			if _, err := fmt.Fprintf(paint.w, "    %s: %s\n", paint.text(f.Field), f.said(paint)); err != nil {
				return err
			}
		}
	}
	return nil
}

// said is what became of a field, in words where there are some.
func (f fieldEntry) said(paint painter) string {
	switch words := strings.TrimSpace(strings.TrimPrefix(f.words, f.Field)); {
	case f.words == "":
		return paint.old(orNone(f.Old)) + " -> " + paint.new(orNone(f.New))
	case words == "":
		return paint.text("changed")
	case words == "- "+f.Field:
		return paint.old("gone")
	case words == "+ "+f.Field:
		return paint.new("new")
	default:
		return paint.text(words)
	}
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
