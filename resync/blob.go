package resync

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"
)

// Blob is the git id of a file's bytes; the zero Blob stands for "no file".
type Blob [sha1.Size]byte

// HashBlob returns the id that git gives to content.
func HashBlob(content []byte) Blob {
	h := sha1.New()
	header := append(strconv.AppendInt([]byte("blob "), int64(len(content)), 10), 0)
	h.Write(header)
	h.Write(content)
	var b Blob
	h.Sum(b[:0])
	return b
}

// IsZero reports whether b stands for "no file".
func (b Blob) IsZero() bool { return b == Blob{} }

// String returns the 40 hex digits of b.
func (b Blob) String() string { return hex.EncodeToString(b[:]) }

// MarshalText writes the hex digits, and nothing for the zero Blob.
func (b Blob) MarshalText() ([]byte, error) {
	if b.IsZero() {
		return nil, nil
	}
	return []byte(b.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (b *Blob) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*b = Blob{}
		return nil
	}
	if len(text) != 2*len(b) {
		return fmt.Errorf("blob id %q: %d digits instead of %d", text, len(text), 2*len(b))
	}
	_, err := hex.Decode(b[:], text)
	return err
}
