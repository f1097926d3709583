package main

import (
	"io"
	"os"
)

// painter colours what a person reads on a terminal; into a file or a pipe it writes plain text.
type painter struct {
	on bool
	w  io.Writer // takes colours: whatever else is written there must be cleaned first
}

// painterFor looks at where the text goes, and at NO_COLOR.
func painterFor(w io.Writer) painter {
	inner := w
	if l, ok := w.(legible); ok {
		inner = l.w
	}
	file, ok := inner.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return painter{w: w}
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return painter{w: w}
	}
	return painter{on: true, w: inner}
}

// change paints the word for what happened to an object: green for a new one, red for one that is gone.
func (p painter) change(word string) string {
	switch word {
	case "create":
		return p.paint("32", word)
	case "delete":
		return p.paint("31", word)
	}
	return p.paint("33", word)
}

func (p painter) old(text string) string { return p.paint("31", text) }
func (p painter) new(text string) string { return p.paint("32", text) }

func (p painter) paint(code, text string) string {
	text = p.text(text)
	if !p.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// text is what comes out of files, which must not colour anything by itself.
func (p painter) text(s string) string { return string(cleaned([]byte(s))) }
