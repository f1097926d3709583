package gitstore

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Crash and power-cut tests see what goes through the disk. A change of a file beside it would be tested by nothing.
func TestNothingChangesTheRepositoryBesideTheDisk(t *testing.T) {
	changes := []string{"Create", "CreateTemp", "OpenFile", "WriteFile", "CopyFS", "Mkdir", "MkdirAll", "MkdirTemp", "Rename", "Link", "Symlink",
		"Remove", "RemoveAll", "Truncate", "Chmod", "Chtimes"}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		// A lock file holds nothing, and is never removed.
		if strings.HasSuffix(name, "_test.go") || name == "disk.go" || name == "lock.go" {
			continue
		}
		set := token.NewFileSet()
		file := must(parser.ParseFile(set, name, nil, 0))(t)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if from, ok := call.X.(*ast.Ident); ok && from.Name == "os" && slices.Contains(changes, call.Sel.Name) {
				t.Errorf("%s: os.%s; use the store's disk", set.Position(call.Pos()), call.Sel.Name)
			}
			return true
		})
	}
}
