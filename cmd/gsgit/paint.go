package main

import (
	"bytes"
	"regexp"
)

var colour = regexp.MustCompile(`#[0-9A-Fa-f]{6}`)

// repaint changes the first colour of a style body, which is an edit that everybody sees.
func repaint(body []byte) []byte {
	place := colour.FindIndex(body)
	if place == nil {
		return append(bytes.Clone(body), "<!-- repainted -->"...)
	}
	return append(append(bytes.Clone(body[:place[0]]), "#1B9E77"...), body[place[1]:]...)
}
