package gsgit

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, make := range map[string]func(string) error{
		"file":         func(p string) error { return os.WriteFile(p, []byte("content"), 0o644) },
		"empty":        func(p string) error { return os.WriteFile(p, nil, 0o644) },
		"directory":    func(p string) error { return os.Mkdir(p, 0o755) },
		"closed":       func(p string) error { return os.Mkdir(p, 0) },
		"pipe":         func(p string) error { return unix.Mkfifo(p, 0o644) },
		"link":         func(p string) error { return os.Symlink("file", p) },
		"dead link":    func(p string) error { return os.Symlink("nowhere", p) },
		"file/in file": func(string) error { return nil },
		"missing":      func(string) error { return nil },
	} {
		if err := make(at(name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"file": "content", "empty": ""} {
		if content, ok, err := readRegular(at(name)); err != nil || !ok || content == nil || string(content) != want {
			t.Errorf("%s: %q, %v, %v", name, content, ok, err)
		}
	}
	for _, name := range []string{"directory", "closed", "pipe", "link", "dead link", "file/in file", "missing"} {
		if _, ok, err := readRegular(at(name)); ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
}

func TestAFileThatShrinksWhileItIsReadIsMoving(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("short"), 0o644); err != nil {
		t.Fatal(err)
	}
	fd, err := openRegular(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := readFull(fd, make([]byte, 6)); !errors.Is(err, errMoving) {
		t.Errorf("read one byte more than there is: %v", err)
	}
}
