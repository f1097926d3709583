package gitstore

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// seedEnv makes a run draw what another has drawn; without it each run draws anew.
const seedEnv = "GSGIT_SEED"

// Some hundred processes that commit, import, fetch and roll up die by SIGKILL, half of them after some change of a file,
// the others at any moment. Each next one goes on where the last one fell.
func TestRandomlyKilledProcessesLoseNoAcknowledgedCommit(t *testing.T) {
	seed := seedOf(t)
	repositories, lives := 16, 26
	if testing.Short() {
		repositories = 1
	}
	theirs := numbered(t, 80)
	for n := range repositories {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			v := &victim{dir: filepath.Join(t.TempDir(), ".git"), other: theirs, draw: rand.New(rand.NewPCG(seed, uint64(n)))}
			v.begin(t)
			for range lives {
				v.live(t)
				v.check(t)
			}
			if v.acknowledged < lives {
				t.Errorf("only %d commits were acknowledged in %d lives", v.acknowledged, lives)
			}
		})
	}
}

// seedOf says what it gives, so that a failure can be drawn again.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := must(strconv.ParseUint(cmp.Or(os.Getenv(seedEnv), strconv.Itoa(rand.Int())), 10, 64))(t)
	t.Logf("%s=%d", seedEnv, seed)
	return seed
}

// numbered is a repository whose first commits have refs of their own, to be fetched one after the other.
func numbered(t *testing.T, commits int) string {
	t.Helper()
	s := newTestStore(t, Options{})
	for i := range commits {
		id := commit(t, s, "theirs", fmt.Sprint(i))
		if err := s.SetRef(context.Background(), fmt.Sprintf("refs/heads/n%d", i), Hash{}, id); err != nil {
			t.Fatal(err)
		}
	}
	return s.GitDir()
}

// victim is a repository whose processes die, and what they said before.
type victim struct {
	dir, other   string
	draw         *rand.Rand
	last         map[string]string // of each ref, what was acknowledged last
	tried        map[string]string // and what was begun after that
	acknowledged int
	doing        string
}

// begin makes the repository with a ref: where there is none at all, a fetch that was cut off would be taken for a
// history whose refs are lost, and no other could be begun beside it.
func (v *victim) begin(t *testing.T) {
	t.Helper()
	s := must(Create(v.dir, Options{}))(t)
	defer s.Close()
	id := must(s.Write(context.Background(), Draft{Author: who(0), Committer: who(0), Message: "begin"}))(t)
	if err := s.SetRef(context.Background(), "refs/tags/begin", Hash{}, id); err != nil {
		t.Fatal(err)
	}
}

// live is one process, from its start to its death.
func (v *victim) live(t *testing.T) {
	t.Helper()
	death, lines := 0, 0
	if v.draw.IntN(2) == 0 {
		death = 1 + v.draw.IntN(300)
	} else {
		lines = 1 + v.draw.IntN(30)
	}
	c := child(v.dir, "random", v.other, death)
	c.Env = append(c.Env, seedEnv+"="+strconv.FormatUint(v.draw.Uint64(), 10))
	out := must(c.StdoutPipe())(t)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if v.last == nil {
		v.last = map[string]string{}
	}
	v.tried = map[string]string{}
	v.doing = ""
	for said := bufio.NewScanner(out); said.Scan(); {
		v.hear(t, said.Text())
		if lines--; lines == 0 {
			c.Process.Kill() // at whatever it is doing by now; it may say more before
		}
	}
	if err := c.Wait(); err == nil {
		t.Fatal("it lives")
	}
}

func (v *victim) hear(t *testing.T, line string) {
	t.Helper()
	words := strings.Fields(line)
	switch {
	case strings.HasPrefix(line, killedAt):
		v.doing += ", " + line
	case words[0] == "does":
		v.doing = line
	case words[0] == "tries":
		v.tried[words[1]] = words[2]
	case words[0] == "has":
		v.last[words[1]] = words[2]
		delete(v.tried, words[1])
		v.acknowledged++
	default:
		t.Fatalf("the child says %q", line)
	}
}

