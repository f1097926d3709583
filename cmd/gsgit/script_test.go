package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gsgit/gsgit/kafkabus/testkafka"
)

// The scripts below testdata drive the program as people do. What they may say beside testscript's own
// commands is listed in testdata/README.md. After each of them every node that it started must be in step,
// every running one must end within 10 s of SIGTERM with 0, and the ordinary git must find nothing wrong
// with any repository that is left: see finish.

// TestScripts runs one script a behaviour.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts("script", nil))
}

// TestStoryEmbedded and TestStoryKafka play one story with all steps on both buses.
func TestStoryEmbedded(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts("story", map[string]string{"BUS": embedded, "PREFIX": "gsgit"}))
}

func TestStoryKafka(t *testing.T) {
	t.Parallel()
	broker := testkafka.Start(t)
	prefix := fmt.Sprintf("story-%d-%d", os.Getpid(), time.Now().UnixNano())
	testscript.Run(t, scripts("story", map[string]string{"BUS": broker.Addr, "PREFIX": prefix}))
}

// TestRealDirectories publishes, edits and deletes on copies of data directories that people made.
func TestRealDirectories(t *testing.T) {
	for _, data := range []map[string]string{
		{"DATA": "geoserver-release-3.0", "WS": "topp", "STORE": "states_shapefile", "STYLE": "population"},
		{"DATA": "imas-2.28", "WS": "seamap", "STORE": "", "STYLE": ""},
	} {
		t.Run(data["DATA"], func(t *testing.T) {
			t.Parallel()
			root, err := filepath.Abs(filepath.Join(testData(), data["DATA"], "data_dir"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(root, "global.xml")); err != nil {
				t.Skipf("no data directory: %v", err)
			}
			data["DATA"] = root
			if data["STORE"] == "" {
				data["WS"], data["STORE"], data["STYLE"] = someStore(t, root)
			}
			testscript.Run(t, scripts("real", data))
		})
	}
}

// testData is where the data directories of other people lie.
func testData() string {
	if dir := os.Getenv("GSGIT_TEST_DATA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "data")
}

// scripts are the scripts of a folder of testdata, with these variables.
func scripts(folder string, variables map[string]string) testscript.Params {
	return testscript.Params{
		Dir:                 filepath.Join("testdata", folder),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("GSGIT_UPDATE_SCRIPTS") != "",
		Cmds:                commands,
		Condition:           condition,
		Setup: func(e *testscript.Env) error {
			for name, value := range variables {
				e.Setenv(name, value)
			}
			c := newCluster(e.WorkDir)
			e.Values[clusterKey{}] = c
			e.Defer(func() { c.finish(e.T()) })
			// What a developer has in the environment must not steer the nodes.
			for _, name := range []string{"GSGIT_DATA_DIR", "GEOSERVER_DATA_DIR", "GSGIT_INSTANCE", "GSGIT_KAFKA_BROKERS", "KAFKA_BOOTSTRAP_SERVERS"} {
				e.Setenv(name, "")
			}
			return nil
		},
	}
}

// condition knows [readonly]: this user can make a directory read-only; and [unreadable]: one that the
// program, run by nobody, may not read.
func condition(name string) (bool, error) {
	switch name {
	case "readonly":
		return os.Getuid() != 0 || mountable(), nil
	case "unreadable":
		return os.Getuid() != 0 || reachable(), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// commands are what a script can say beside testscript's own; testdata/README.md lists them.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"sample":    positive(sample),
	"geoserver": positive(geoServer),
	"put":       positive(put),
	"node":      positive(startNode),
	"term":      positive(stopNode),
	"kill9":     positive(killNode),
	"ready":     positive(awaitReady),
	"state":     positive(awaitState),
	"await":     positive(await),
	"exits":     positive(exits),
	"committed": positive(committed),
	"quietly":   positive(quietly),
	"edits":     positive(manyEdits),
	"caughtup":  positive(caughtUp),
	"instep":    positive(inStep),
	"apart":     positive(apart),
	"broker":    positive(startBroker),
	"standin":   positive(standIn),
	"readonly":  positive(readOnly),
	"writable":  positive(writable),
	"same":      positive(same),
}

// positive is a command that has no negation: what it waits for must happen.
func positive(do func(*testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command can not be negated")
		}
		do(ts, args)
	}
}

// eventually is the one way of waiting for a process: it tries until done, and says at the end what was
// still wrong.
func eventually(most time.Duration, try func() error) error {
	deadline := time.Now().Add(most)
	for {
		err := try()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("within %v: %w", most, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// patience is how long anything may take on a loaded machine.
const patience = 30 * time.Second

// needs fails the script unless the command has that many arguments.
func needs(ts *testscript.TestScript, args []string, least int, usage string) {
	if len(args) < least {
		ts.Fatalf("usage: %s", usage)
	}
}

// await waits until a file holds what a regular expression describes.
func await(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "await FILE REGEXP")
	pattern := expression(ts, args[1])
	ts.Check(eventually(patience, func() error {
		content, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && !pattern.Match(content) {
			err = fmt.Errorf("%s does not hold %q:\n%s", args[0], args[1], tail(content))
		}
		return err
	}))
}

func tail(content []byte) string {
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
