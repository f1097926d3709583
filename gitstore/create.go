package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/config"
)

// Create makes a bare repository at gitDir, or adopts the one that is there: its commits and branches stay, its index is
// set aside (with an index beside direct commits, a git commit by hand would revert them without a word) and it is made
// bare. It may be called on a repository of ours again and again, and changes nothing then.
func Create(gitDir string, o Options) (*Store, error) {
	if o.ReadOnly {
		return nil, (&Store{options: o}).writable("create a repository")
	}
	s, err := create(gitDir, o)
	if err != nil {
		return nil, fmt.Errorf("create the repository %s: %w", gitDir, err)
	}
	return s, nil
}

func create(gitDir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(gitDir)
	if err != nil {
		return nil, err
	}
	shape := checkShape(dir)
	if shape != nil && !errors.Is(shape, ErrNoRepository) {
		return nil, shape
	}
	if err := newStore(dir, o).build(shape != nil); err != nil {
		return nil, err
	}
	s, err := open(gitDir, o)
	if err == nil {
		s.warnOfFilters()
	}
	return s, err
}

// build makes a fresh repository, or adopts one. Killed on the way it is called again, and goes on.
func (s *Store) build(fresh bool) error {
	if !fresh {
		if err := s.checkAdoptable(); err != nil {
			return err
		}
	}
	if err := s.layOut(); err != nil {
		return err
	}
	if err := s.configure(); err != nil {
		return err
	}
	if err := s.setHead(fresh); err != nil {
		return err
	}
	return s.setIndexAside()
}

// checkAdoptable refuses what would be harmed, before anything is changed.
func (s *Store) checkAdoptable() error {
	if err := s.checkKind(); err != nil {
		return err
	}
	cfg, err := s.config()
	if err != nil {
		return err
	}
	// In a bare repository nobody waits for an index, and a lock that a crash left must keep no node from its start.
	bare := strings.EqualFold(cfg.Section("core").Option("bare"), "true")
	if !bare && exists(filepath.Join(s.dir, "index.lock")) {
		return &storeError{text: "a git command works there (index.lock)", cause: ErrLocked,
			hint: "let it end; if none runs, remove " + filepath.Join(s.dir, "index.lock")}
	}
	if cfg.Section("core").Option("worktree") != "" {
		return &storeError{text: "core.worktree is set, which no bare repository may have", permanent: true,
			hint: "git --git-dir " + s.dir + " config --unset core.worktree"}
	}
	return nil
}

// layOut makes the directories; the repository is closed to others, for what it holds may be secret.
func (s *Store) layOut() error {
	for _, sub := range []string{"objects/pack", "objects/info", "refs/heads", "refs/tags", "info", stateDir} {
		if err := s.disk.makeDir(filepath.Join(s.dir, sub)); err != nil {
			return err
		}
	}
	return s.disk.chmod(s.dir, 0o700)
}

// settings are what keeps ordinary git from harm: no collecting of garbage beside ours, no changed bytes, no pushes in.
var settings = []struct{ section, key, value string }{
	{"core", "bare", "true"},
	{"core", "fileMode", "false"},
	{"core", "autocrlf", "false"},
	{"gc", "auto", "0"},
	{"maintenance", "auto", "false"},
	{"receive", "hideRefs", "refs/"},
}

// configure adds the settings that are missing at the end of the config, where the last value counts, and leaves the
// rest, comments included, as it is.
func (s *Store) configure() error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, "config")
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	add := missingSettings(cfg)
	if len(text) == 0 {
		add = "[core]\n\trepositoryformatversion = 0\n" + add
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		add = "\n" + add
	}
	if strings.TrimSpace(add) != "" {
		if err := s.replaceFile(path, append(text, add...)); err != nil {
			return err
		}
	}
	return s.attributes()
}

func missingSettings(cfg *config.Config) string {
	var b strings.Builder
	section := ""
	for _, want := range settings {
		if strings.EqualFold(cfg.Section(want.section).Option(want.key), want.value) {
			continue
		}
		if section != want.section {
			section = want.section
			fmt.Fprintf(&b, "[%s]\n", section)
		}
		fmt.Fprintf(&b, "\t%s = %s\n", want.key, want.value)
	}
	return b.String()
}

// attributes keep a person's git from changing line ends when it reads files of this repository.
func (s *Store) attributes() error {
	const rule = "* -text"
	path := filepath.Join(s.dir, "info", "attributes")
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for line := range bytes.Lines(text) {
		if string(bytes.TrimSpace(line)) == rule {
			return nil
		}
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	return s.replaceFile(path, append(text, rule+"\n"...))
}

// setHead points HEAD at our branch: always in a new repository (HEAD comes last and makes it one), else only where HEAD
// names a branch without commits.
func (s *Store) setHead(fresh bool) error {
	if s.branch == "" && fresh {
		s.branch = "main"
	}
	if s.branch == "" {
		return nil
	}
	if err := checkRefName(s.BranchRef()); err != nil {
		return err
	}
	if !fresh {
		now, err := s.headBranch()
		if err != nil || now == s.branch {
			return nil // a detached HEAD is a person's choice
		}
		if at, err := s.Ref("refs/heads/" + now); err != nil || !at.IsZero() {
			return err
		}
	}
	return s.replaceFile(filepath.Join(s.dir, "HEAD"), []byte("ref: "+s.BranchRef()+"\n"))
}

func (s *Store) setIndexAside() error {
	index := filepath.Join(s.dir, "index")
	if !exists(index) {
		return nil
	}
	aside := filepath.Join(s.dir, stateDir, "index-"+time.Now().UTC().Format("20060102T150405.000000000"))
	if err := s.disk.rename(index, aside); err != nil {
		return err
	}
	s.log.Warn("index set aside", "path", aside)
	return s.disk.syncDir(s.dir)
}

// warnOfFilters says that what filters (LFS among them) would turn blobs into is not seen here: blobs are the files.
func (s *Store) warnOfFilters() {
	head, err := s.Ref(s.BranchRef())
	if err != nil || head.IsZero() {
		return
	}
	e, ok, err := s.Lookup(head, ".gitattributes")
	if err != nil || !ok {
		return
	}
	if text, err := s.Blob(e.Blob); err == nil && bytes.Contains(text, []byte("filter=")) {
		s.log.Warn("filters are not applied", "path", ".gitattributes", "commit", head)
	}
}

// replaceFile is disk.replaceFile for the repository's own small files.
func (s *Store) replaceFile(path string, content []byte) error {
	return s.disk.replaceFile(filepath.Join(s.dir, stateDir), path, content)
}

// SetBranch is for a node that learns its branch from others after the repository was made: HEAD follows as long as
// there is no commit.
func (s *Store) SetBranch(ctx context.Context, branch string) error {
	if err := errors.Join(s.writable("choose a branch"), cancelled(ctx), checkRefName("refs/heads/"+branch)); err != nil {
		return err
	}
	s.branch = branch
	return s.setHead(false)
}
