package main

import (
	"bytes"
	"encoding/json"
	"io"
)

// printJSON writes the one document of a --json call.
func printJSON(w io.Writer, document any) error {
	if l, ok := w.(legible); ok {
		w = l.w // JSON escapes what matters, and is for programs: they get every name as it is
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// legible keeps control characters away from a terminal: names and messages come out of files and histories
// that anybody may have written, and an escape sequence in one could rewrite what a person reads.
type legible struct{ w io.Writer }

func (l legible) Write(p []byte) (int, error) {
	if _, err := l.w.Write(cleaned(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// cleaned is text without what a terminal would obey.
func cleaned(p []byte) []byte {
	clean := bytes.Clone(p)
	for i, b := range clean {
		control := b < ' ' && b != '\n' && b != '\t' || b == 0x7f
		escape := i > 0 && clean[i-1] == 0xc2 && b >= 0x80 && b < 0xa0 // U+0080 to U+009F in UTF-8
		if control {
			clean[i] = '?'
		} else if escape {
			clean[i-1], clean[i] = '?', '?'
		}
	}
	return clean
}
