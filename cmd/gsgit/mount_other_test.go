//go:build !linux

package main_test

import "testing"

// mounted skips: small file systems are mounted on Linux alone.
func mounted(t *testing.T, _ string, _ int) {
	t.Helper()
	t.Skip("a small file system is mounted on Linux alone")
}
