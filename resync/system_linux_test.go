package resync_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// apart runs f on a thread of its own that ends with it, so that what f does to the
// thread (its user, its mounts) stays there.
func apart(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: other users and mounts")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		f()
	}()
	<-done
}

// as runs f as another user: this thread alone, which comes back afterwards.
func as(t *testing.T, uid, gid int, f func()) {
	t.Helper()
	keep := ^uintptr(0)
	set := func(call, a, b, c uintptr) {
		if _, _, errno := syscall.RawSyscall(call, a, b, c); errno != 0 {
			t.Fatal(errno)
		}
	}
	set(syscall.SYS_SETGROUPS, 0, 0, 0)
	set(syscall.SYS_SETRESGID, keep, uintptr(gid), keep)
	set(syscall.SYS_SETRESUID, keep, uintptr(uid), keep)
	defer func() {
		set(syscall.SYS_SETRESUID, keep, 0, keep)
		set(syscall.SYS_SETRESGID, keep, 0, keep)
	}()
	f()
}

// onOneThread has everything done where apart is: other threads have other users and mounts.
func (r *replica) onOneThread() { r.options.Hands = 1 }

// ownMounts gives this thread mounts that nobody else sees.
func ownMounts(t *testing.T) {
	t.Helper()
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		t.Skipf("mounts are not allowed here: %v", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Skipf("mounts are not allowed here: %v", err)
	}
}

func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := os.MkdirAll(target, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		t.Skipf("mount %s: %v", target, err)
	}
}

