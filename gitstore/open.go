package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/config"
)

// stateDir holds gsgit's own files in the repository; git leaves it alone.
const stateDir = "gsgit"

// Open opens the repository at gitDir as it is and writes nothing. Where there is none, errors.Is(err,
// ErrNoRepository); one that is broken, or of a kind that is not served, is an error that says what and what to do.
func Open(gitDir string, o Options) (*Store, error) {
	s, err := open(gitDir, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", gitDir, err)
	}
	return s, nil
}

func open(gitDir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(gitDir)
	if err != nil {
		return nil, err
	}
	if err := checkShape(dir); err != nil {
		return nil, err
	}
	s := newStore(dir, o)
	if err := s.checkKind(); err != nil {
		return nil, err
	}
	if s.branch == "" {
		s.branch, err = s.headBranch()
		if errors.Is(err, errDetached) && o.ReadOnly {
			s.branch, err = "main", nil // who only reads needs no branch of his own
		}
		if err != nil {
			return nil, err
		}
	}
	if err := checkRefName(s.BranchRef()); err != nil {
		return nil, err
	}
	if _, err := s.packs.refresh(); err != nil {
		return nil, err
	}
	return s, nil
}

func newStore(dir string, o Options) *Store {
	s := &Store{dir: dir, branch: strings.TrimPrefix(o.Branch, "refs/heads/"), options: o, log: o.Logger, disk: &disk{}, trees: treeCache[directory]{limit: treeCacheBytes},
		encoders: make(chan *encoder, importWorkers)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.packs.dir = filepath.Join(dir, "objects", "pack")
	s.packs.retired = s.bases.forget
	return s
}

// checkShape tells no repository from a broken one. What a crash in the middle of Create left is no repository yet.
func checkShape(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoRepository
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &storeError{text: "it is a file that points to a repository elsewhere", permanent: true,
			hint: "name that repository with --git-dir"}
	}
	if exists(filepath.Join(dir, "commondir")) {
		return &storeError{text: "it is a linked worktree of another repository", permanent: true,
			hint: "name the main repository with --git-dir"}
	}
	hasHead := exists(filepath.Join(dir, "HEAD"))
	if hasHead && exists(filepath.Join(dir, "objects")) && exists(filepath.Join(dir, "refs")) {
		return nil
	}
	if !hasHead && untouched(dir) {
		return ErrNoRepository
	}
	return &storeError{text: "the repository is broken: HEAD, objects or refs is missing", permanent: true,
		hint: "set it aside and fetch it again, or restore what is missing (HEAD holds one line: ref: refs/heads/main)"}
}

// untouched tells whether nothing that git keeps for good stands below dir.
func untouched(dir string) bool {
	if exists(filepath.Join(dir, "packed-refs")) {
		return false
	}
	kept := false
	for _, sub := range []string{"objects", "refs"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(_ string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			kept = kept || err != nil || !d.IsDir()
			return err
		})
		kept = kept || err != nil
	}
	return !kept
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// checkKind refuses repositories whose objects or refs are kept in ways that are not read here.
func (s *Store) checkKind() error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	if err := checkFormat(cfg); err != nil {
		return err
	}
	if text, err := os.ReadFile(filepath.Join(s.dir, "objects", "info", "alternates")); err == nil && len(bytes.TrimSpace(text)) > 0 {
		return &storeError{text: "the repository borrows objects from another one (objects/info/alternates)", permanent: true,
			hint: "make it whole: git repack -a -d, then remove objects/info/alternates"}
	}
	if exists(filepath.Join(s.dir, "shallow")) {
		return &storeError{text: "the repository is a shallow clone: its history is cut off", permanent: true, hint: "git fetch --unshallow"}
	}
	return nil
}

// checkFormat refuses what changes how a repository is to be read, known here or not, as git does.
func checkFormat(cfg *config.Config) error {
	version := cfg.Section("core").Option("repositoryformatversion")
	if version != "" && version != "0" && version != "1" {
		return &storeError{text: "core.repositoryformatversion = " + version + " is not served", permanent: true}
	}
	for _, option := range cfg.Section("extensions").Options {
		known, ok := extensions[strings.ToLower(option.Key)]
		harmless := !ok && version != "1" || ok && (known.hint == "" || strings.EqualFold(option.Value, known.allowed))
		if !harmless {
			return &storeError{text: fmt.Sprintf("extensions.%s = %s is not served", option.Key, option.Value), permanent: true, hint: known.hint}
		}
	}
	for _, remote := range cfg.Section("remote").Subsections {
		if strings.EqualFold(remote.Option("promisor"), "true") {
			return &storeError{text: "the repository is a partial clone of " + remote.Name + ": objects are missing", permanent: true,
				hint: "fetch what is missing: git fetch --refetch --no-filter " + remote.Name + ", then git config --unset remote." + remote.Name + ".promisor"}
		}
	}
	return nil
}

// extensions are those that make no difference here, and those of which one value alone is served.
var extensions = map[string]struct{ allowed, hint string }{
	"noop": {}, "preciousobjects": {}, "worktreeconfig": {}, "relativeworktrees": {},
	"objectformat": {"sha1", "only SHA-1 repositories are served: convert it with git fast-export"},
	"refstorage":   {"files", "convert it: git refs migrate --ref-format=files"},
	"partialclone": {"", "fetch what is missing: git fetch --refetch --no-filter, then git config --unset extensions.partialClone"},
}

func (s *Store) config() (*config.Config, error) {
	data, err := os.ReadFile(filepath.Join(s.dir, "config"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	cfg := config.New()
	if err := config.NewDecoder(bytes.NewReader(data)).Decode(cfg); err != nil {
		return nil, &storeError{text: "the repository's config can not be read", cause: err, permanent: true,
			hint: "mend " + filepath.Join(s.dir, "config")}
	}
	return cfg, nil
}

var errDetached = errors.New("HEAD names a commit")

// headBranch is the short name of the branch that HEAD names.
func (s *Store) headBranch() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "HEAD"))
	if err != nil {
		return "", err
	}
	branch, ok := strings.CutPrefix(strings.TrimRight(string(text), "\n"), "ref: refs/heads/")
	if ok && branch != "" {
		return branch, nil
	}
	if _, err := ParseHash(strings.TrimSpace(string(text))); err == nil {
		return "", &storeError{text: "no branch is checked out", cause: errDetached, permanent: true, hint: "name the branch with --branch"}
	}
	return "", &storeError{text: fmt.Sprintf("HEAD is torn (%q)", cut(string(text), 50)), permanent: true,
		hint: "write the line 'ref: refs/heads/main' into " + filepath.Join(s.dir, "HEAD")}
}
