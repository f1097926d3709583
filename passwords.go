package gsgit

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// The policies of --passwords.
const (
	PasswordsKeep  = "keep"           // the head's bytes, ciphertext included
	PasswordsLocal = "preserve-local" // this replica's own ciphertext of the same store stays
)

// passwordsRef holds the stores as they were last written with this replica's own ciphertext: an apply that
// a crash cut off finds their bytes there.
const passwordsRef = "refs/gsgit/passwords"

// preserve gives the stores of a plan this replica's own ciphertext, which its GeoServer can read, while that
// of the primary needs the primary's key store.
func (f *Follower) preserve(ctx context.Context, target gitstore.Hash, files []resync.File) ([]resync.File, error) {
	if f.Passwords != PasswordsLocal {
		return files, nil
	}
	moved, err := f.storesThatGo(files)
	if err != nil {
		return nil, err
	}
	var edits []gitstore.Edit
	for i, file := range files {
		if file.New.IsZero() || !isStore(file.Path) {
			continue
		}
		head, err := f.Store.Blob(gitstore.Hash(file.New))
		if err != nil {
			return nil, fmt.Errorf("read %s of %s: %w", file.Path, target, err)
		}
		own, err := f.ownStore(i, file, idOf(head), moved)
		if err != nil {
			return nil, err
		}
		merged := withPasswordsOf(own.content, head)
		if bytes.Equal(merged, head) {
			continue
		}
		files[i].New = resync.HashBlob(merged)
		if f.ownButForPasswords(files[own.at], own.content) {
			files[own.at].Old = resync.HashBlob(own.content) // nothing of it is lost
		}
		edits = append(edits, gitstore.Edit{Path: file.Path, Content: merged})
	}
	if len(edits) == 0 {
		return files, nil
	}
	return files, f.hold(ctx, target, edits)
}

// ownStore is a store as this replica has it.
type ownStore struct {
	at      int // among the files of the plan
	content []byte
}

// ownStore reads what stands in a store's place, or, where nothing does, where it was before it was renamed, or its
// workspace.
func (f *Follower) ownStore(i int, file resync.File, id string, moved map[string]ownStore) (ownStore, error) {
	content, there, err := f.Dir.Read(file.Path)
	if there || err != nil {
		return ownStore{i, content}, err
	}
	if own, known := moved[id]; known {
		return own, nil
	}
	return ownStore{at: i}, nil
}

// storesThatGo are the stores of this replica that a plan removes from where they are, by their ids.
func (f *Follower) storesThatGo(files []resync.File) (map[string]ownStore, error) {
	stores := map[string]ownStore{}
	for i, file := range files {
		if !file.New.IsZero() || !isStore(file.Path) {
			continue
		}
		content, there, err := f.Dir.Read(file.Path)
		if err != nil {
			return nil, err
		}
		if id := idOf(content); there && id != "" {
			stores[id] = ownStore{i, content}
		}
	}
	return stores, nil
}

// hold makes bytes durable that no commit of the branch holds.
func (f *Follower) hold(ctx context.Context, target gitstore.Hash, edits []gitstore.Edit) error {
	id, err := f.Store.Write(ctx, gitstore.Draft{
		Parent: target, Edits: edits, Author: author("", f.Instance), Committer: committer(f.Instance),
		Message: fmt.Sprintf("keep the passwords of %d stores as this node encrypted them\n", len(edits)),
	})
	if err != nil {
		return fmt.Errorf("keep this node's passwords: %w", err)
	}
	was, err := f.Store.Ref(passwordsRef)
	if err != nil {
		return err
	}
	return f.Store.SetRef(ctx, passwordsRef, was, id)
}

// ownButForPasswords tells whether a file on disk is the plan's old one but for its ciphertext.
func (f *Follower) ownButForPasswords(file resync.File, own []byte) bool {
	if file.Old.IsZero() {
		return false
	}
	old, err := f.Store.Blob(gitstore.Hash(file.Old))
	return err == nil && bytes.Equal(withPasswordsOf(own, old), own)
}

// isStore tells whether a file holds connection parameters.
func isStore(file string) bool {
	names := []string{"datastore.xml", "coveragestore.xml", "wmsstore.xml", "wmtsstore.xml"}
	return slices.Contains(names, path.Base(file)) && xmlcatalog.IsCatalog(file)
}

// A store is GeoServer's own writing, always of this shape; one that a person wrote in another stays the head's.
var (
	idShape       = regexp.MustCompile(`<id>([^<]*)</id>`)
	passwordShape = regexp.MustCompile(`(<entry key="[^"]*">|<password>)((?:crypt1|crypt2|digest1|digest2):[^<]*)<`)
)

// idOf is the id that a store has, "" where it has none.
func idOf(store []byte) string {
	if found := idShape.FindSubmatch(store); found != nil {
		return string(found[1])
	}
	return ""
}

// withPasswordsOf gives a store the ciphertext that the same store has elsewhere, parameter by parameter.
func withPasswordsOf(own, store []byte) []byte {
	if id := idOf(own); id == "" || id != idOf(store) {
		return store
	}
	ciphers := map[string][]byte{}
	for _, m := range passwordShape.FindAllSubmatch(own, -1) {
		ciphers[string(m[1])] = m[0]
	}
	return passwordShape.ReplaceAllFunc(store, func(found []byte) []byte {
		key := passwordShape.FindSubmatch(found)[1]
		if mine, ok := ciphers[string(key)]; ok {
			return mine
		}
		return found
	})
}
