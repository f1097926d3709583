package gitstore

import (
	"bytes"
	"fmt"
	"strings"
)

// treeLine is one entry of a tree as it stands in the object; name is part of
// the object's bytes and is not copied.
type treeLine struct {
	mode uint32
	name []byte
	id   Hash
}

const (
	modeTree    = 0o040000
	modeGitlink = 0o160000
	modeType    = 0o170000
)

// kind is zero for what is no object of this repository: a submodule, or no entry at all.
func (l treeLine) kind() objectKind {
	switch l.mode & modeType {
	case 0, modeGitlink:
		return 0
	case modeTree:
		return kindTree
	}
	return kindBlob
}

// compare orders entries as git does: a directory as if its name ended in a slash.
func (l treeLine) compare(m treeLine) int {
	n := min(len(l.name), len(m.name))
	if c := bytes.Compare(l.name[:n], m.name[:n]); c != 0 {
		return c
	}
	return int(l.after(n)) - int(m.after(n))
}

// after is the byte behind the first n of the name, of which there may be none.
func (l treeLine) after(n int) byte {
	switch {
	case n < len(l.name):
		return l.name[n]
	case l.kind() == kindTree:
		return '/'
	}
	return 0
}

// readTree reads a tree that a stranger may have made: the order is checked,
// since lookups rely on it, and so are the names, since a name such as ".git"
// or ".." would one day be written to a disk.
func readTree(content []byte) ([]treeLine, error) {
	lines := make([]treeLine, 0, len(content)/40)
	for len(content) > 0 {
		line, rest, err := cutTreeLine(content)
		if err != nil {
			return nil, err
		}
		if n := len(lines); n > 0 && lines[n-1].compare(line) >= 0 {
			return nil, fmt.Errorf("the entry %q is out of order", cut(string(line.name), 60))
		}
		lines, content = append(lines, line), rest
	}
	return lines, nil
}

func cutTreeLine(content []byte) (treeLine, []byte, error) {
	var l treeLine
	space := bytes.IndexByte(content[:min(8, len(content))], ' ')
	end := bytes.IndexByte(content, 0)
	if space < 1 || end < space || len(content) < end+1+len(l.id) {
		return l, nil, fmt.Errorf("it is cut off or no tree at all")
	}
	for _, digit := range content[:space] {
		if digit < '0' || digit > '7' {
			return l, nil, fmt.Errorf("it holds a mode that is no number")
		}
		l.mode = l.mode<<3 | uint32(digit-'0')
	}
	l.name = content[space+1 : end]
	copy(l.id[:], content[end+1:])
	if err := checkName(string(l.name)); err != nil {
		return l, nil, err
	}
	return l, content[end+1+len(l.id):], nil
}

func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") || strings.EqualFold(name, ".git") {
		return fmt.Errorf("it holds an entry named %q, which no directory can have", cut(name, 60))
	}
	return nil
}
