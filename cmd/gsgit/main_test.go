package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gsgit/gsgit/kafkabus/testkafka"
)

// TestMain makes the test binary the program too: "gsgit", found by the tests on PATH, is this binary, with
// the race detector in it where the tests have it.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"gsgit": main, "gsgit-as-nobody": nobody})
}

// suite ends the Kafka broker, if the tests started one.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	defer testkafka.Stop()
	return s.m.Run()
}
