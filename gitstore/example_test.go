package gitstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/gsgit/gsgit/gitstore"
)

// A commit is made durable first; then the branch moves, from the commit that was seen.
func Example() {
	dir, err := os.MkdirTemp("", "gitstore")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	store, err := gitstore.Create(filepath.Join(dir, ".git"), gitstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	head, err := store.Ref(store.BranchRef())
	if err != nil {
		log.Fatal(err)
	}
	who := gitstore.Signature{Name: "gsgit", Email: "gsgit@gs-a", When: time.Unix(1700000000, 0).UTC()}
	commit, err := store.Write(ctx, gitstore.Draft{
		Parent:    head,
		Edits:     []gitstore.Edit{{Path: "workspaces/topp/workspace.xml", Content: []byte("<workspace/>")}},
		Author:    who,
		Committer: who,
		Message:   "create workspace topp\n\nGsgit-Instance: gs-a",
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := store.SetRef(ctx, store.BranchRef(), head, commit); err != nil {
		log.Fatal(err)
	}

	for c, err := range store.Log(ctx, commit) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Subject(), c.Trailers("Gsgit-Instance"))
	}
	// Output: create workspace topp [gs-a]
}
