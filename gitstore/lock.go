//go:build unix

package gitstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Lock is a lock on a file, held until Release or the end of the process, however that comes.
type Lock struct{ file *os.File }

// LockFile takes the lock on path, making the file and its directory if need be, and waits for another holder up to the given time. Then
// errors.Is(err, ErrLocked), and the error names the holder. The file stays after Release: removing it would let two
// processes lock two files of one name.
func LockFile(path string, wait time.Duration) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	deadline := time.Now().Add(wait)
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			if err := sign(f); err != nil {
				return nil, fmt.Errorf("lock %s: %w", path, err)
			}
			return &Lock{f}, nil
		}
		busy := errors.Is(err, unix.EWOULDBLOCK)
		if !busy && !errors.Is(err, unix.EINTR) || time.Now().After(deadline) {
			defer f.Close()
			if busy {
				return nil, heldBy(f, path)
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		time.Sleep(min(20*time.Millisecond, time.Until(deadline)+time.Millisecond))
	}
}

// sign writes our process id into the file, for heldBy. A full disk must not keep us from the lock.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		f.Close()
		return err
	}
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return nil
}

// heldBy reads what the holder wrote into the file; it may be about to.
func heldBy(f *os.File, path string) error {
	text, _ := io.ReadAll(io.LimitReader(f, 40))
	e := &storeError{text: path, cause: ErrLocked, hint: "another gsgit works here: wait for it or stop it"}
	if pid := strings.TrimSpace(string(text)); pid != "" {
		e.hint = "another gsgit works here (process " + pid + "): wait for it or stop it"
	}
	return e
}

// Release lets the next one in.
func (l *Lock) Release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

// FreeSpace is what is left for us on the file system of the repository.
func (s *Store) FreeSpace() (bytes uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(s.dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", s.dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}
