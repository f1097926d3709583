package main_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
)

// kill is one row of the tables below: at the k-th passing of a point the process sends itself SIGKILL.
type kill struct {
	point string
	k     int
}

func (k kill) String() string { return fmt.Sprintf("%s#%d", k.point, k.k) }

// dies waits for the death that the environment ordered: another end says that the point was not reached.
func (k kill) dies(t *testing.T, p *process) {
	t.Helper()
	if code, signal := p.ended(patience); signal != syscall.SIGKILL {
		t.Fatalf("the process ended with %d, signal %v: the point was not reached", code, signal)
	}
}

func (k kill) env() []string { return []string{"GSGIT_CRASH=" + k.String()} }

// publish is the part of a primary's work that follows the first commit.
func publish(t *testing.T, dir string) {
	t.Helper()
	must(t, serverOf(dir).Publish("harbour", "charts", "beacons", "point"))
}

// primaryKills are the points that every record and announcement passes, in their order.
var primaryKills = []kill{
	{"gitstore.pack", 1},
	{"gitstore.renamed", 1},
	{"gitstore.objects", 1},
	{"gitstore.locked:refs/heads/main", 1},
	{"gitstore.ref:refs/heads/main", 1},
	{"publisher.disk", 1},
	{"gitstore.locked:refs/gsgit/disk", 1},
	{"gitstore.ref:refs/gsgit/disk", 1},
	{"announcer.announce", 1},
	{"kafkabus.written", 1},
	{"announcer.announced", 1},
	{"gitstore.locked:refs/gsgit/announced", 1},
	{"gitstore.ref:refs/gsgit/announced", 1},
}

func TestKilledInTheImport(t *testing.T) {
	for _, k := range append(primaryKills, kill{"kafkabus.topic", 1}) {
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			p := newPrimaryRow(t)
			k.dies(t, launch(t, k.env(), p.once...))
			p.recovers(t)
		})
	}
}

func TestKilledInAPublishThatHappenedWhileDown(t *testing.T) {
	for _, k := range primaryKills {
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			p := newPrimaryRow(t)
			runs(t, p.once...)
			publish(t, p.dir)
			k.dies(t, launch(t, k.env(), p.once...))
			p.recovers(t)
		})
	}
}

func TestKilledInAPublishBesideTheRunningNode(t *testing.T) {
	for _, k := range primaryKills {
		switch k.point {
		case "kafkabus.written":
			continue // a running node writes its own record too: which one is the k-th is chance
		case "announcer.announce", "announcer.announced":
			k.k = 2 // the first is the start's, which tells of the new port
		}
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			p := newPrimaryRow(t)
			runs(t, p.once...)
			node := launch(t, k.env(), p.daemon...)
			node.await("msg=watching")
			publish(t, p.dir)
			k.dies(t, node)
			p.recovers(t)
		})
	}
}

// primaryRow is a primary of one row.
type primaryRow struct {
	dir             string
	once, daemon    []string
	address, prefix string
}

func newPrimaryRow(t *testing.T) primaryRow {
	t.Helper()
	flags, address, prefix := topics(t)
	return primaryOf(sampled(t).Dir, flags, address, prefix)
}

func primaryOf(dir string, flags []string, address, prefix string) primaryRow {
	return primaryRow{
		dir: dir, address: address, prefix: prefix,
		daemon: append([]string{"watch", "-d", dir, "-n", "gs-a", "--listen", "127.0.0.1:0"}, flags...),
		once:   append([]string{"watch", "--once", "-d", dir, "-n", "gs-a"}, flags...),
	}
}

// recovers starts the primary again as if nothing had happened, and wants everything in its place.
func (p primaryRow) recovers(t *testing.T) {
	t.Helper()
	acknowledged := ref(t, p.dir, mainRef)
	runs(t, p.once...)
	inStep(t, p.dir, true)
	head := ref(t, p.dir, mainRef)
	follows(t, p.dir, acknowledged, head)
	record, ok := reading(t, p.address, p.prefix).Own("gs-a/" + mainRef)
	if !ok || record.Commit != head.String() {
		t.Errorf("the topic says %q (%v), the head is %s", record.Commit, ok, head)
	}
	if !acknowledged.IsZero() && acknowledged != head && git(t, p.dir, "rev-list", "--count", mainRef) != "2" {
		t.Errorf("one publish became several commits:\n%s", git(t, p.dir, "log", "--format=%h %s", mainRef))
	}
	runs(t, p.once...)
	if again := ref(t, p.dir, mainRef); again != head {
		t.Errorf("a start on an unchanged directory made commit %s", again)
	}
}

func TestKilledInInit(t *testing.T) {
	for _, k := range primaryKills[:8] {
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			dir := sampled(t).Dir
			k.dies(t, launch(t, k.env(), "init", "-d", dir, "-n", "gs-a"))
			runs(t, "init", "-d", dir, "-n", "gs-a")
			head := ref(t, dir, mainRef)
			if disk := ref(t, dir, gsgit.DiskRef); disk != head {
				t.Errorf("disk is at %s, the head at %s", disk, head)
			}
			if n := git(t, dir, "rev-list", "--count", mainRef); n != "1" {
				t.Errorf("init made %s commits", n)
			}
			must(t, gsgit.InStep(opened(t, dir), directory(dir), true))
			nothingLeft(t, dir)
			git(t, dir, "fsck", "--strict")
		})
	}
}

