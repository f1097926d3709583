package main

import (
	"encoding/json"
	"io"
)

// printJSON writes the one document of a --json call.
func printJSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}
