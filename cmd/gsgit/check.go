package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

type checkOptions struct {
	place
	Security string
	Local    cli.StringSlice
	History  bool
	Repair   bool
}

func checkCommand() *cli.Command {
	o := &checkOptions{}
	flags := append(o.place.flags(),
		securityFlag(&o.Security),
		&cli.StringSliceFlag{Name: "local", Destination: &o.Local, Usage: "`PATTERN` of files that stay on this node (repeatable)"},
		&cli.BoolFlag{Name: "history", Destination: &o.History, Usage: "look through every commit of the branch, for damage that no commit names"},
		&cli.BoolFlag{Name: "repair", Destination: &o.Repair, Usage: "put torn refs of the repository back first"})
	return &cli.Command{
		Name: "check", Usage: "find what GeoServer would stumble over in a data directory", Flags: flags, OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("check takes no argument, but got %q", c.Args().First())
			}
			if o.Repair {
				if err := runRepair(c.Context, o, o.logger(c.App.ErrWriter), c.App.ErrWriter); err != nil {
					return err
				}
			}
			return runCheck(c.Context, o, c.App.Writer)
		},
	}
}

// finding is one line of `check --json`.
type finding struct {
	Class  string `json:"class"`
	Object string `json:"object"`
	Path   string `json:"path"`
	What   string `json:"what"`
	Commit string `json:"commit,omitempty"` // with --history
}

// runCheck ends with exit status 3 where it found more than notes.
func runCheck(ctx context.Context, o *checkOptions, stdout io.Writer) error {
	find := o.directory
	if o.History {
		find = o.history
	}
	findings, err := find(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		err = printJSON(stdout, findings)
	} else {
		err = printFindings(stdout, findings)
	}
	serious := slices.ContainsFunc(findings, func(f finding) bool { return f.Class != string(xmlcatalog.Note) })
	if err == nil && serious {
		return errFound
	}
	return err
}

// runRepair works while no node runs here: a node would find its refs changed under it.
func runRepair(ctx context.Context, o *checkOptions, log *slog.Logger, stderr io.Writer) error {
	reader, err := o.open()
	if err != nil {
		return err
	}
	_ = reader.Close()
	s := &station{nodeOptions: nodeOptions{place: o.place}, log: log, step: crashSteps()}
	defer s.close()
	lock, err := gitstore.LockFile(filepath.Join(s.stateDir(), "node.lock"), 2*time.Second)
	if errors.Is(err, gitstore.ErrLocked) {
		return fmt.Errorf("a gsgit runs on %s: %w", s.DataDir, err)
	}
	if err != nil {
		return fmt.Errorf("repair the repository: %w", err)
	}
	s.closing(func() { _ = lock.Release() })
	if s.store, err = gitstore.Open(s.GitDir, gitstore.Options{Branch: s.Branch, Logger: log, Step: s.step}); err != nil {
		return err
	}
	s.closing(func() { _ = s.store.Close() })
	release, err := s.lock()
	if err != nil {
		return err
	}
	defer release()
	done, err := gsgit.Repair(ctx, s.store)
	if err == nil || s.store.Wounded() {
		var line string
		if line, err = o.repairObjects(ctx, s); line != "" {
			done = append(done, line)
		}
	}
	for _, line := range done {
		fmt.Fprintln(stderr, "gsgit: repaired:", line)
	}
	return err
}

// repairObjects brings back what is missing, from the directory and the sources that the node used last, or else goes
// back to a commit that is whole.
func (o *checkOptions) repairObjects(ctx context.Context, s *station) (string, error) {
	kept, err := o.settings()
	if err != nil {
		return "", err
	}
	s.fetch.From, s.fetch.Remote, s.fetch.TokenFile = kept.From, kept.Remote, kept.Token
	s.fetch.Trust = *cli.NewStringSlice(kept.Trust...)
	s.listen.take(kept)
	if err := s.openSources(kept.Brokers); err != nil {
		return "", err
	}
	m := gsgit.Mending{Store: s.store, Dir: &gsgit.Directory{Root: o.DataDir}, Sources: s.sources, Log: s.log}
	if err := m.Mend(ctx); err == nil || ctx.Err() != nil {
		return "", err
	}
	return m.GoBack(ctx)
}

// directory needs no repository.
func (o *checkOptions) directory(context.Context) ([]finding, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := gsgit.CheckDirectory(o.DataDir, true); err != nil {
		return nil, err
	}
	dir := &gsgit.Directory{Root: o.DataDir, Rules: xmlcatalog.Rules{All: o.Security == "all", Local: o.Local.Value()}}
	catalog, err := xmlcatalog.Load(dir.FS())
	if err != nil {
		return nil, err
	}
	findings := []finding{}
	for _, d := range catalog.Damage() {
		findings = append(findings, findingOf(d, ""))
	}
	notes, err := gsgit.StayHere(dir)
	for _, n := range notes {
		findings = append(findings, finding{Class: string(xmlcatalog.Note), Object: n.Object, Path: n.Path, What: n.What})
	}
	return findings, err
}

func (o *checkOptions) history(ctx context.Context) ([]finding, error) {
	s, err := o.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	findings := []finding{}
	for commit, damage := range gsgit.UnnamedDamage(ctx, s, &err) {
		for _, d := range damage {
			findings = append(findings, findingOf(d, commit.String()))
		}
	}
	return findings, err
}

func findingOf(d xmlcatalog.Damage, commit string) finding {
	return finding{Class: string(d.Class), Object: d.Object.String(), Path: d.Path, What: d.What, Commit: commit}
}

func printFindings(w io.Writer, findings []finding) error {
	for _, f := range findings {
		commit := ""
		if f.Commit != "" {
			commit = short(f.Commit) + " "
		}
		if _, err := fmt.Fprintf(w, "%s%s %s %s: %s\n", commit, f.Class, f.Object, f.Path, f.What); err != nil {
			return err
		}
	}
	return nil
}
