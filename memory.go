package gsgit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Memory keeps, in .git/gsgit/sources, the remotes that were last heard, so that a node that starts while
// the broker is down still knows whom to ask.
type Memory struct {
	path string

	mu      sync.Mutex
	remotes []string
}

// OpenMemory reads what is remembered in a node's state directory. A torn file is forgotten: it is heard again.
func OpenMemory(stateDir string) (*Memory, error) {
	m := &Memory{path: filepath.Join(stateDir, "sources")}
	content, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the remembered sources: %w", err)
	}
	if json.Unmarshal(content, &m.remotes) != nil {
		m.remotes = nil
	}
	return m, nil
}

// Remotes lists the URLs remembered.
func (m *Memory) Remotes() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.remotes)
}

// Remember replaces what is remembered. Nothing heard is no reason to forget.
func (m *Memory) Remember(urls []string) error {
	urls = slices.Clone(urls)
	slices.Sort(urls)
	urls = slices.Compact(urls)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(urls) == 0 || slices.Equal(urls, m.remotes) {
		return nil
	}
	m.remotes = urls
	return writeJSON(m.path, urls)
}

// writeJSON replaces a small state file as a whole, so that a reader never sees half of it.
func writeJSON(path string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(content, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
