package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// history opens a member's repository for one look; it may not be there yet.
func (m *member) history() (*gitstore.Store, error) {
	return gitstore.Open(m.gitDir, gitstore.Options{ReadOnly: true})
}

// refs are the branch and the markers, zero where they are not there.
func (m *member) refs() map[string]gitstore.Hash {
	all := map[string]gitstore.Hash{}
	s, err := m.history()
	if err != nil {
		return all
	}
	defer s.Close()
	for name, ref := range map[string]string{
		"head": s.BranchRef(), "disk": gsgit.DiskRef, "announced": gsgit.AnnouncedRef, "applied": gsgit.AppliedRef,
	} {
		all[name], _ = s.Ref(ref)
	}
	return all
}

// caughtUp waits until a primary has recorded and announced its head and every replica has it on disk and
// picked up.
func caughtUp(ts *testscript.TestScript, args []string) {
	needs(ts, args, 1, "caughtup PRIMARY [REPLICA…]")
	primary := memberOf(ts, args[0])
	for _, name := range args[1:] {
		memberOf(ts, name)
	}
	ts.Check(eventually(patience, func() error {
		at := primary.refs()
		head := at["head"]
		if head.IsZero() || at["disk"] != head || at["announced"] != head {
			return primary.withLog(fmt.Errorf("%s is not done: %v", primary.name, at))
		}
		for _, name := range args[1:] {
			replica := memberOf(ts, name)
			if r := replica.refs(); r["head"] != head || r["disk"] != head || r["applied"] != head {
				return replica.withLog(fmt.Errorf("%s has not caught up with %s: %v", name, head, r))
			}
		}
		return nil
	}))
}

// committed waits for the next commit of a primary. It must be one, on top of the last that the script knows
// of: an action that became two commits, or noise that became one, fails here or at the end.
func committed(ts *testscript.TestScript, args []string) {
	needs(ts, args, 2, "committed PRIMARY REGEXP")
	m := memberOf(ts, args[0])
	ts.Check(eventually(patience, func() error {
		if m.refs()["head"] == m.known {
			return m.withLog(fmt.Errorf("%s has made no commit", m.name))
		}
		return nil
	}))
	c := m.next(ts)
	if !expression(ts, args[1]).MatchString(c.Subject()) {
		ts.Fatalf("the commit is %q, not %q", c.Subject(), args[1])
	}
}

// next takes the head as known, which must be one commit on top of what was.
func (m *member) next(ts *testscript.TestScript) gitstore.Commit {
	s, err := m.history()
	ts.Check(err)
	defer s.Close()
	head, err := s.Ref(s.BranchRef())
	ts.Check(err)
	c, err := s.Commit(head)
	ts.Check(err)
	first := len(c.Parents) == 0 && m.known.IsZero()
	if !first && (len(c.Parents) != 1 || c.Parents[0] != m.known) {
		ts.Fatalf("%q is not the one commit on top of %s:\n%s", c.Subject(), m.known, m.withLog(errors.New(m.name)))
	}
	m.known = head
	return c
}

// quietly shows that what was done before made no commit: an edit made now becomes the next one, and
// changes nothing but its own file.
func quietly(ts *testscript.TestScript, args []string) {
	needs(ts, args, 1, "quietly PRIMARY")
	m := memberOf(ts, args[0])
	before := m.known
	mark := "styles/mark-" + before.String()[:8] + ".txt"
	ts.Check(os.WriteFile(filepath.Join(m.dir, mark), []byte("a mark\n"), 0o644))
	committed(ts, []string{args[0], "mark-"})
	s, err := m.history()
	ts.Check(err)
	defer s.Close()
	edits, err := gsgit.EditsBetween(context.Background(), s, before, m.known)
	ts.Check(err)
	if len(edits) != 1 || edits[0].Path != mark {
		ts.Fatalf("the commit holds more than the mark: %s", paths(edits))
	}
}

func paths(edits []xmlcatalog.Edit) string {
	var all []string
	for _, e := range edits {
		all = append(all, e.Path)
	}
	return strings.Join(all, ", ")
}

// inStep holds nodes against each other now; it is done for all nodes at the end of each script anyway.
func inStep(ts *testscript.TestScript, args []string) {
	needs(ts, args, 1, "instep PRIMARY [REPLICA…]")
	head := memberOf(ts, args[0]).refs()["head"]
	for _, name := range args {
		ts.Check(memberOf(ts, name).inStep(head))
	}
}

// apart says that a node is not in step at the end, which is the point of the script.
func apart(ts *testscript.TestScript, args []string) {
	needs(ts, args, 1, "apart NAME…")
	for _, name := range args {
		memberOf(ts, name).apart = true
	}
}

