// Package gitstore keeps history and markers in a git repository.
//
// A Store is one bare repository. Its words are git's: an object (blob, tree, commit) is named by the SHA-1 of what it
// holds, a ref is a name for a commit, a pack is one file of many objects with an index beside it. A Draft becomes a
// commit by Write or Import, which make all its objects durable as one pack and move nothing; SetRef then moves a ref
// from the value that the caller saw to the new one. Whatever has returned has reached the disk.
//
// Ordinary git may read, fetch, repack and collect garbage in the same repository at any time; so may a second Store in
// another process. Writers keep each other out with LockFile.
//
// The package never reads or writes the files that the history is about, never uses an index, never writes a loose
// object, never follows alternates, and never starts a history anew where a ref was lost.
package gitstore

import (
	"context"
	"log/slog"
	"sync"
)

// Options shape a Store; the zero value is usable.
type Options struct {
	Logger   *slog.Logger      // nil: silent
	Step     func(name string) // called at named points where a crash is interesting; nil: not called
	Branch   string            // short name; "": the one that HEAD names, main for a new repository
	ReadOnly bool              // refuse everything that writes
}

// Store is one repository, safe for use by several goroutines.
type Store struct {
	dir     string
	branch  string
	options Options
	log     *slog.Logger
	disk    *disk

	packs packSet
	bases baseCache

	write    sync.Mutex    // one pack is made part of the store at a time
	encoders chan *encoder // idle ones
	held     sync.Map      // packs (by path) that wait for a ref
	damaged  sync.Map      // packs (by path) that a roll-up could not read, with the error

	trees treeCache[directory]
	roots hashCache // commit to its tree
	first hashCache // commit to the first commit of its history
}

// Branch is the short name of the branch that this store records on, like "main".
func (s *Store) Branch() string { return s.branch }

// BranchRef is the full name of that branch, like "refs/heads/main".
func (s *Store) BranchRef() string { return "refs/heads/" + s.branch }

// GitDir is the directory of the repository as it was opened.
func (s *Store) GitDir() string { return s.dir }

// Close releases open files. Iterators and reads in flight end with an error.
func (s *Store) Close() error { return s.packs.close() }

func (s *Store) step(name string) {
	if s.options.Step != nil {
		s.options.Step(name)
	}
}

func (s *Store) writable(what string) error {
	if s.options.ReadOnly {
		return &storeError{text: what + " in a repository that was opened read-only", permanent: true}
	}
	return nil
}

func cancelled(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
