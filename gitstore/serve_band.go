package gitstore

import (
	"io"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

// bandWriter wraps a pack into band 1 of a side-band stream, in lines as long
// as they may be.
type bandWriter struct {
	lines *pktline.Encoder
	line  []byte
}

func newBandWriter(to io.Writer) *bandWriter {
	return &bandWriter{pktline.NewEncoder(to), append(make([]byte, 0, pktline.MaxPayloadSize), 1)}
}

func (b *bandWriter) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n := min(len(p)-written, cap(b.line)-len(b.line))
		b.line = append(b.line, p[written:written+n]...)
		written += n
		if len(b.line) == cap(b.line) {
			if err := b.send(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (b *bandWriter) send() error {
	if len(b.line) == 1 {
		return nil
	}
	err := b.lines.Encode(b.line)
	b.line = b.line[:1]
	return err
}

// finish ends the stream; fail ends it with a word in place of the rest.
func (b *bandWriter) finish() error {
	if err := b.send(); err != nil {
		return err
	}
	return b.lines.Flush()
}

func (b *bandWriter) fail(word string) {
	_ = b.lines.Encode(append([]byte{3}, word...)) // the other side may be gone, which is then the reason
}
