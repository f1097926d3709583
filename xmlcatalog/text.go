package xmlcatalog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// utf8Text gives a document as UTF-8 without byte order mark, from whatever
// encoding its mark or its declaration names.
func utf8Text(data []byte) ([]byte, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("file is larger than %d MiB", maxSize>>20)
	}
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		return validText(data[3:])
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return fromUTF16(data[2:], binary.BigEndian), nil
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		return fromUTF16(data[2:], binary.LittleEndian), nil
	case bytes.HasPrefix(data, []byte{0, '<', 0}):
		return fromUTF16(data, binary.BigEndian), nil
	case bytes.HasPrefix(data, []byte{'<', 0}):
		return fromUTF16(data, binary.LittleEndian), nil
	}
	return fromDeclared(data)
}

func fromUTF16(data []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

func fromDeclared(data []byte) ([]byte, error) {
	name := strings.ToLower(declaredEncoding(data))
	if name == "" || name == "utf-8" || name == "utf8" || name == "us-ascii" || !hasHighBytes(data) {
		return validText(data)
	}
	encoding, err := htmlindex.Get(name)
	if err != nil {
		return nil, fmt.Errorf("encoding %q is not known", cut(name, 40))
	}
	text, err := encoding.NewDecoder().Bytes(data)
	if err != nil {
		return nil, fmt.Errorf("text is not %s", name)
	}
	return text, nil
}

func validText(data []byte) ([]byte, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("text is not valid UTF-8")
	}
	return data, nil
}

func hasHighBytes(data []byte) bool {
	for _, c := range data {
		if c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// declaredEncoding reads encoding="…" of an XML declaration.
func declaredEncoding(data []byte) string {
	if !bytes.HasPrefix(data, []byte("<?xml")) {
		return ""
	}
	end := bytes.Index(data, []byte("?>"))
	if end < 0 {
		return ""
	}
	declaration := token{data: data[len("<?xml"):end]}
	return string(declaration.attr("encoding"))
}

// checkText finds what XML does not allow in a text: unknown entities and
// control characters.
func checkText(run []byte) error {
	for at := bytes.IndexByte(run, '&'); at >= 0; {
		_, length, err := entity(run[at:])
		if err != nil {
			return err
		}
		next := bytes.IndexByte(run[at+length:], '&')
		if next < 0 {
			break
		}
		at += length + next
	}
	return checkRunes(run)
}

func checkRunes(run []byte) error {
	for i, c := range run {
		if !suspect[c] {
			continue
		}
		if c < ' ' {
			return fmt.Errorf("control character %#x stands in a text", c)
		}
		if i+2 < len(run) && run[i+1] == 0xBF && run[i+2] >= 0xBE {
			return errors.New("a character that XML does not allow stands in a text")
		}
	}
	return nil
}

// suspect marks the bytes that may begin a character which XML does not allow.
var suspect = byteSet(func(c byte) bool {
	return c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0xEF
})

func byteSet(in func(byte) bool) (set [256]bool) {
	for c := range set {
		set[c] = in(byte(c))
	}
	return set
}

// entity reads "&name;" at the start of text.
func entity(text []byte) (value string, length int, err error) {
	end := bytes.IndexByte(text[:min(len(text), 16)], ';')
	if end < 0 {
		return "", 0, errors.New("& begins no entity")
	}
	name := text[1:end]
	switch string(name) {
	case "lt":
		return "<", end + 1, nil
	case "gt":
		return ">", end + 1, nil
	case "amp":
		return "&", end + 1, nil
	case "quot":
		return `"`, end + 1, nil
	case "apos":
		return "'", end + 1, nil
	}
	if char, ok := characterReference(string(name)); ok {
		return string(char), end + 1, nil
	}
	return "", 0, fmt.Errorf("entity &%s; is not known", name)
}

func characterReference(name string) (rune, bool) {
	digits, numeric := strings.CutPrefix(name, "#")
	if !numeric {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	return rune(n), err == nil && inXML(rune(n))
}

func inXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= ' ' && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// unescape resolves the entities of a text that the scanner has passed, and
// makes line ends what XML says they are.
func unescape(run []byte, raw bool) string {
	if bytes.IndexByte(run, '\r') >= 0 {
		run = bytes.ReplaceAll(bytes.ReplaceAll(run, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	}
	if raw || bytes.IndexByte(run, '&') < 0 {
		return string(run)
	}
	var b strings.Builder
	for len(run) > 0 {
		if run[0] != '&' {
			end := bytes.IndexByte(run, '&')
			if end < 0 {
				end = len(run)
			}
			b.Write(run[:end])
			run = run[end:]
			continue
		}
		value, length, err := entity(run)
		if err != nil {
			value, length = "&", 1
		}
		b.WriteString(value)
		run = run[length:]
	}
	return b.String()
}

// cut shortens a value for a person, on a character's border.
func cut(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	runes := []rune(s)
	return string(runes[:most-1]) + "…"
}
