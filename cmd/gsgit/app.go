package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
)

// version is set by the release build.
const version = "0.1.0-dev"

// Exit statuses of docs/cli.md.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitFound  = 3
)

// errFound ends a command that did its work and found something: exit status 3 and no message.
var errFound = errors.New("found something")

// usageError is a wrong call.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }
func (e usageError) Hint() string  { return "see `gsgit help` or `gsgit COMMAND --help`" }

func misuse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run is the program: results on stdout, everything else on stderr, the exit status as its result.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if runtime.GOOS == "windows" {
		fmt.Fprintln(stderr, "gsgit: Windows is not supported: run it on Linux, beside a GeoServer there")
		return exitFailed
	}
	stdout, stderr = legible{stdout}, legible{stderr}
	app := newApp(stdout, stderr)
	return report(app.RunContext(ctx, sortArgs(app, args)), stderr)
}

func newApp(stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:        "gsgit",
		Usage:       "keep the data directories of several GeoServers alike, with git and Kafka",
		Version:     version,
		Writer:      stdout,
		ErrWriter:   stderr,
		HideVersion: false,
		// The library exits by itself and splits values at commas unless told otherwise.
		ExitErrHandler:            func(*cli.Context, error) {},
		DisableSliceFlagSeparator: true,
		OnUsageError:              onUsageError,
		Action:                    noCommand,
		Commands: []*cli.Command{
			initCommand(), watchCommand(), followCommand(), statusCommand(),
			logCommand(), showCommand(), diffCommand(), checkCommand(), revertCommand(), restoreCommand(),
			resyncCommand(), gcCommand(), demoCommand(),
		},
	}
}

func onUsageError(_ *cli.Context, err error, _ bool) error { return usageError{err} }

func noCommand(c *cli.Context) error {
	if c.Args().Present() {
		return misuse("there is no command %q", c.Args().First())
	}
	return misuse("a command is missing: init, watch, follow, status, log, show, diff, check, revert, restore, resync, gc or demo")
}

// report says an error in one line, its hint in another, and gives the exit status.
func report(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFound):
		return exitFound
	}
	fmt.Fprintln(stderr, "gsgit:", strings.ReplaceAll(err.Error(), "\n", "; "))
	if hint := gsgit.HintOf(err); hint != "" {
		fmt.Fprintln(stderr, "gsgit: hint:", hint)
	}
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

// sortArgs puts a command's flags before its arguments, wherever they stand: the library would take
// everything after the first argument as arguments.
func sortArgs(app *cli.App, args []string) []string {
	values := valueFlags(app)
	var flags, words []string
	rest := args[1:]
	for len(rest) > 0 {
		word := rest[0]
		rest = rest[1:]
		switch {
		case word == "--":
			words, rest = append(words, rest...), nil
		case len(word) < 2 || word[0] != '-':
			words = append(words, word)
		default:
			flags = append(flags, word)
			if values[strings.TrimLeft(word, "-")] && len(rest) > 0 {
				flags, rest = append(flags, rest[0]), rest[1:]
			}
		}
	}
	sorted := []string{args[0]}
	if len(words) == 0 {
		return append(sorted, flags...)
	}
	sorted = append(append(sorted, words[0]), flags...)
	if len(words) > 1 {
		sorted = append(append(sorted, "--"), words[1:]...)
	}
	return sorted
}

// valueFlags names the flags of all commands that take a value.
func valueFlags(app *cli.App) map[string]bool {
	values := map[string]bool{}
	for _, c := range app.Commands {
		for _, f := range c.Flags {
			if _, isBool := f.(*cli.BoolFlag); isBool {
				continue
			}
			for _, name := range f.Names() {
				values[name] = true
			}
		}
	}
	return values
}
