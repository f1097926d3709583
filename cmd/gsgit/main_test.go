package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the program too: "gsgit", found by the tests on PATH, is this binary, with
// the race detector in it where the tests have it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gsgit": main})
}
