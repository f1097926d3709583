package gsgit

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/gsgit/gsgit/gitstore"
)

// Note is something that works as it is written and may not work on this node, or does not travel to others.
type Note struct {
	Object string `json:"object"`
	Path   string `json:"path"`
	What   string `json:"what"`
}

// Notes looks at what the stores of a node need beside their configuration: files, which gsgit does not
// carry, and the key store that their passwords were encrypted with.
type Notes struct {
	Store   *gitstore.Store
	Dir     *Directory
	Replica bool // the passwords were encrypted elsewhere

	mu     sync.Mutex
	commit gitstore.Hash
	stores map[string]needs // by path
	keys   bool             // the commit carries the key store
}

// needs is what one store file says that it needs.
type needs struct {
	object string
	files  []string // targets of "file:" as they are written
	cipher bool
}

// keyStore is what GeoServer decodes passwords with.
const keyStore = "security/geoserver.jceks"

// List tells of the stores of what is on disk now, by path. A commit is read once.
func (n *Notes) List() []Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.follow() != nil {
		return nil // the state of the node says what is wrong with the repository
	}
	var notes []Note
	for _, file := range slices.Sorted(maps.Keys(n.stores)) {
		for _, what := range n.about(n.stores[file]) {
			notes = append(notes, Note{Object: n.stores[file].object, Path: file, What: what})
		}
	}
	return notes
}

// follow brings what is known of the stores from the commit last read to the one on disk.
func (n *Notes) follow() error {
	disk, err := n.Store.Ref(DiskRef)
	if err != nil || disk == n.commit {
		return err
	}
	differences, err := n.Store.Diff(context.Background(), n.commit, disk)
	if err != nil {
		return err
	}
	stores := maps.Clone(n.stores)
	if stores == nil {
		stores = map[string]needs{}
	}
	for _, d := range differences {
		if !isStore(d.Path) {
			continue
		}
		delete(stores, d.Path)
		if d.New.IsZero() {
			continue
		}
		content, err := n.Store.Blob(d.New)
		if err != nil {
			return err
		}
		stores[d.Path] = needsOf(d.Path, content)
	}
	_, keys, err := n.Store.Lookup(disk, keyStore)
	if err == nil {
		n.commit, n.stores, n.keys = disk, stores, keys
	}
	return err
}

var (
	nameShape = regexp.MustCompile(`<name>([^<]*)</name>`)
	fileShape = regexp.MustCompile(`<(?:entry key="[^"]*"|url)>file:([^<]+)<`)
)

func needsOf(file string, content []byte) needs {
	n := needs{object: "file:" + file, cipher: passwordShape.Match(content)}
	if name := nameShape.FindSubmatch(content); name != nil {
		parts := strings.Split(file, "/") // workspaces/WS/STORE/datastore.xml
		n.object = "store:" + parts[1] + ":" + html.UnescapeString(string(name[1]))
	}
	if bytes.Contains(content, []byte("<enabled>false</enabled>")) {
		return needs{object: n.object} // nobody asks it for anything
	}
	for _, m := range fileShape.FindAllSubmatch(content, -1) {
		n.files = append(n.files, html.UnescapeString(string(m[1])))
	}
	return n
}

func (n *Notes) about(s needs) (notes []string) {
	for _, target := range s.files {
		if what := n.aboutFile(target); what != "" {
			notes = append(notes, what)
		}
	}
	switch {
	case !s.cipher || !n.Replica || n.keys:
	case !n.Dir.Has(keyStore):
		notes = append(notes, "its password can not be decoded without the primary's key store: bring "+keyStore+" here once, or write ${…} for the password")
	default:
		notes = append(notes, "its password can be decoded only if "+keyStore+" is the primary's")
	}
	return notes
}

// aboutFile judges a target of "file:", relative to the data directory or absolute. One with a placeholder or a
// pattern may be anything.
func (n *Notes) aboutFile(target string) string {
	if strings.ContainsAny(target, "*?") || strings.Contains(target, "${") {
		return ""
	}
	absolute := strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") || strings.HasPrefix(target, "///")
	target = strings.TrimLeft(target, "/")
	place := n.Dir.abs(target)
	if absolute {
		target = "/" + target
		place = target
	}
	_, err := os.Stat(filepath.Clean(place))
	switch {
	case vanished(err):
		return fmt.Sprintf("%s is not on this node: gsgit carries configuration, not data", target)
	case absolute:
		return fmt.Sprintf("%s is an absolute path, which other nodes may not have", target)
	}
	return ""
}
