package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// first looks, before anything is made, whether this is a replica's first start: then a directory with other
// content is refused, and the branch is the topic's.
func (o *followOptions) first(ctx context.Context) error {
	written, err := o.written()
	if err != nil || written {
		return err
	}
	dir := &gsgit.Directory{Root: o.DataDir, Rules: xmlcatalog.Rules{All: true, Local: o.watching.Local.Value()}}
	files, err := dir.Files("")
	if err != nil {
		return err
	}
	if len(files) > 0 && !o.Adopt {
		return hinted{fmt.Errorf("%s holds %d files that gsgit did not write, %s first", o.DataDir, len(files), files[0]),
			"start with --adopt to take it over: what is replaced or removed is kept as a commit under refs/gsgit/drift/"}
	}
	return o.chooseBranch(ctx)
}

// written tells whether this directory was written by us before, or a crash cut the first time off.
func (o *followOptions) written() (bool, error) {
	s, err := gitstore.Open(o.GitDir, gitstore.Options{ReadOnly: true})
	if errors.Is(err, gitstore.ErrNoRepository) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = s.Close() }()
	disk, err := s.Ref(gsgit.DiskRef)
	if err != nil || !disk.IsZero() {
		return true, err
	}
	_, err = os.Stat(filepath.Join(o.stateDir(), "journal.json"))
	return err == nil, nil
}

// chooseBranch takes the topic's only branch where none is given. A broker that does not answer leaves main.
func (o *followOptions) chooseBranch(ctx context.Context) error {
	if o.Branch != "" || len(o.bus.list()) == 0 {
		return nil
	}
	heads, _, err := readTopics(ctx, o.bus)
	if err != nil {
		return nil // the node says what it waits for
	}
	var branches []string
	for _, a := range heads {
		branches = append(branches, strings.TrimPrefix(a.Ref, "refs/heads/"))
	}
	slices.Sort(branches)
	branches = slices.Compact(branches)
	if len(branches) > 1 {
		return hinted{fmt.Errorf("the topic has several branches: %s", strings.Join(branches, ", ")), "choose one with --branch"}
	}
	if len(branches) == 1 {
		o.Branch = branches[0]
	}
	return nil
}
