package main_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/kafkabus"
)

// entry is one line of a tree object.
type entry struct{ mode, name, id string }

// sortName is what git sorts a tree by.
func (e entry) sortName() string {
	if e.mode == "40000" {
		return e.name + "/"
	}
	return e.name
}

// rawTree writes a tree object that git itself would refuse to make.
func rawTree(t *testing.T, dir string, entries []entry) string {
	t.Helper()
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.sortName(), b.sortName()) })
	var tree strings.Builder
	for _, e := range entries {
		raw, err := hex.DecodeString(e.id)
		must(t, err)
		tree.WriteString(e.mode + " " + e.name + "\x00" + string(raw))
	}
	return gitWith(t, dir, tree.String(), "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
}

// commitTree makes a commit of a tree the branch's new head, as a person would who knows git too well.
func commitTree(t *testing.T, dir, tree string) {
	t.Helper()
	commit := gitWith(t, dir, "a hand-made commit", "commit-tree", tree, "-p", mainRef)
	git(t, dir, "update-ref", mainRef, commit)
}

// plant gives a tree with one entry more, or another, at the place that the names lead to, outermost first.
func plant(t *testing.T, dir, tree string, what entry, names ...string) string {
	t.Helper()
	var entries []entry
	at := entry{mode: "40000", name: names[0]}
	if tree != "" {
		for line := range strings.SplitSeq(strings.TrimRight(git(t, dir, "ls-tree", "-z", tree), "\x00"), "\x00") {
			facts, name, _ := strings.Cut(line, "\t")
			f := strings.Fields(facts)
			e := entry{strings.TrimLeft(f[0], "0"), name, f[2]}
			if e.name != names[0] {
				entries = append(entries, e)
			} else if e.mode == at.mode {
				at = e
			}
		}
	}
	if len(names) == 1 {
		at = entry{what.mode, names[0], what.id}
	} else {
		at.id = plant(t, dir, at.id, what, names[1:]...)
	}
	return rawTree(t, dir, append(entries, at))
}

// TestHostileTrees: what would leave the data directory, enter a repository, or is no file is refused before
// anything is written.
func TestHostileTrees(t *testing.T) {
	const file, link, gitlink = "100644", "120000", "160000"
	h := newHistory(t)
	replica := filledReplica(t, h.second)
	for name, row := range map[string]struct {
		mode  string
		names []string
	}{
		"parent":               {file, []string{"..", "escaped.xml"}},
		"parent below":         {file, []string{"workspaces", "..", "..", "escaped.xml"}},
		"dot":                  {file, []string{"styles", ".", "x.xml"}},
		"git":                  {file, []string{".git", "hooks"}},
		"GIT":                  {file, []string{".GIT", "hooks"}},
		"git below":            {file, []string{"styles", ".git", "config"}},
		"git by another name":  {file, []string{"styles", "git~1", "config"}},
		"absolute":             {file, []string{"/etc/escaped.xml"}},
		"slash":                {file, []string{"styles/../../escaped.xml"}},
		"empty name":           {file, []string{"styles", ""}},
		"control character":    {file, []string{"styles", "a\x1b[2Jb.svg"}},
		"line end":             {file, []string{"styles", "a\nb.svg"}},
		"backslash":            {file, []string{"styles", `..\..\escaped.svg`}},
		"link":                 {link, []string{"styles", "line.sld"}},
		"link to be a parent":  {link, []string{"user_projections"}},
		"repository in a tree": {gitlink, []string{"styles", "sub"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, dir := copied(t, h.second), copied(t, replica)
			id := gitWith(t, source, "../../../../etc/passwd", "hash-object", "-w", "--stdin")
			if row.mode == gitlink {
				id = git(t, source, "rev-parse", mainRef)
			}
			commitTree(t, source, plant(t, source, mainRef+"^{tree}", entry{mode: row.mode, id: id}, row.names...))
			before := listing(t, dir)
			p := launch(t, nil, followOnce(dir, source)...)
			p.exits(1, patience)
			if after := listing(t, dir); after != before {
				t.Errorf("the directory changed from\n%s\nto\n%s", before, after)
			}
			if disk, head := ref(t, dir, gsgit.DiskRef), ref(t, h.second, mainRef); disk != head {
				t.Errorf("disk moved to %s", disk)
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "escaped.xml")); err == nil {
				t.Error("a file escaped")
			}
			text, _ := p.said.now()
			if strings.Contains(text, "\x1b") {
				t.Errorf("a name reached the terminal raw: %q", text)
			}
			if !strings.Contains(text, "is no name for a tracked file") && !strings.Contains(text, "refuse the tree") {
				t.Errorf("it was refused for another reason: %s", text)
			}
			nothingLeft(t, dir)
		})
	}
}

