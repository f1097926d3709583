package main_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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
	p := primaryRow{dir: sampled(t).Dir, address: address, prefix: prefix}
	p.daemon = append([]string{"watch", "-d", p.dir, "-n", "gs-a", "--listen", "127.0.0.1:0"}, flags...)
	p.once = append([]string{"watch", "--once", "-d", p.dir, "-n", "gs-a"}, flags...)
	return p
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

// history is what replicas follow in these tests: a primary at its import, and after a day of work that
// creates, replaces and removes files and renames a directory.
type history struct{ first, second string }

func newHistory(t *testing.T) history {
	t.Helper()
	g := sampled(t)
	runs(t, "init", "-d", g.Dir, "-n", "gs-a")
	h := history{first: copied(t, g.Dir), second: g.Dir}
	work(t, g)
	runs(t, "init", "-d", g.Dir, "-n", "gs-a")
	return h
}

// work is one of everything: a layer published, another deleted, a style edited, a workspace renamed.
func work(t *testing.T, g *fixtures.GeoServer) {
	t.Helper()
	body, err := g.Read("styles/depth.sld")
	must(t, err,
		g.Publish("harbour", "charts", "beacons", "point"),
		g.EditStyle("depth", append(body, "<!-- paler -->"...)),
		g.DeleteLayer("harbour:cranes"),
		g.RenameWorkspace("city", "town"),
		g.SetTitle("harbour:quays", "Quays"))
}

// scene readies a replica for one kind of apply. What its own people had written must stand in a drift commit
// at the end, where kept names the file.
type scene struct {
	name  string
	ready func(t *testing.T, h history) (dir string)
	flags []string
	kept  string
	kills []kill
}

var replicaScenes = []scene{
	{
		name:  "bootstrap",
		ready: func(t *testing.T, _ history) string { return t.TempDir() },
		kills: concat(fetchKills, applyKills, markerKills),
	},
	{
		name:  "apply",
		ready: func(t *testing.T, h history) string { return filledReplica(t, h.first) },
		kills: concat(fetchKills, applyKills, markerKills, []kill{
			{"resync.staging:9", 1}, {"resync.rename:5", 1}, {"resync.removed:1", 1}, {"resync.removed:5", 1}}),
	},
	{
		name:  "apply over drift",
		ready: driftedBefore,
		kept:  "styles/depth.sld",
		kills: applyKills,
	},
	{
		name: "adopt",
		ready: func(t *testing.T, h history) string {
			dir := t.TempDir()
			must(t, fixtures.Sample(dir))
			scribble(t, dir, "styles/depth.sld")
			must(t, serverOf(dir).Publish("harbour", "charts", "only_here", "point"))
			return dir
		},
		flags: []string{"--adopt"}, kept: "styles/depth.sld",
		kills: concat(applyKills, markerKills, driftKills, []kill{{"resync.removed:1", 1}}),
	},
	{
		name: "heal",
		ready: func(t *testing.T, h history) string {
			dir := filledReplica(t, h.second)
			scribble(t, dir, "styles/depth.sld")
			global, err := serverOf(dir).Read("global.xml") // a new update sequence alone is an echo, and stays
			must(t, err, serverOf(dir).Publish("harbour", "charts", "only_here", "point"), serverOf(dir).Put("global.xml", global),
				os.RemoveAll(filepath.Join(dir, "workspaces/harbour/charts/buoys")))
			return dir
		},
		kept:  "styles/depth.sld",
		kills: concat(applyKills, driftKills, []kill{{"resync.removed:1", 1}}),
	},
}

// driftedBefore is a replica whose own people wrote into a file that the primary has changed since.
func driftedBefore(t *testing.T, h history) string {
	dir := filledReplica(t, h.first)
	scribble(t, dir, "styles/depth.sld")
	return dir
}

// fetchKills are the points of a fetch; REMOTE stands for the name of its source.
var fetchKills = []kill{
	{"gitstore.received", 1},
	{"gitstore.pack", 1},
	{"gitstore.renamed", 1},
	{"gitstore.objects", 1},
	{"gitstore.locked:refs/remotes/REMOTE/main", 1},
	{"gitstore.ref:refs/remotes/REMOTE/main", 1},
}

// applyKills are the points of every write of files.
var applyKills = []kill{
	{"resync.staging:1", 1},
	{"resync.staging:2", 1},
	{"resync.staged", 1},
	{"resync.journal", 1},
	{"resync.rename:1", 1},
	{"resync.rename:2", 1},
	{"resync.applied", 1},
	{"follower.branch", 1},
	{"follower.disk", 1},
	{"follower.done", 1},
}

