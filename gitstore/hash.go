package gitstore

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"
)

// Hash is the SHA-1 that names a git object. The zero Hash names nothing: a ref or a file that is absent.
type Hash [sha1.Size]byte

// String is the 40 lower-case hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero tells whether h names nothing.
func (h Hash) IsZero() bool { return h == Hash{} }

// ParseHash reads exactly 40 hex digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != hex.EncodedLen(len(h)) {
		return h, &storeError{text: strconv.Quote(cut(s, 60)) + " is no object id: 40 hex digits are expected", permanent: true}
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, &storeError{text: strconv.Quote(s) + " is no object id", cause: err, permanent: true}
	}
	return h, nil
}

// BlobHash is the id that content has as a blob, whether or not any repository holds it.
func BlobHash(content []byte) Hash { return hashObject(kindBlob, content) }

// objectKind is the type of an object, numbered as in a pack.
type objectKind byte

const (
	kindCommit   objectKind = 1
	kindTree     objectKind = 2
	kindBlob     objectKind = 3
	kindTag      objectKind = 4
	kindOfsDelta objectKind = 6
	kindRefDelta objectKind = 7
)

func (k objectKind) String() string {
	switch k {
	case kindCommit:
		return "commit"
	case kindTree:
		return "tree"
	case kindBlob:
		return "blob"
	case kindTag:
		return "tag"
	}
	return "kind " + strconv.Itoa(int(k))
}

func hashObject(kind objectKind, content []byte) Hash {
	var head [32]byte
	b := append(head[:0], kind.String()...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(content)), 10)
	b = append(b, 0)
	d := sha1.New()
	d.Write(b)
	d.Write(content)
	var h Hash
	d.Sum(h[:0])
	return h
}

// cut keeps foreign text in messages short.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// randomName serves temporary files: two processes never choose the same.
func randomName() string { return strings.ToLower(rand.Text()[:16]) }