// TestNoEscapeSequences: a name out of a history does not reach a terminal as it is, and a program gets it whole.
func TestNoEscapeSequences(t *testing.T) {
	t.Parallel()
	g := sampled(t)
	runs(t, "init", "-d", g.Dir, "-n", "gs-a")
	git(t, g.Dir, "update-ref", mainRef, gitWith(t, g.Dir, "a \x1b[2Jsubject\x7f \u009b1m", "commit-tree", mainRef+"^{tree}", "-p", mainRef))
	out, err := exec.Command("gsgit", "log", "-d", g.Dir).Output()
	must(t, err)
	if !strings.Contains(string(out), "a ?[2Jsubject? ??1m") {
		t.Errorf("log printed %q", out)
	}
	out, err = exec.Command("gsgit", "log", "--json", "-d", g.Dir).Output()
	must(t, err)
	var entries []struct{ Subject string }
	must(t, json.Unmarshal(out, &entries))
	if entries[0].Subject != "a \x1b[2Jsubject\x7f \u009b1m" {
		t.Errorf("log --json gave %q", entries[0].Subject)
	}
}

// listing names everything in a data directory but its repository, with sizes and times.
func listing(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("find", dir, "-path", filepath.Join(dir, ".git"), "-prune", "-o", "-type", "f", "-printf", "%P %s %T@\n").Output()
	must(t, err)
	return string(out)
}

// byHand commits the removal of a path on top of main with plain git: nobody names what that damages.
func byHand(t *testing.T, dir, path string) {
	t.Helper()
	index := filepath.Join(t.TempDir(), "index")
	t.Setenv("GIT_INDEX_FILE", index)
	git(t, dir, "read-tree", mainRef)
	git(t, dir, "rm", "-r", "-q", "--cached", path)
	commitTree(t, dir, git(t, dir, "write-tree"))
}

// damaged is a primary with a layer drawn in a style of its own, and a replica of it.
func damaged(t *testing.T) (primary, replica string) {
	t.Helper()
	g := sampled(t)
	body, err := g.Read("styles/quay.sld")
	must(t, err, g.Publish("harbour", "charts", "beacons", "point"), g.CreateStyle("lone", body), g.SetDefaultStyle("harbour:beacons", "lone"))
	runs(t, "init", "-d", g.Dir, "-n", "gs-a")
	return g.Dir, filledReplica(t, g.Dir)
}

func TestUnnamedDamageIsRefused(t *testing.T) {
	primary, replica := damaged(t)
	disk, before := ref(t, replica, gsgit.DiskRef), listing(t, replica)
	byHand(t, primary, "styles/lone.xml")
	refused(t, []string{"nobody named", "harbour:beacons"}, followOnce(replica, primary)...)
	if now := ref(t, replica, gsgit.DiskRef); now != disk || listing(t, replica) != before {
		t.Errorf("refused, and yet disk is %s and the files differ", now)
	}
	node := launch(t, nil, following(replica, "--from", filepath.Join(primary, ".git"))...)
	state(t, node, "refused")
	node.terminate()
	// A later commit that mends it is applied as a whole.
	git(t, primary, "update-ref", mainRef, gitWith(t, primary, "mended", "commit-tree", mainRef+"^^{tree}", "-p", mainRef))
	runs(t, followOnce(replica, primary)...)
	inStep(t, replica, false)
}

func TestNamedDamageIsAppliedWithAWarning(t *testing.T) {
	primary, replica := damaged(t)
	must(t, os.Remove(filepath.Join(primary, "styles/lone.xml")), os.Remove(filepath.Join(primary, "styles/lone.sld")))
	runs(t, "init", "-d", primary, "-n", "gs-a")
	if text := git(t, primary, "log", "-1", "--format=%B", mainRef); !strings.Contains(text, "Gsgit-Damage: broken layer:harbour:beacons") {
		t.Fatalf("the primary did not name the damage:\n%s", text)
	}
	p := launch(t, nil, followOnce(replica, primary)...)
	p.exits(0, patience)
	p.await("level=WARN", "named damage", "harbour:beacons")
	inStep(t, replica, false)
}

