package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/fixtures"
)

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
		kills: concat(applyKills, driftKills, healKills, []kill{{"resync.removed:1", 1}}),
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

// healKills are the points where applied moves to the drift commit, before the files are healed, and on again.
var healKills = []kill{
	{"gitstore.locked:refs/gsgit/applied", 1},
	{"gitstore.ref:refs/gsgit/applied", 1},
	{"pickup.applied", 1},
	{"gitstore.locked:refs/gsgit/applied", 2},
	{"gitstore.ref:refs/gsgit/applied", 2},
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
