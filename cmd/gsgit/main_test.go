package main

import (
	"flag"
	"runtime"
	"strconv"
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

// atOnce is how many tests run side by side unless a person says otherwise: scripts mostly wait for settle times.
const atOnce = 4

func (s suite) Run() int {
	defer testkafka.Stop()
	chosen := false
	flag.Parse()
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen && runtime.GOMAXPROCS(0) < atOnce {
		_ = flag.Set("test.parallel", strconv.Itoa(atOnce))
	}
	return s.m.Run()
}
