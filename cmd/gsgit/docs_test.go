package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/kafkabus"
)

// examples are the JSON blocks of a page by their names.
func examples(t *testing.T, page string) map[string][]byte {
	t.Helper()
	content, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]byte{}
	for _, m := range regexp.MustCompile("(?s)```json ([a-z]+)\n(.*?)```").FindAllSubmatch(content, -1) {
		blocks[string(m[1])] = m[2]
	}
	return blocks
}

// Each example of a --json must be exactly what the program's type writes: no field unknown, none missing.
func TestDocumentedJSONIsWhatIsPrinted(t *testing.T) {
	blocks := examples(t, "cli.md")
	for name, into := range map[string]any{
		"init": &map[string]string{}, "status": &gsgit.Status{}, "log": &[]logEntry{}, "diff": &[]changeEntry{}, "check": &[]finding{},
	} {
		block, ok := blocks[name]
		if !ok {
			t.Errorf("docs/cli.md has no example for %s --json", name)
			continue
		}
		sameJSON(t, name, block, into)
	}
}

func TestDocumentedRecordsAreWhatIsOnTheWire(t *testing.T) {
	blocks := examples(t, "wire.md")
	a, err := kafkabus.DecodeAnnouncement(blocks["commits"])
	if err != nil {
		t.Errorf("the example of the commits topic: %v", err)
	}
	if a.Key() != "gs-a/refs/heads/main" {
		t.Errorf("key %q", a.Key())
	}
	if _, err := kafkabus.DecodeNode(blocks["nodes"]); err != nil {
		t.Errorf("the example of the nodes topic: %v", err)
	}
	sameJSON(t, "commits", blocks["commits"], &kafkabus.Announcement{})
	sameJSON(t, "nodes", blocks["nodes"], &kafkabus.NodeRecord{})
}

// sameJSON reads a block strictly into a type, writes it again, and compares the two.
func sameJSON(t *testing.T, name string, block []byte, into any) {
	t.Helper()
	strict := json.NewDecoder(bytes.NewReader(block))
	strict.DisallowUnknownFields()
	if err := strict.Decode(into); err != nil {
		t.Errorf("the example of %s: %v", name, err)
		return
	}
	again, err := json.Marshal(into)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if json.Unmarshal(block, &want) != nil || json.Unmarshal(again, &got) != nil || !reflect.DeepEqual(want, got) {
		t.Errorf("the example of %s says\n%s\nand the program would print\n%s", name, block, again)
	}
}

// Every command and flag of the program stands in docs/cli.md or in its own help, and every command in both.
func TestEveryCommandIsDocumented(t *testing.T) {
	content, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range newApp(io.Discard, io.Discard).Commands {
		if c.Name == "help" {
			continue
		}
		if !strings.Contains(string(content), "gsgit init | watch | follow | status | log | show | diff | check | revert | restore | resync | gc | demo") ||
			c.Name != "demo" && !regexp.MustCompile(`(?m)^## `+c.Name).Match(content) {
			t.Errorf("docs/cli.md does not describe %s", c.Name)
		}
		for _, f := range c.Flags {
			if usage, ok := f.(interface{ GetUsage() string }); !ok || usage.GetUsage() == "" {
				t.Errorf("%s --%s has no help", c.Name, f.Names()[0])
			}
		}
	}
}

func TestSortArgsPutsFlagsFirst(t *testing.T) {
	app := newApp(io.Discard, io.Discard)
	for _, c := range []struct{ in, want string }{
		{"gsgit log layer:topp:states --limit 3", "gsgit log --limit 3 -- layer:topp:states"},
		{"gsgit --json -d dir diff A B", "gsgit diff --json -d dir -- A B"},
		{"gsgit diff --branch=x A --json", "gsgit diff --branch=x --json -- A"},
		{"gsgit diff -- --json", "gsgit diff -- --json"},
		{"gsgit --help", "gsgit --help"},
		{"gsgit watch --once -d dir", "gsgit watch --once -d dir"},
	} {
		if got := sortArgs(app, strings.Fields(c.in)); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: got %q, want %s", c.in, got, c.want)
		}
	}
}
