package gitstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// newDamaged is a store that will not be whole at the end.
func newDamaged(t *testing.T) *Store {
	t.Helper()
	s := must(Create(filepath.Join(t.TempDir(), ".git"), Options{}))(t)
	s.disk.lazy = true
	t.Cleanup(func() { s.Close() })
	return s
}

// spoil writes over the middle of a pack, as a bad disk does; its end stays.
func spoil(t *testing.T, path string) {
	t.Helper()
	data := must(os.ReadFile(path))(t)
	for i := len(data) / 2; i < len(data)/2+8; i++ {
		data[i] ^= 0x55
	}
	os.Chmod(path, 0o644)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// One damaged pack must not keep the others from being rolled up, or their number grows for ever; and it must be told of
// as long as it is there.
func TestADamagedPackIsLeftAndToldOf(t *testing.T) {
	s, ctx := newDamaged(t), context.Background()
	for i := range maxPacks + 3 {
		commit(t, s, "f", fmt.Sprint(i, strings.Repeat("x", 100)))
	}
	bad := s.packs.list()[10].base
	spoil(t, bad+".pack")
	for range 2 {
		err := s.Maintain(ctx)
		if err == nil || !strings.Contains(err.Error(), bad) || hint(err) == "" {
			t.Errorf("the damage is told as %v", err)
		}
		if n := len(s.packs.list()); n != 2 || !exists(bad+".pack") {
			t.Errorf("%d packs", n)
		}
	}
	os.Remove(bad + ".idx")
	os.Remove(bad + ".pack")
	if err := s.Maintain(ctx); err != nil {
		t.Error(err)
	}
}

// A loose object that is damaged must not keep the others from being rolled up.
func TestADamagedLooseObjectIsLeft(t *testing.T) {
	s, ctx := newDamaged(t), context.Background()
	head := commit(t, s, "f", "1")
	var all strings.Builder
	dir := t.TempDir()
	for i := range maxLoose + 2 {
		name := filepath.Join(dir, fmt.Sprint(i))
		os.WriteFile(name, fmt.Append(nil, i), 0o644)
		fmt.Fprintln(&all, name)
	}
	gitInput(t, s.GitDir(), all.String(), "hash-object", "-w", "--stdin-paths")
	loose := must(s.looseIDs())(t)
	bad := s.loosePath(loose[7])
	os.Chmod(bad, 0o644)
	os.WriteFile(bad, []byte("nonsense"), 0o644)
	if err := s.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	if left := must(s.looseIDs())(t); len(left) != 1 || !exists(bad) {
		t.Errorf("%d loose objects are left", len(left))
	}
	if got := content(t, s, head, "f"); got != "1" {
		t.Errorf("f is %q", got)
	}
}

// A pack that was cut off is not opened, wherever the cut: what it held is missed by its name.
func TestAPackThatWasCutOffIsNamed(t *testing.T) {
	s := newDamaged(t)
	id := commit(t, s, "f", strings.Repeat("1", 100))
	pack := s.packs.list()[0].base + ".pack"
	os.Chmod(pack, 0o644)
	info := must(os.Stat(pack))(t)
	if err := os.Truncate(pack, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	cut := must(Open(s.GitDir(), Options{}))(t)
	defer cut.Close()
	if _, err := cut.Commit(id); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), pack) {
		t.Errorf("got %v", err)
	}
}

func TestRepositoriesOfAnotherKindAreRefused(t *testing.T) {
	for config, want := range map[string]string{
		"[remote \"origin\"]\n\tpromisor = true\n":                                       "partial clone of origin",
		"[extensions]\n\tpartialClone = origin\n":                                        "partialClone",
		"[core]\n\trepositoryformatversion = 2\n":                                        "repositoryformatversion",
		"[core]\n\trepositoryformatversion = 1\n[extensions]\n\tnewStorage = fancy\n":    "newStorage",
		"[core]\n\trepositoryformatversion = 1\n[extensions]\n\tworktreeConfig = true\n": "",
		"[extensions]\n\tnewStorage = fancy\n":                                           "", // git reads it so in version 0
	} {
		s := newDamaged(t)
		f := must(os.OpenFile(filepath.Join(s.GitDir(), "config"), os.O_APPEND|os.O_WRONLY, 0))(t)
		f.WriteString(config)
		f.Close()
		opened, err := Open(s.GitDir(), Options{})
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v", config, err)
		case err == nil:
			opened.Close()
		}
	}
}

// A git command that died in a bare repository leaves a lock on an index that nobody waits for.
func TestALockOnNoIndexKeepsNobodyOut(t *testing.T) {
	s := newDamaged(t)
	lock := filepath.Join(s.GitDir(), "index.lock")
	os.WriteFile(lock, nil, 0o644)
	again, err := Create(s.GitDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	git(t, s.GitDir(), "config", "core.bare", "false")
	if _, err := Create(s.GitDir(), Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("beside a git at work: %v", err)
	}
}

// Locks and what holds a pack are hard links, which not every file system has.
func TestAFileSystemWithoutHardLinksIsNamed(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ENOTSUP, syscall.ENOSYS} {
		err := linkError(&os.LinkError{Op: "link", Old: "a", New: "b", Err: errno})
		if !strings.Contains(hint(err), "--git-dir") || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
	if err := linkError(&os.LinkError{Op: "link", Err: syscall.EEXIST}); !errors.Is(err, fs.ErrExist) || hint(err) != "" {
		t.Errorf("a lock that is held: %v", err)
	}
}
