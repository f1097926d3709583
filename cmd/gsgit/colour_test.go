package main

import (
	"bytes"
	"testing"
)

func TestColourIsForTerminalsAlone(t *testing.T) {
	entry := []changeEntry{{Object: "layer:a:b", Change: "create", Path: "p", Fields: []fieldEntry{{Field: "title", New: "x"}}}}
	var plain bytes.Buffer
	if err := printChanges(&plain, entry); err != nil {
		t.Fatal(err)
	}
	if want := "create layer:a:b  p\n    title: (none) -> x\n"; plain.String() != want {
		t.Errorf("into a pipe: %q, want %q", plain.String(), want)
	}
	if got, want := (painter{on: true}).change("delete"), "\x1b[31mdelete\x1b[0m"; got != want {
		t.Errorf("on a terminal: %q, want %q", got, want)
	}
}