func TestKilledWhileClaiming(t *testing.T) {
	for _, k := range []kill{{"gitstore.locked:refs/gsgit/disk", 1}, {"gitstore.ref:refs/gsgit/disk", 1}, {"announcer.announced", 1}} {
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			p := newPrimaryRow(t)
			runs(t, p.once...)
			publish(t, p.dir)
			cut := kill{"gitstore.ref:refs/heads/main", 1}
			cut.dies(t, launch(t, cut.env(), p.once...))
			k.dies(t, launch(t, k.env(), p.once...))
			p.recovers(t)
		})
	}
}

// TestKilledAtEachPoint leaves none out: it kills the first run at its first point, the second at its second,
// until one comes through. The commit is a small one of all kinds: a file comes, one changes, one goes.
func TestKilledAtEachPoint(t *testing.T) {
	g := sampled(t)
	runs(t, "init", "-d", g.Dir, "-n", "gs-a")
	h := history{first: copied(t, g.Dir), second: g.Dir}
	retitle(t, g.Dir, "buoys", "Small")
	must(t, g.CreateStyle("tiny", []byte("<StyledLayerDescriptor version=\"1.0.0\"/>")), os.Remove(g.File("styles/icons/buoy.svg")))
	edited := copied(t, g.Dir)
	runs(t, "init", "-d", g.Dir, "-n", "gs-a")
	filled := filledReplica(t, h.first)
	t.Run("replica", func(t *testing.T) {
		t.Parallel()
		everyPoint(t, 25, func(k kill) bool {
			dir := copied(t, filled)
			if survived(t, launch(t, k.env(), followOnce(dir, h.second)...)) {
				return true
			}
			runs(t, followOnce(dir, h.second)...)
			inStep(t, dir, false)
			return false
		})
	})
	t.Run("primary", func(t *testing.T) {
		t.Parallel()
		everyPoint(t, len(primaryKills), func(k kill) bool {
			flags, address, prefix := topics(t)
			p := primaryOf(copied(t, edited), flags, address, prefix)
			if survived(t, launch(t, k.env(), p.once...)) {
				return true
			}
			p.recovers(t)
			return false
		})
	})
}

// everyPoint counts up until a run comes through, which must have passed some points before.
func everyPoint(t *testing.T, least int, through func(kill) bool) {
	t.Helper()
	for n := 1; !t.Failed(); n++ {
		if through(kill{"*", n}) {
			if n <= least {
				t.Errorf("only %d points were passed, and there are %d at least", n-1, least)
			}
			return
		}
	}
}

// survived tells a run that ended well from one that was killed.
func survived(t *testing.T, p *process) bool {
	t.Helper()
	code, signal := p.ended(patience)
	if signal != syscall.SIGKILL && code != 0 {
		t.Fatalf("it ended with %d, signal %v", code, signal)
	}
	return signal != syscall.SIGKILL
}

// TestKilledAtRandom kills both nodes forty times while a GeoServer works on the primary, one after the other,
// whatever they are doing; then both have to end in step by themselves.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	flags, _, _ := topics(t)
	g, replica := sampled(t), t.TempDir()
	commands := [2][]string{
		append([]string{"watch", "-d", g.Dir, "-n", "gs-a", "--listen", "127.0.0.1:0"}, flags...),
		append([]string{"follow", "-d", replica, "-n", "gs-b", "--listen", "127.0.0.1:0"}, flags...),
	}
	nodes := [2]*process{launch(t, nil, commands[0]...), launch(t, nil, commands[1]...)}
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- churn(g, stop) }()
	var last gitstore.Hash
	for i := range 40 {
		time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond)))) // the moment of the kill is chance
		n := i % 2
		must(t, nodes[n].cmd.Process.Kill())
		if _, signal := nodes[n].ended(patience); signal != syscall.SIGKILL {
			t.Fatalf("%s was not killed, it ended by itself", nodes[n].what)
		}
		if n == 0 {
			head := ref(t, g.Dir, mainRef)
			follows(t, g.Dir, last, head)
			last = head
		}
		nodes[n] = launch(t, nil, commands[n]...)
	}
	close(stop)
	must(t, <-stopped)
	eventually(t, "both in step", func() error {
		err := errors.Join(stepped(t, g.Dir, true), stepped(t, replica, false))
		if a, b := ref(t, g.Dir, mainRef), ref(t, replica, mainRef); err == nil && a != b {
			return fmt.Errorf("the heads are %s and %s", a, b)
		}
		return err
	})
	follows(t, g.Dir, last, ref(t, g.Dir, mainRef))
	for _, n := range nodes {
		n.terminate()
	}
	inStep(t, g.Dir, true)
	inStep(t, replica, false)
	runs(t, "check", "--history", "-d", g.Dir) // no kill made a commit of damage that it does not name
}

// churn works on a data directory until it is told to stop.
func churn(g *fixtures.GeoServer, stop <-chan struct{}) error {
	for i := 0; ; i++ {
		layer := fmt.Sprintf("churn%d", i)
		for _, act := range []func() error{
			func() error { return g.Publish("harbour", "charts", layer, "point") },
			func() error { return g.SetTitle("harbour:"+layer, "Title of "+layer) },
			func() error { return g.RenameLayer("harbour:"+layer, layer+"x") },
			func() error { return g.ResaveLayer("harbour:quays") },
			func() error { return g.DeleteLayer("harbour:" + layer + "x") },
			func() error { return g.CreateStyle(layer, []byte("<StyledLayerDescriptor version=\"1.0.0\"/>")) },
		} {
			select {
			case <-stop:
				return nil
			case <-time.After(60 * time.Millisecond): // people are no faster
			}
			if err := act(); err != nil {
				return err
			}
		}
	}
}