func TestOutageIsRefusedThoughNamed(t *testing.T) {
	primary, replica := damaged(t)
	disk := ref(t, replica, gsgit.DiskRef)
	body, err := serverOf(primary).Read("layergroups/merrowby.xml")
	must(t, err, serverOf(primary).Put("layergroups/merrowby.xml", []byte(strings.Replace(string(body), ":-7fda<", ":-dead<", 1))))
	runs(t, "init", "-d", primary, "-n", "gs-a")
	if text := git(t, primary, "log", "-1", "--format=%B", mainRef); !strings.Contains(text, "Gsgit-Damage: outage") {
		t.Fatalf("the primary did not name the damage:\n%s", text)
	}
	refused(t, []string{"take the service down", "merrowby"}, followOnce(replica, primary)...)
	if now := ref(t, replica, gsgit.DiskRef); now != disk {
		t.Errorf("refused, and yet disk is %s", now)
	}
	refused(t, []string{"take the service down"}, followOnce(t.TempDir(), primary)...)
}

// state waits until a node says that it is in a state.
func state(t *testing.T, p *process, want string) {
	t.Helper()
	eventually(t, "state "+want, func() error {
		answer, err := http.Get(p.http() + "/status")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		var status gsgit.Status
		err = json.NewDecoder(answer.Body).Decode(&status)
		if err == nil && status.Node.State != want {
			err = fmt.Errorf("it is %s: %+v", status.Node.State, status.Node.Conditions)
		}
		return err
	})
}

func TestForcePushedHistoryIsDiverged(t *testing.T) {
	h := newHistory(t)
	replica := filledReplica(t, h.second)
	head := ref(t, h.second, mainRef)
	git(t, h.second, "update-ref", mainRef, gitWith(t, h.second, "another day", "commit-tree", mainRef+"^^{tree}", "-p", mainRef+"^"))
	refused(t, []string{"does not follow"}, followOnce(replica, h.second)...)
	node := launch(t, nil, following(replica, "--from", filepath.Join(h.second, ".git"))...)
	state(t, node, "diverged")
	node.terminate()
	if now := ref(t, replica, mainRef); now != head {
		t.Errorf("the replica left the last good state for %s", now)
	}
	must(t, gsgit.InStep(opened(t, replica), directory(replica), false))
}

// TestNewsThatChangesNothing: records that are stale, doubled, unknown or no records at all leave a replica
// where it is, and deaf to nothing that comes after them.
func TestNewsThatChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	args := strings.Fields(p.primary.what)
	address, prefix := args[len(args)-3], args[len(args)-1]
	retitle(t, p.primaryDir, "buoys", "First")
	p.primary.await("msg=committed", "First")
	p.level(t)
	head := ref(t, p.primaryDir, mainRef)
	own, ok := reading(t, address, prefix).Own("gs-a/" + mainRef)
	if !ok || own.Commit != head.String() {
		t.Fatalf("the topic says %+v", own)
	}
	bus := reading(t, address, prefix)
	other := own // a second announcer of the same cluster: a key of its own, so that the primary sees no twin
	other.Instance = "gs-z"
	stale := other
	stale.Commit = git(t, p.primaryDir, "rev-parse", mainRef+"^")
	unknown := other
	unknown.Commit, unknown.Remotes = strings.Repeat("ab", 20), own.Remotes
	foreign := other
	foreign.Ref = "refs/heads/other"
	for _, a := range []kafkabus.Announcement{other, other, stale, foreign, unknown, stale} {
		must(t, bus.Announce(t.Context(), a))
	}
	garbage(t, address, prefix+".commits", "", "{", "null", `{"v":1}`, strings.Repeat("x", 5000), `{"v":2,"commit":"later"}`, "\x00\xff")
	before := listing(t, p.replicaDir)
	time.Sleep(time.Second) // nothing is to happen, so nothing tells that it is over
	if listing(t, p.replicaDir) != before || ref(t, p.replicaDir, mainRef) != head {
		t.Error("the replica moved")
	}
	retitle(t, p.primaryDir, "buoys", "Second")
	p.primary.await("msg=committed", "Second")
	p.level(t)
	state(t, p.replica, "ok")
	p.primary.terminate()
	p.replica.terminate()
	inStep(t, p.replicaDir, false)
}

// garbage writes what is no record under the primary's key and others.
func garbage(t *testing.T, address, topic string, values ...string) {
	t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(address), Timeout: 10 * time.Second}
	for i, v := range values {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		answer, err := client.Produce(ctx, &kafka.ProduceRequest{Topic: topic, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(
			kafka.Record{Key: kafka.NewBytes([]byte(fmt.Sprintf("nobody-%d/%s", i, mainRef))), Value: kafka.NewBytes([]byte(v))})})
		cancel()
		if err == nil {
			err = answer.Error
		}
		must(t, err)
	}
}
