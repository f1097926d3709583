package resync_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gsgit/gsgit/resync"
)

const (
	accessACL  = "system.posix_acl_access"
	defaultACL = "system.posix_acl_default"
)

// accessList builds a list as the kernel takes it, of tag, rights and id each.
func accessList(entries ...[3]uint32) []byte {
	data := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range entries {
		data = binary.LittleEndian.AppendUint16(data, uint16(e[0]))
		data = binary.LittleEndian.AppendUint16(data, uint16(e[1]))
		data = binary.LittleEndian.AppendUint32(data, e[2])
	}
	return data
}

// Of an owner who may do all, the user 4711 and the group 4712 who may do all, and others
// who may read, bounded to reading for all but the owner, or not.
var (
	bounded  = accessList([3]uint32{1, 7, nobody}, [3]uint32{2, 7, 4711}, [3]uint32{4, 5, nobody}, [3]uint32{8, 7, 4712}, [3]uint32{16, 5, nobody}, [3]uint32{32, 4, nobody})
	open     = accessList([3]uint32{1, 7, nobody}, [3]uint32{2, 7, 4711}, [3]uint32{4, 7, nobody}, [3]uint32{16, 7, nobody}, [3]uint32{32, 0, nobody})
	plain    = accessList([3]uint32{1, 7, nobody}, [3]uint32{4, 7, nobody}, [3]uint32{32, 5, nobody})
	readable = accessList([3]uint32{1, 6, nobody}, [3]uint32{2, 4, 4711}, [3]uint32{4, 0, nobody}, [3]uint32{16, 4, nobody}, [3]uint32{32, 0, nobody})
)

const nobody = 0xffffffff

// give sets an attribute, or skips where the file system has none.
func (r *replica) give(path, name string, value []byte) {
	r.t.Helper()
	err := unix.Lsetxattr(r.at(path), name, value, 0)
	if errors.Is(err, unix.ENOTSUP) {
		r.t.Skipf("%s keeps no %s", r.options.Root, name)
	}
	if err != nil {
		r.t.Fatalf("give %s %s: %v", path, name, err)
	}
}

// beside is all that the file system keeps beside a file, and its mode.
func (r *replica) beside(path string) string {
	r.t.Helper()
	info, err := os.Lstat(r.at(path))
	if err != nil {
		r.t.Fatal(err)
	}
	names := make([]byte, 4096)
	n, err := unix.Llistxattr(r.at(path), names)
	if err != nil {
		r.t.Fatal(err)
	}
	all := []string{info.Mode().String()}
	for name := range bytes.SplitSeq(names[:n], []byte{0}) {
		if !strings.HasPrefix(string(name), "user.") && !strings.HasPrefix(string(name), "system.posix_acl") {
			continue
		}
		value := make([]byte, 4096)
		n, err := unix.Lgetxattr(r.at(path), string(name), value)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s=%x", name, value[:n]))
	}
	slices.Sort(all[1:])
	return strings.Join(all, " ")
}

// onEachFileSystem runs a test in memory and on the disk, staged near and staged in the
// tree, for the stage being on the other file system.
func onEachFileSystem(t *testing.T, test func(t *testing.T, r *replica)) {
	for _, root := range []string{"memory", "disk"} {
		for _, stage := range []string{"near", "elsewhere"} {
			t.Run(root+", stage "+stage, func(t *testing.T) {
				memory, disk := fastDir(t), t.TempDir()
				if root == "disk" {
					memory, disk = disk, memory
				}
				r := newReplica(t, nil)
				r.options.Root = memory
				r.options.State = filepath.Join(memory, ".git", "gsgit")
				if stage == "elsewhere" {
					r.options.State = filepath.Join(disk, "gsgit")
				}
				test(t, r)
			})
		}
	}
}

// TestAttributesStay: a replaced file keeps its access list and what programs noted
// beside it, and gets none that it did not have.
func TestAttributesStay(t *testing.T) {
	onEachFileSystem(t, func(t *testing.T, r *replica) {
		start := tree{"listed": "1", "noted": "1", "bare": "1", "home/bare": "1", "home/listed": "1"}
		for path, content := range start {
			r.write(path, content)
		}
		long := bytes.Repeat([]byte("long "), 200)
		r.give("noted", "user.note", []byte("seen"))
		r.give("noted", "user.long", long)
		r.give("noted", "user.empty", nil)
		r.give("listed", accessACL, readable)
		r.give("home/listed", accessACL, readable)
		r.give("home", defaultACL, open)
		if err := os.RemoveAll(r.at(".git")); err != nil {
			t.Fatal(err)
		}
		r.give("", defaultACL, open) // which the stage would have, too
		had := make(map[string]string)
		next := make(tree)
		for path := range start {
			had[path], next[path] = r.beside(path), "2"
		}
		if err := r.apply(start.plan(t, next), next.source()); err != nil {
			t.Fatal(err)
		}
		r.holds(next)
		for path, want := range had {
			if got := r.beside(path); got != want {
				t.Errorf("%s has now\n%s\nand had\n%s", path, got, want)
			}
		}
	})
}

// TestDefaultListIsGiven: new files and directories end with what the kernel gives to
// those that are made in their directory by anybody.
func TestDefaultListIsGiven(t *testing.T) {
	for name, list := range map[string][]byte{"bounded": bounded, "open": open, "plain": plain} {
		t.Run(name, func(t *testing.T) {
			onEachFileSystem(t, func(t *testing.T, r *replica) {
				r.write("home/", "")
				r.give("home", defaultACL, list)
				new := tree{"home/file": "1", "home/new/file": "1", "home/new/deep/file": "1"}
				if err := r.apply(tree{}.plan(t, new), new.source()); err != nil {
					t.Fatal(err)
				}
				r.holds(new)
				for path, witness := range map[string]string{"home/file": "home/theirs", "home/new/file": "home/new/theirs", "home/new/deep/file": "home/new/deep/theirs"} {
					if err := os.WriteFile(r.at(witness), nil, 0o666); err != nil {
						t.Fatal(err)
					}
					r.same(path, witness)
				}
				if err := os.MkdirAll(r.at("home/made/deep"), 0o777); err != nil {
					t.Fatal(err)
				}
				r.same("home/new", "home/made")
				r.same("home/new/deep", "home/made/deep")
			})
		})
	}
}

// TestAttributesAreAskedForOnce: where a file system keeps none, one refused call says so.
func TestAttributesAreAskedForOnce(t *testing.T) {
	old, new := bulk()
	r := newReplica(t, old)
	asked := 0
	r.options.Gate = func(operation string, _ ...string) error {
		if operation == "attributes" {
			asked++
			return resync.ErrUnsupported
		}
		return nil
	}
	if err := r.apply(old.plan(t, new), new.source()); err != nil {
		t.Fatal(err)
	}
	r.holds(new)
	if asked != 2 { // for what the files have, and for what the directories give
		t.Errorf("asked %d times", asked)
	}
}

func (r *replica) same(path, witness string) {
	r.t.Helper()
	if got, want := r.beside(path), r.beside(witness); got != want {
		r.t.Errorf("%s has\n%s\nand what another made there has\n%s", path, got, want)
	}
}