// inStep is DESIGN's word: the tracked files are those of the head, byte for byte on a replica, but for noise
// where a GeoServer writes, and nothing else was touched.
func (m *member) inStep(head gitstore.Hash) error {
	s, err := m.history()
	if err != nil {
		return err
	}
	defer s.Close()
	at, err := s.Ref(s.BranchRef())
	if err != nil {
		return err
	}
	if at != head {
		return m.withLog(fmt.Errorf("%s is at %s, not at %s", m.name, at, head))
	}
	dir := &gsgit.Directory{Root: m.dir, Rules: m.rules}
	if err := gsgit.InStep(s, dir, m.role == "watch" || m.served); err != nil {
		return m.withLog(err)
	}
	now, err := untracked(m.dir, m.rules)
	if err != nil {
		return err
	}
	if !maps.Equal(now, m.untracked) {
		return fmt.Errorf("%s: untracked files were touched:\nnow %v\nwas %v", m.name, now, m.untracked)
	}
	return nil
}

// untracked are the hashes of the files that gsgit has to leave alone.
func untracked(dir string, rules xmlcatalog.Rules) (map[string]string, error) {
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == ".git":
			return fs.SkipDir
		case !e.Type().IsRegular() || rules.Tracked(path):
			return nil
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		sum := sha1.Sum(content)
		all[path] = hex.EncodeToString(sum[:])
		return err
	})
	return all, err
}

// finish checks what every script must leave behind, unless it has failed already.
func (c *cluster) finish(t testscript.T) {
	fails := t.(interface {
		Failed() bool
		Errorf(string, ...any)
	})
	defer c.end()
	if fails.Failed() {
		return
	}
	for _, check := range []func() error{c.allInStep, c.allStop, c.gitFindsNothing} {
		if err := check(); err != nil {
			fails.Errorf("after the script: %v", err)
			return
		}
	}
}

func (c *cluster) sorted() []*member {
	return slices.SortedFunc(maps.Values(c.members), func(a, b *member) int { return strings.Compare(a.name, b.name) })
}

// allInStep waits for the replicas that still work, and holds every node against the primary's head.
func (c *cluster) allInStep() error {
	var head gitstore.Hash
	for _, m := range c.sorted() {
		if m.role == "watch" {
			at := m.refs()["head"]
			if !m.known.IsZero() && m.known != at {
				return m.withLog(fmt.Errorf("%s has commits that the script does not account for: %s is not %s", m.name, at, m.known))
			}
			if !m.apart || head.IsZero() {
				head = at
			}
		}
	}
	for _, m := range c.sorted() {
		if m.apart {
			continue
		}
		if err := eventually(patience, func() error { return m.inStep(head) }); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) allStop() error {
	for _, m := range c.sorted() {
		if m.process == nil {
			continue
		}
		if err := m.stop(); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) end() {
	for _, m := range c.sorted() {
		if m.process != nil {
			_ = m.process.Process.Kill()
		}
	}
	for _, b := range c.brokers {
		b.Close()
	}
	for _, s := range c.standIns {
		_ = s.Close()
	}
	for dir := range c.mounts {
		_ = exec.Command("umount", dir).Run()
	}
}

// gitFindsNothing has the ordinary git look at every repository below the script's directory.
func (c *cluster) gitFindsNothing() error {
	found, err := filepath.Glob(filepath.Join(c.root, "*", ".git"))
	if err != nil {
		return err
	}
	for i, repository := range found {
		if _, err := os.Stat(filepath.Join(repository, "objects")); err != nil {
			continue // a node that never began
		}
		if head, err := git(repository, "rev-parse", "--verify", "-q", "HEAD"); err != nil && head == "" {
			continue // a history without a commit
		}
		for _, args := range [][]string{
			{"fsck", "--strict", "--no-dangling"}, {"log", "--stat", "-n", "20"}, {"show", "HEAD"},
			{"clone", "-q", "--no-local", "--no-checkout", repository, filepath.Join(c.root, fmt.Sprintf("clone-%d", i))},
		} {
			out, err := git(repository, args...)
			if err != nil || args[0] == "fsck" && strings.TrimSpace(out) != "" {
				return fmt.Errorf("git %s in %s: %v\n%s", strings.Join(args, " "), repository, err, out)
			}
		}
	}
	return nil
}

func git(repository string, args ...string) (string, error) {
	command := exec.Command("git", append([]string{"--git-dir", repository}, args...)...)
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_PAGER=cat")
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return out.String(), err
}
