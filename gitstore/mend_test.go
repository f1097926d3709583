package gitstore

import (
	"context"
	"errors"
	"os"
	"testing"
)

// loosen makes every object of a store a loose one, as a foreign git may, and opens it anew.
func loosen(t *testing.T, s *Store) *Store {
	t.Helper()
	dir := s.GitDir()
	for _, p := range s.packs.list() {
		data := must(os.ReadFile(p.base + ".pack"))(t)
		os.Remove(p.base + ".pack")
		os.Remove(p.base + ".idx")
		gitInput(t, dir, string(data), "unpack-objects", "-q")
	}
	s.Close()
	loose := must(Open(dir, Options{}))(t)
	t.Cleanup(func() { loose.Close() })
	return loose
}

func empty(t *testing.T, s *Store, id Hash) {
	t.Helper()
	os.Chmod(s.loosePath(id), 0o644)
	if err := os.Truncate(s.loosePath(id), 0); err != nil {
		t.Fatal(err)
	}
}

// The wound must be known as long as it is there: once the empty object is gone, nothing else tells of it.
func TestAWoundIsRememberedUntilItIsHealed(t *testing.T) {
	ctx := context.Background()
	s := newDamaged(t)
	id := commit(t, s, "d/f", "content", "g", "other")
	s = loosen(t, s)
	lost := must2(s.Lookup(id, "d/f"))(t)
	empty(t, s, lost.Blob)
	for range 2 {
		if err := s.Recover(ctx); err != nil {
			t.Fatal(err)
		}
		if !s.Wounded() {
			t.Fatal("the wound is not known")
		}
	}
	missing := must(s.Missing(ctx, id))(t)
	if len(missing) != 1 || missing[0] != lost {
		t.Errorf("missing are %v", missing)
	}
	if err := s.Whole(ctx, id); !errors.Is(err, ErrNotFound) {
		t.Errorf("whole: %v", err)
	}
	other := func(string) ([]byte, error) { return []byte("other content"), nil }
	if left := must(s.Restore(ctx, missing, other))(t); len(left) != 1 {
		t.Error("other content was taken for what is lost")
	}
	same := func(string) ([]byte, error) { return []byte("content"), nil }
	if left := must(s.Restore(ctx, missing, same))(t); left != nil {
		t.Errorf("left is %v", left)
	}
	if err := errors.Join(s.Whole(ctx, id), s.Healed(), s.Recover(ctx)); err != nil || s.Wounded() {
		t.Errorf("healed: %v", err)
	}
	git(t, s.GitDir(), "fsck", "--strict", "--full")
}

func must2[A any](a A, ok bool, err error) func(*testing.T) A {
	return func(t *testing.T) A {
		t.Helper()
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return a
	}
}

// A pack that a bad disk has spoilt goes with the next roll-up, once what it held is here again.
func TestARollUpTakesWhatIsDamagedFromElsewhere(t *testing.T) {
	ctx := context.Background()
	s := newTestStore(t, Options{})
	id := commit(t, s, "f", "content")
	bad := s.packs.list()[0].base
	lost := must2(s.Lookup(id, "f"))(t)
	at, _ := s.packs.list()[0].find(lost.Blob)
	data := must(os.ReadFile(bad + ".pack"))(t)
	data[at+5] ^= 0xff
	os.Remove(bad + ".pack")
	if err := os.WriteFile(bad+".pack", data, 0o444); err != nil {
		t.Fatal(err)
	}
	again := must(Open(s.GitDir(), Options{}))(t)
	defer again.Close()
	missing := must(again.Missing(ctx, id))(t)
	if len(missing) != 1 {
		t.Fatalf("missing are %v", missing)
	}
	read := func(string) ([]byte, error) { return []byte("content"), nil }
	if left := must(again.Restore(ctx, missing, read))(t); left != nil {
		t.Fatal(left)
	}
	if err := again.roll(ctx, again.packs.list(), nil); err != nil {
		t.Fatal(err)
	}
	if n := len(again.packs.list()); n != 1 {
		t.Errorf("%d packs", n)
	}
	git(t, s.GitDir(), "fsck", "--strict", "--full") // of the new pack alone, which may have the old one's name
}