// check is the next start: whole, nothing left over, each ref at what was acknowledged, or at what was in flight.
func (v *victim) check(t *testing.T) {
	t.Helper()
	s := must(Open(v.dir, Options{}))(t)
	defer s.Close()
	s.disk.lazy = true
	if err := s.Recover(context.Background()); err != nil {
		t.Fatalf("%s: %v", v.doing, err)
	}
	if left := leftovers(t, v.dir); left != nil {
		t.Errorf("%s: left over %v", v.doing, left)
	}
	git(t, v.dir, "fsck", "--strict", "--full")
	for _, ref := range []string{s.BranchRef(), diskRef, remoteRef} {
		got := must(s.Ref(ref))(t).String()
		if got == (Hash{}).String() {
			got = ""
		}
		if got != v.last[ref] && (got == "" || got != v.tried[ref]) {
			t.Errorf("%s: %s is at %q, was acknowledged at %q and in flight to %q", v.doing, ref, got, v.last[ref], v.tried[ref])
		}
		v.last[ref] = got
	}
}

// randomJob does one thing after the other until it dies. What it begins and what it has done it says at once.
func randomJob(dir, other string, d *doom) error {
	seed, err := strconv.ParseUint(os.Getenv(seedEnv), 10, 64)
	if err != nil {
		return err
	}
	s, err := Open(dir, d.options())
	if err != nil {
		return err
	}
	defer s.Close()
	d.watch(s)
	draw := rand.New(rand.NewPCG(seed, 0))
	fmt.Println("does start")
	for err = s.Recover(context.Background()); err == nil; {
		act := randomActs[draw.IntN(len(randomActs))]
		fmt.Println("does", act.name)
		err = act.do(s, other, draw)
	}
	return err
}

// randomActs has what happens most the most often.
var randomActs = slices.Concat(slices.Repeat([]randomAct{{"commit", randomCommit}}, 5), []randomAct{
	{"import", randomImport}, {"fetch", randomFetch}, {"roll-up", func(s *Store, _ string, _ *rand.Rand) error { return rollUpJob(s, "") }},
	{"maintain", func(s *Store, _ string, _ *rand.Rand) error { return s.Maintain(context.Background()) }},
})

type randomAct struct {
	name string
	do   func(s *Store, other string, draw *rand.Rand) error
}

func randomCommit(s *Store, _ string, draw *rand.Rand) error {
	head, err := s.Ref(s.BranchRef())
	if err != nil {
		return err
	}
	d := Draft{Parent: head, Author: who(1), Committer: who(1), Message: "m"}
	for n := range 1 + draw.IntN(3) {
		content := bytesOf(draw)
		if draw.IntN(6) == 0 {
			content = nil
		}
		d.Edits = append(d.Edits, Edit{Path: fmt.Sprintf("d%d/%d/f%d", draw.IntN(4), draw.IntN(3), n), Content: content})
	}
	id, err := s.Write(context.Background(), d)
	return errors.Join(err, say(s, s.BranchRef(), id), say(s, diskRef, id))
}

// bytesOf gives a content, now and then one of more than a single write.
func bytesOf(draw *rand.Rand) []byte {
	size := draw.IntN(300)
	if draw.IntN(10) == 0 {
		size = 200_000
	}
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(draw.Uint32())
	}
	return content
}

func randomImport(s *Store, _ string, draw *rand.Rand) error {
	head, err := s.Ref(s.BranchRef())
	if err != nil {
		return err
	}
	paths := []string{"a", "d0/0/f0", "d1/g", "e/f/g/h"}[:1+draw.IntN(4)]
	text := bytesOf(draw)
	id, err := s.Import(context.Background(), Draft{Parent: head, Author: who(2), Committer: who(2), Message: "i"}, paths,
		func(path string) ([]byte, error) { return append([]byte(path), text...), nil })
	return errors.Join(err, say(s, s.BranchRef(), id), say(s, diskRef, id))
}

// randomFetch brings a commit some way on from the last one.
func randomFetch(s *Store, other string, draw *rand.Rand) error {
	have, err := s.Ref(remoteRef)
	if err != nil {
		return err
	}
	id, err := s.FetchBranch(context.Background(), Source{URL: other}, fmt.Sprintf("refs/heads/n%d", draw.IntN(80)), have)
	return errors.Join(err, say(s, remoteRef, id))
}

// say moves a ref, and tells before and after.
func say(s *Store, ref string, to Hash) error {
	if to.IsZero() {
		return nil // the error before says why
	}
	if now, err := s.Ref(ref); err != nil || now == to {
		return err
	}
	fmt.Println("tries", ref, to)
	if err := move(s, ref, to); err != nil {
		return err
	}
	fmt.Println("has", ref, to)
	return nil
}
