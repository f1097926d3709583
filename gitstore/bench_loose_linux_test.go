package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkPackBesideLoose makes the objects of a one-file commit durable in the ways that there are: as one pack, and as
// loose objects that are synced one by one, by the trick of git's batch mode, or with their whole file system. A writer
// beside, such as a GeoServer that stores tiles, changes the last one most.
func BenchmarkPackBesideLoose(b *testing.B) {
	for _, beside := range []string{"alone", "beside a writer"} {
		b.Run(beside, func(b *testing.B) {
			s := benchStore(b, filepath.Join(scratch(b), ".git"), manyPaths(500), small)
			if beside != "alone" {
				defer dirtying(b)()
			}
			inTurn(b, 25,
				contender{"pack", durably(b, s, asPack)},
				contender{"loose-batch", durably(b, s, looseWith(writeOut, syncOne))},
				contender{"loose-each", durably(b, s, looseWith((*os.File).Sync, syncDirs))},
				contender{"loose-syncfs", durably(b, s, looseWith(nil, syncAll))})
		})
	}
}

// object is one to be stored.
type object struct {
	kind    objectKind
	content []byte
}

// oneCommit is what a one-file commit makes: a file, five directories above it, and the commit.
func oneCommit(salt string) []object {
	all := []object{{kindBlob, bytes.Repeat([]byte("<a>"+salt+"</a>\n"), 200)}}
	for _, entries := range []int{2, 100, 5, 20, 10} {
		var d directory
		for i := range entries {
			d = append(d, treeEntry{fmt.Sprintf("layer%06d", i), BlobHash(fmt.Append(nil, salt, entries, i)), modeFile})
		}
		all = append(all, object{kindTree, d.encode()})
	}
	return append(all, object{kindCommit, encodeCommit(emptyTree, nil, who(0), who(0), salt)})
}

func durably(b *testing.B, s *Store, store func(*Store, []object) error) func(int) cost {
	return func(round int) cost {
		all := oneCommit(fmt.Sprint(round, time.Now().UnixNano()))
		return costOf(func() {
			if err := store(s, all); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func asPack(s *Store, all []object) error {
	w := s.newPackWriter()
	defer w.discard()
	for _, o := range all {
		if _, err := w.put(o.kind, o.content); err != nil {
			return err
		}
	}
	return w.finish(context.Background())
}

// looseWith stores loose objects: each is written beside its place and treated by each, all are renamed, and last has the
// files.
func looseWith(each func(*os.File) error, last func([]string) error) func(*Store, []object) error {
	return func(s *Store, all []object) error {
		var paths []string
		for _, o := range all {
			path, err := writeLoose(s, o, each)
			if err != nil {
				return err
			}
			paths = append(paths, path)
		}
		for _, path := range paths {
			if err := os.Rename(path+".tmp", path); err != nil {
				return err
			}
		}
		return last(paths)
	}
}

func writeLoose(s *Store, o object, each func(*os.File) error) (path string, err error) {
	e := s.borrowEncoder()
	defer s.returnEncoder(e)
	e.out.Reset()
	raw, err := e.deflate(append(fmt.Appendf(nil, "%s %d\x00", o.kind, len(o.content)), o.content...))
	if err != nil {
		return "", err
	}
	path = s.loosePath(hashObject(o.kind, o.content))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return "", err
	}
	_, err = f.Write(raw)
	if err == nil && each != nil {
		err = each(f)
	}
	return path, errors.Join(err, f.Close())
}

// writeOut begins to write and waits, without a flush of the device: the first half of git's batch mode.
func writeOut(f *os.File) error {
	return unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
}

// syncOne is the second half: one flush, and the journal that it takes along, stand for all.
func syncOne(paths []string) error {
	f, err := os.Create(filepath.Join(filepath.Dir(filepath.Dir(paths[0])), "flush"))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncDirs(paths []string) error {
	for _, path := range paths {
		d, err := os.Open(filepath.Dir(path))
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return err
		}
	}
	return nil
}

func syncAll(paths []string) error {
	f, err := os.Open(paths[0])
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}

// dirtying writes to another file of the same file system until it is told to stop.
func dirtying(b *testing.B) (stop func()) {
	f, err := os.Create(filepath.Join(scratch(b), "tiles"))
	if err != nil {
		b.Fatal(err)
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		piece := make([]byte, 1<<20)
		for i := int64(0); ; i++ {
			select {
			case <-end:
				return
			case <-time.After(5 * time.Millisecond):
				_, _ = f.WriteAt(piece, i%256<<20) // what it writes is nobody's
			}
		}
	}()
	return func() {
		close(end)
		<-ended
		_ = f.Close()
	}
}
