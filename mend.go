package gsgit

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/gsgit/gsgit/gitstore"
)

// Mending brings back what a repository has lost of the commits that its branch and its directory stand at: files from
// the directory, where it still has them as they were, everything else from a source.
type Mending struct {
	Store   *gitstore.Store
	Dir     *Directory
	Sources *Sources
	Log     *slog.Logger
}

// Mend returns nil where the node can go on. It reads everything, so it is for a repository that is known to be damaged.
// The caller holds the write lock.
func (m *Mending) Mend(ctx context.Context) error {
	healed := true
	for _, ref := range []string{m.Store.BranchRef(), DiskRef} {
		commit, err := m.Store.Ref(ref)
		if err == nil && !commit.IsZero() {
			var whole bool
			whole, err = m.commit(ctx, commit)
			healed = healed && whole
		}
		if err != nil {
			return err
		}
	}
	if !healed {
		return nil
	}
	return m.Store.Healed()
}

// commit mends one commit and its history. A hole in the history keeps nobody from working, only replicas from joining.
func (m *Mending) commit(ctx context.Context, commit gitstore.Hash) (whole bool, err error) {
	lost := m.files(ctx, commit)
	hole := lost
	if lost == nil {
		hole = m.Store.Whole(ctx, commit)
	}
	if hole == nil {
		return true, nil
	}
	fetched := m.refetch(ctx, commit)
	switch {
	case fetched == nil:
		return true, nil
	case lost != nil:
		return false, &Problem{State: Error, Why: fmt.Sprintf("the repository has lost a part of commit %s", commit), Cause: gravestFirst(lost, fetched),
			Help: "start again where a node or hub that has the commit can be reached (--from URL), or go back to the last commit that is whole with gsgit check --repair"}
	}
	m.Log.Warn("the history has a hole: nobody can clone it from here", "commit", commit.String(), "err", hole, "hint", HintOf(fetched))
	return false, ctx.Err()
}

// files writes again what the directory has, and gives an error where that is not all.
func (m *Mending) files(ctx context.Context, commit gitstore.Hash) error {
	lost, err := m.Store.Missing(ctx, commit)
	if err != nil || len(lost) == 0 {
		return err
	}
	left, err := m.Store.Restore(ctx, lost, m.read)
	if n := len(lost) - len(left); n > 0 {
		m.Log.Info("lost files restored from the directory", "commit", commit.String(), "files", n)
	}
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%d files are lost, and the directory has them no more, such as %s", len(left), left[0].Path)
	}
	return err
}

func (m *Mending) read(path string) ([]byte, error) {
	content, ok, err := m.Dir.Read(path)
	if err == nil && !ok {
		err = fs.ErrNotExist
	}
	return content, err
}

// refetch brings the whole history of a commit from the first source that has it.
func (m *Mending) refetch(ctx context.Context, commit gitstore.Hash) error {
	err := m.Sources.refetch(ctx, m.Store, commit)
	if err == nil {
		err = m.Store.Whole(ctx, commit)
	}
	if err == nil {
		m.Log.Info("lost history fetched again", "commit", commit.String())
	}
	return err
}

// GoBack is for what can not be mended: it puts the branch back to the newest commit of its log that is whole, and the
// marker of the disk with it, so that the directory is recorded on top. It says what it did.
func (m *Mending) GoBack(ctx context.Context) (string, error) {
	branch := m.Store.BranchRef()
	head, err := m.Store.Ref(branch)
	if err != nil {
		return "", err
	}
	disk, err := m.Store.Ref(DiskRef)
	if err != nil {
		return "", err
	}
	for _, commit := range m.Store.Logged(branch) {
		if m.files(ctx, commit) != nil || m.Store.Whole(ctx, commit) != nil {
			continue
		}
		if err := m.Store.SetRef(ctx, branch, head, commit); err != nil {
			return "", err
		}
		if err := m.Store.SetRef(ctx, DiskRef, disk, commit); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s put back from %s, which is lost, to %s", branch, head, commit), m.Store.Healed()
	}
	return "", &Problem{State: Error, Why: "no commit in the log of " + branch + " is whole",
		Help: "set " + m.Store.GitDir() + " aside and start again with --from, or without to begin a new history"}
}