// markerKills are the points where the branch and the markers of a replica move.
var markerKills = []kill{
	{"gitstore.locked:refs/heads/main", 1},
	{"gitstore.ref:refs/heads/main", 1},
	{"gitstore.locked:refs/gsgit/disk", 1},
	{"gitstore.ref:refs/gsgit/disk", 1},
	{"pickup.applied", 1},
	{"gitstore.locked:refs/gsgit/applied", 1},
	{"gitstore.ref:refs/gsgit/applied", 1},
}

// driftKills are the points where a replica's own bytes are kept, as the first pack of the run that is no fetch.
var driftKills = []kill{
	{"gitstore.pack", 1},
	{"gitstore.objects", 1},
}

func concat(tables ...[]kill) []kill { return slices.Concat(tables...) }

func followOnce(dir, from string, more ...string) []string {
	return append([]string{"follow", "--once", "-d", dir, "-n", "replica", "--from", filepath.Join(from, ".git")}, more...)
}

func filledReplica(t *testing.T, from string) string {
	t.Helper()
	dir := t.TempDir()
	runs(t, followOnce(dir, from)...)
	return dir
}

// bytesOfOurs is what a replica's own people wrote.
const bytesOfOurs = "<!-- somebody's own -->"

func scribble(t *testing.T, dir, path string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, path), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(bytesOfOurs)
	must(t, err, f.Close())
}

func TestKilledReplica(t *testing.T) {
	h := newHistory(t)
	for _, s := range replicaScenes {
		ready := s.ready(t, h)
		for _, k := range s.kills {
			t.Run(s.name+"/"+k.String(), func(t *testing.T) {
				t.Parallel()
				s.play(t, h, copied(t, ready), k)
			})
		}
	}
}

// play kills a replica once and starts it again.
func (s scene) play(t *testing.T, h history, dir string, k kill) {
	args := followOnce(dir, h.second, s.flags...)
	k.point = strings.ReplaceAll(k.point, "REMOTE", remoteName(filepath.Join(h.second, ".git")))
	k.dies(t, launch(t, k.env(), args...))
	acknowledged := ref(t, dir, mainRef)
	runs(t, args...)
	inStep(t, dir, false)
	head := ref(t, dir, mainRef)
	if want := ref(t, h.second, mainRef); head != want {
		t.Errorf("the head is %s, the source's %s", head, want)
	}
	follows(t, dir, acknowledged, head)
	if s.kept != "" {
		keptInDrift(t, dir, s.kept)
	}
}

// TestKilledWhileRecovering kills the start that is to end what another kill cut off.
func TestKilledWhileRecovering(t *testing.T) {
	h := newHistory(t)
	filled := filledReplica(t, h.first)
	for _, first := range []kill{{"resync.journal", 1}, {"resync.rename:2", 1}, {"resync.removed:1", 1}, {"follower.disk", 1}} {
		for _, second := range []kill{{"resync.staged", 1}, {"resync.journal", 1}, {"resync.applied", 1}, {"follower.branch", 1}, {"follower.done", 1}} {
			t.Run(first.String()+" "+second.String(), func(t *testing.T) {
				t.Parallel()
				dir := copied(t, filled)
				first.dies(t, launch(t, first.env(), followOnce(dir, h.second)...))
				scene{}.play(t, h, dir, second)
			})
		}
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

// TestLitterGoesThoughNoSourceAnswers: what was staged for a commit is not left lying until the next one comes.
func TestLitterGoesThoughNoSourceAnswers(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	dir := filledReplica(t, h.first)
	k := kill{"resync.staged", 1}
	k.dies(t, launch(t, k.env(), followOnce(dir, h.second)...))
	must(t, os.Rename(filepath.Join(h.second, ".git"), filepath.Join(h.second, "away")))
	launch(t, nil, followOnce(dir, h.second)...).exits(1, patience)
	nothingLeft(t, dir)
}

// remoteName is the name under refs/remotes/ of a source without an instance name.
func remoteName(path string) string {
	return "from-" + strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]`).ReplaceAllString(path, "-"), "-")
}

// keptInDrift fails unless some drift commit holds a file with our bytes.
func keptInDrift(t *testing.T, dir, path string) {
	t.Helper()
	for name := range strings.Lines(git(t, dir, "for-each-ref", "--format=%(refname)", "refs/gsgit/drift/")) {
		if strings.Contains(git(t, dir, "show", strings.TrimSpace(name)+":"+path), bytesOfOurs) {
			return
		}
	}
	t.Errorf("no drift commit holds the replica's own %s", path)
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