func chownTree(t *testing.T, root string, uid, gid int) {
	t.Helper()
	err := filepath.Walk(root, func(path string, _ os.FileInfo, err error) error {
		return errors.Join(err, os.Lchown(path, uid, gid))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRootBesideGeoServer: gsgit runs as root, GeoServer as another user; everything
// stays GeoServer's.
func TestRootBesideGeoServer(t *testing.T) {
	apart(t, func() {
		r := newReplica(t, before)
		chownTree(t, r.options.Root, 4711, 4712)
		if err := os.Chown(r.at("styles/line.sld"), 815, 816); err != nil {
			t.Fatal(err)
		}
		if err := r.apply(before.plan(t, after), after.source()); err != nil {
			t.Fatal(err)
		}
		r.holds(after)
		for path := range after {
			for path != "." {
				wantUID, wantGID := uint32(4711), uint32(4712)
				if path == "styles/line.sld" {
					wantUID, wantGID = 815, 816
				}
				var s syscall.Stat_t
				if err := syscall.Lstat(r.at(path), &s); err != nil || s.Uid != wantUID || s.Gid != wantGID {
					t.Errorf("%s belongs to %d:%d (%v)", path, s.Uid, s.Gid, err)
				}
				path = filepath.Dir(path)
			}
		}
	})
}

// TestUserWhoCanNotKeepTheOwner is refused before anything changes, with the command.
func TestUserWhoCanNotKeepTheOwner(t *testing.T) {
	apart(t, func() {
		r := newReplica(t, before)
		r.onOneThread()
		chownTree(t, r.options.Root, 4711, 4712)
		chownTree(t, filepath.Join(r.options.Root, ".git"), 999, 999)
		for _, dir := range []string{"", "styles"} {
			if err := os.Chmod(r.at(dir), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		plan := before.plan(t, tree{})
		as(t, 999, 999, func() {
			r.refuses(before.plan(t, after), "belongs to user 4711", "sudo -u '#4711'")
			r.refuses(plan, "can not be written (permission denied)", "")
		})
		r.holds(before)
	})
}

func TestUserWithoutTheRightToWrite(t *testing.T) {
	apart(t, func() {
		r := newReplica(t, before)
		r.onOneThread()
		chownTree(t, r.options.Root, 999, 999)
		if err := os.Chmod(r.at("styles"), 0o555); err != nil {
			t.Fatal(err)
		}
		as(t, 999, 999, func() {
			plan := before.plan(t, after)
			r.refuses(plan, `"styles" can not be written`, "chmod u+rwx "+r.at("styles"))
			err := r.open().Apply(t.Context(), plan, after.source())
			if !errors.Is(err, os.ErrPermission) {
				t.Errorf("Apply without the check: %v", err)
			}
			if err := os.Chmod(r.at("styles"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := r.restart(after.source()); err != nil {
				t.Fatal(err)
			}
			r.holds(after)
		})
	})
}

// TestTwoFileSystems: styles/ is mounted from elsewhere, the stage can not reach it.
func TestTwoFileSystems(t *testing.T) {
	for _, kind := range []string{"tmpfs", "bind"} {
		t.Run(kind, func(t *testing.T) {
			apart(t, func() {
				ownMounts(t)
				r := newReplica(t, nil)
				r.onOneThread()
				if kind == "tmpfs" {
					mount(t, "tmpfs", r.at("styles"), "tmpfs", 0, "size=4m")
				} else {
					mount(t, fastDir(t), r.at("styles"), "", unix.MS_BIND, "")
				}
				r.crossing(t)
			})
		})
	}
}

// TestStateElsewhere: with --git-dir the whole stage is on another file system.
func TestStateElsewhere(t *testing.T) {
	r := newReplica(t, before)
	r.options.State = filepath.Join(t.TempDir(), "history", "gsgit")
	if err := os.MkdirAll(r.options.State, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(r.at(".git")); err != nil {
		t.Fatal(err)
	}
	if err := r.apply(before.plan(t, after), after.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(after)
	if err := r.apply(after.plan(t, before), before.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(before)
}

// crossing goes there and back, dying at every operation once on the way there.
func (r *replica) crossing(t *testing.T) {
	there := maps.Clone(after)
	there["styles/icons/new/x.svg"], there["styles/icons/y.svg"] = "x", "y"
	start := tree{"styles/line.sld": "1", "styles/old.sld": "2", "global.xml": "g"}
	if err := r.apply(tree{}.plan(t, start), start.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(start)
	for n := 1; ; n++ {
		death := deathAt(n)
		r.options.Gate = death.gate
		if _, err := dying(func() error { return r.apply(start.plan(t, there), there.source()) }); err != nil {
			t.Fatal(err)
		}
		r.marked = false
		r.afterCrash(start, there)
		if !death.reached {
			break
		}
		if err := r.apply(there.plan(t, start), start.source()); err != nil {
			t.Fatal(err)
		}
		r.holds(start)
		if t.Failed() {
			t.Fatalf("operation %d", n)
		}
	}
}

// TestFullDisk is a real one: a file system of a megabyte.
func TestFullDisk(t *testing.T) {
	apart(t, func() {
		ownMounts(t)
		r := newReplica(t, nil)
		r.onOneThread()
		mount(t, "tmpfs", r.options.Root, "tmpfs", 0, "size=1m")
		if err := os.MkdirAll(r.options.State, 0o700); err != nil {
			t.Fatal(err)
		}
		start := tree{"a": "1", "b": "2"}
		if err := r.apply(tree{}.plan(t, start), start.source()); err != nil {
			t.Fatal(err)
		}
		big := tree{"a": "3", "b": strings.Repeat("x", 700_000), "c": strings.Repeat("y", 700_000)}
		if err := r.open().Apply(t.Context(), start.plan(t, big), big.source()); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("Apply: %v", err)
		}
		r.holds(start)
		small := tree{"a": "3", "b": "2"}
		if err := r.apply(start.plan(t, small), small.source()); err != nil {
			t.Errorf("a small change still fits: %v", err)
		}
		r.holds(small)
	})
}

func TestReadOnlyMount(t *testing.T) {
	apart(t, func() {
		ownMounts(t)
		r := newReplica(t, before)
		r.onOneThread()
		mount(t, r.at("styles"), r.at("styles"), "", unix.MS_BIND, "")
		if err := unix.Mount("", r.at("styles"), "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Skip(err)
		}
		r.refuses(before.plan(t, after), `"styles" can not be written (read-only file system)`, "mount the file system")
		r.holds(before)
	})
}

// TestOpenFileOfAReader: GeoServer has the old style open; it reads it to the end.
func TestOpenFileOfAReader(t *testing.T) {
	r := newReplica(t, before)
	file, err := os.Open(r.at("styles/line.sld"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := r.apply(before.plan(t, after), after.source()); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 100)
	n, err := file.Read(got)
	if err != nil || string(got[:n]) != before["styles/line.sld"] {
		t.Errorf("the reader got %q, %v", got[:n], err)
	}
	r.holds(after)
}
