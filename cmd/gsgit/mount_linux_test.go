package main_test

import (
	"fmt"
	"syscall"
	"testing"
)

// mounted mounts a file system of some MiB on a directory until the test ends.
func mounted(t *testing.T, dir string, mib int) {
	t.Helper()
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}
