package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Whatever the program or its pages tell a person to type must be something that the program takes.
func TestHintsNameWhatThereIs(t *testing.T) {
	commands := map[string]*cli.Command{}
	for _, c := range newApp(io.Discard, io.Discard).Commands {
		commands[c.Name] = c
	}
	said := 0
	for _, pattern := range []string{"*.go", "../../*.go", "../../*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile("\"[^\"\n]*`gsgit ([a-z]+)([^`\"\n]*)`").FindAllStringSubmatch(string(content), -1) {
				said++
				checkHint(t, commands, file, m[1], m[2])
			}
		}
	}
	if said < 10 {
		t.Errorf("only %d hints were found: they look otherwise now", said)
	}
}

func checkHint(t *testing.T, commands map[string]*cli.Command, file, name, rest string) {
	t.Helper()
	c, ok := commands[name]
	if !ok {
		if name != "help" {
			t.Errorf("%s says `gsgit %s`, and there is no such command", file, name)
		}
		return
	}
	for _, flag := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(rest, -1) {
		if !slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), flag[1]) }) {
			t.Errorf("%s says `gsgit %s%s`, and %s has no --%s", file, name, rest, name, flag[1])
		}
	}
}
