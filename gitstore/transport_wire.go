package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

const agent = "agent=gsgit"

// readAdvert reads an advertisement of protocol v0 or v1 up to its last flush.
func readAdvert(r io.Reader) (Advert, error) {
	a := Advert{Refs: map[string]Hash{}, capabilities: map[string]bool{}}
	lines := pktline.NewScanner(&boundedReader{r, maxAdvertBytes})
	preamble, first := false, true
	for lines.Scan() {
		line := strings.TrimSuffix(string(lines.Bytes()), "\n")
		switch {
		case strings.HasPrefix(line, "# service="):
			preamble = true // of http, with a flush of its own
			continue
		case line == "" && preamble:
			preamble = false
			continue
		case line == "":
			return a, a.check() // at once where there is not a single branch
		case line == "version 1":
			continue
		}
		if err := a.addLine(line, first); err != nil {
			return a, err
		}
		first = false
	}
	return a, wireError(lines.Err(), "the source ends in the middle of its list of branches")
}

// addLine takes "ID NAME", where the first line also carries the capabilities.
func (a *Advert) addLine(line string, first bool) error {
	if strings.HasPrefix(line, "shallow ") {
		return nil // what it lacks is found missing when the pack is checked
	}
	line, capabilities, _ := strings.Cut(line, "\x00")
	if first {
		for _, c := range strings.Fields(capabilities) {
			a.addCapability(c)
		}
	}
	hex, name, ok := strings.Cut(line, " ")
	id, err := ParseHash(hex)
	if !ok || err != nil {
		return fmt.Errorf("the source lists %.60q where a branch should be", line)
	}
	if !strings.HasSuffix(name, "^{}") && !id.IsZero() && checkRefName(name) == nil {
		a.Refs[name] = id
	}
	return nil
}

func (a *Advert) addCapability(c string) {
	if branch, ok := strings.CutPrefix(c, "symref=HEAD:"); ok {
		a.Head = branch
		return
	}
	a.capabilities[c] = true
}

// check refuses what this package can not read at all.
func (a *Advert) check() error {
	if a.capabilities["object-format=sha256"] {
		return remoteFault(nil, "", true, "the source is a SHA-256 repository, and only SHA-1 is known here")
	}
	return nil
}

// pick keeps of the wished capabilities those that the other side has.
func (a *Advert) pick(wished ...string) string {
	var taken []string
	for _, c := range wished {
		if a.capabilities[c] {
			taken = append(taken, c)
		}
	}
	return strings.Join(append(taken, agent), " ")
}

// fetchRequest asks for one commit and says everything there is to say in one
// round, so that a stateless server needs no second.
func fetchRequest(a Advert, want Hash, haves []Hash) []byte {
	var b bytes.Buffer
	line := pktline.NewEncoder(&b)
	_ = line.Encodef("want %s %s\n", want, a.pick("side-band-64k", "ofs-delta", "no-progress"))
	_ = line.Flush()
	for _, have := range haves {
		_ = line.Encodef("have %s\n", have)
	}
	_ = line.Encodef("done\n") // a bytes.Buffer takes everything
	return b.Bytes()
}

// packStream skips the acknowledgements and returns the pack that follows them.
func packStream(r io.Reader, a Advert) (io.Reader, error) {
	lines := pktline.NewScanner(r)
	if !a.capabilities["side-band-64k"] {
		if !lines.Scan() {
			return nil, wireError(lines.Err(), "the source ends before its pack")
		}
		return r, nil // one ACK or NAK, then the bare pack; the scanner reads nothing ahead
	}
	bands := &bandReader{lines: lines}
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) > 0 && line[0] <= 3 {
			return bands, bands.take(line)
		}
		if err := bands.hear(line); err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(line, []byte("ACK ")) && !bytes.HasPrefix(line, []byte("NAK")) {
			return nil, fmt.Errorf("the source answers %.60q where an acknowledgement should be", line)
		}
	}
	return nil, wireError(lines.Err(), "the source ends before its pack")
}

// bandReader joins band 1 of a side-band stream; band 2 is talk, band 3 ends
// the transfer with the other side's own words.
type bandReader struct {
	lines *pktline.Scanner
	rest  []byte
	talk  int // bytes that were no part of the pack
}

// maxTalkBytes bounds what a source may say besides its pack, progress that nobody asked for included.
const maxTalkBytes = 1 << 20

// hear takes a line that brings nothing of the pack.
func (b *bandReader) hear(line []byte) error {
	if b.talk += 4 + len(line); b.talk > maxTalkBytes {
		return fmt.Errorf("the source talks on and on: %d bytes that are no part of a pack", b.talk)
	}
	return nil
}

func (b *bandReader) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if !b.lines.Scan() {
			return 0, wireError(b.lines.Err(), "the source ends in the middle of its pack")
		}
		if len(b.lines.Bytes()) == 0 {
			return 0, io.EOF
		}
		if err := b.take(b.lines.Bytes()); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *bandReader) take(line []byte) error {
	switch line[0] {
	case 1:
		if b.rest = line[1:]; len(b.rest) == 0 {
			return b.hear(line) // a sign of life
		}
	case 2:
		return b.hear(line)
	case 3:
		return remoteFault(nil, "", false, "the source says: %s", printable(string(line[1:])))
	default:
		return fmt.Errorf("the source answers %.60q in the middle of its pack", line)
	}
	return nil
}

// wireError turns the end of a pkt-line stream into a sentence.
func wireError(err error, atEnd string) error {
	var said *pktline.ErrorLine
	switch {
	case err == nil:
		return fmt.Errorf("%s: %w", atEnd, io.ErrUnexpectedEOF)
	case errors.As(err, &said):
		return remoteFault(nil, "", false, "the source says: %s", printable(strings.TrimPrefix(said.Text, "ERR ")))
	case errors.Is(err, pktline.ErrInvalidPktLen):
		return fmt.Errorf("the source does not speak git's protocol: %w", err)
	}
	return err
}

// printable keeps a peer's words to one line without control characters, which
// could repaint the terminal of whoever reads the log.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s[:min(len(s), 300)])
}
