package resync

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// isCarried leaves out what is about the bytes of the old file, as the sums of
// security.ima, and what file systems keep for themselves in trusted.
func isCarried(name string) bool {
	return strings.HasPrefix(name, "user.") || name == accessList || isLabel(name)
}

// isLabel tells what a security module may forbid anybody to set, or set itself.
func isLabel(name string) bool { return name == "security.selinux" || name == "security.SMACK64" }

// attributes returns what goes with a file that is replaced.
func (k disk) attributes(path string) ([]attribute, error) {
	if err := k.ask("attributes", path); err != nil {
		return nil, err
	}
	names, err := grown(func(into []byte) (int, error) { return unix.Llistxattr(path, into) })
	if err != nil {
		return nil, attributeError("listxattr", path, err)
	}
	var kept []attribute
	for name := range bytes.SplitSeq(names, []byte{0}) {
		if !isCarried(string(name)) {
			continue
		}
		value, err := grown(func(into []byte) (int, error) { return unix.Lgetxattr(path, string(name), into) })
		switch {
		case errors.Is(err, unix.ENODATA): // it is gone since
		case err != nil:
			return nil, attributeError("getxattr", path, err)
		default:
			kept = append(kept, attribute{string(name), value})
		}
	}
	return kept, nil
}

// defaultACL returns the list that a directory has for what is made in it, nil for none.
func (k disk) defaultACL(dir string) (acl, error) {
	if err := k.ask("attributes", dir); err != nil {
		return nil, err
	}
	value, err := grown(func(into []byte) (int, error) { return unix.Lgetxattr(dir, defaultList, into) })
	if errors.Is(err, unix.ENODATA) {
		return nil, nil
	}
	if err != nil {
		return nil, attributeError("getxattr", dir, err)
	}
	return parseACL(value), nil
}

// grown reads what has at most 64 KiB and mostly nothing at all.
func grown(read func(into []byte) (int, error)) ([]byte, error) {
	for size := 256; ; size = 64 << 10 {
		buffer := make([]byte, size)
		n, err := read(buffer)
		if errors.Is(err, unix.ERANGE) && size == 256 {
			continue
		}
		if err != nil {
			return nil, err
		}
		return buffer[:n], nil
	}
}

// setAttribute gives an open file or directory an attribute. A label that may not be set
// is the security module's own affair.
func setAttribute(file *os.File, a attribute) error {
	err := unix.Fsetxattr(int(file.Fd()), a.name, a.value, 0)
	if err == nil || isLabel(a.name) {
		return nil
	}
	return attributeError("setxattr", file.Name(), err)
}

// inheritNothing has a directory of our own hand no access list down.
func inheritNothing(dir string) error {
	err := unix.Lremovexattr(dir, defaultList)
	if err == nil || errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return attributeError("removexattr", dir, err)
}

func attributeError(operation, path string, err error) error {
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
		err = errUnsupported
	}
	return &fs.PathError{Op: operation, Path: path, Err: err}
}
