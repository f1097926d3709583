package gitstore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"io"
)

// Loose objects are what ordinary git writes, one file each. They are only read here.

func (s *Store) loosePath(id Hash) string {
	hex := id.String()
	return filepath.Join(s.dir, "objects", hex[:2], hex[2:])
}

func (s *Store) looseObject(id Hash) (objectKind, []byte, error) {
	path := s.loosePath(id)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil, ErrNotFound
	}
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	kind, content, err := readLoose(f)
	if err != nil {
		return 0, nil, &storeError{text: "the loose object " + path + " is damaged", cause: err, permanent: true,
			hint: "remove the file and fetch the object again from another repository"}
	}
	return kind, content, nil
}

func readLoose(f io.Reader) (objectKind, []byte, error) {
	z, err := newInflater(bufio.NewReader(f))
	if errors.Is(err, io.EOF) {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return 0, nil, err
	}
	defer inflaters.Put(z)
	var out bytes.Buffer
	if _, err := io.Copy(&out, io.LimitReader(z, maxObject)); err != nil {
		return 0, nil, err
	}
	return splitLoose(out.Bytes())
}

// splitLoose takes "blob 3\x00abc" apart.
func splitLoose(data []byte) (objectKind, []byte, error) {
	head, content, ok := bytes.Cut(data[:], []byte{0})
	name, size, sized := bytes.Cut(head, []byte{' '})
	n, err := strconv.ParseInt(string(size), 10, 64)
	if !ok || !sized || err != nil || n != int64(len(content)) {
		return 0, nil, fmt.Errorf("%d bytes do not match the header %q", len(content), cut(string(head), 40))
	}
	for kind := kindCommit; kind <= kindTag; kind++ {
		if kind.String() == string(name) {
			return kind, content, nil
		}
	}
	return 0, nil, fmt.Errorf("an object of unknown kind %q", cut(string(name), 40))
}
