package kafkabus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a record value may hold. The limits are far above what gsgit writes and
// low enough that a stranger's record can not fill memory or a terminal.
const (
	maxValue   = 8 << 10 // bytes of a value, exclusive
	maxText    = 1024    // bytes of one name or URL
	maxRemotes = 16
)

// The shapes of ids and names; in Go $ does not match before a last newline.
var (
	idShape       = regexp.MustCompile(`^[0-9a-f]{40}$`)
	instanceShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	wordShape     = regexp.MustCompile(`^[a-z]{1,20}$`)
)

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // "&" in a URL stays legible for people with kcat
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func decode(data []byte, v any) error {
	if len(data) >= maxValue {
		return fmt.Errorf("%d bytes are too many", len(data))
	}
	var head struct{ V int }
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("not the JSON that was expected: %w", err)
	}
	if head.V > wireVersion {
		return &Error{
			what: fmt.Sprintf("it has version %d, this gsgit reads %d", head.V, wireVersion),
			hint: "another node runs a newer gsgit: upgrade this one",
		}
	}
	if head.V < wireVersion {
		return fmt.Errorf("it has version %d", head.V)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("not the JSON that was expected: %w", err)
	}
	return nil
}

// list makes the absent list the empty one: in JSON a list is an array.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// clean makes s one that a peer accepts: UTF-8 on one line, not too long.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
	for len(s) > maxText {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

func cleaned(s []string, most int) []string {
	out := make([]string, 0, min(len(s), most))
	for _, x := range s[:min(len(s), most)] {
		out = append(out, clean(x))
	}
	return out
}

// withoutUsers returns the URLs without user, password and query. One that can
// not be read may hide a secret, and one that is too long would be of no use when
// cut: both are left out.
func withoutUsers(urls []string) []string {
	out := make([]string, 0, len(urls))
	for _, s := range urls {
		u, err := url.Parse(s)
		if err != nil || s == "" || len(out) == maxRemotes {
			continue
		}
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		if s = u.String(); len(s) <= maxText && clean(s) == s {
			out = append(out, s)
		}
	}
	return out
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkID(field, s string) error {
	if !idShape.MatchString(s) {
		return fmt.Errorf("%s %.60q is not a commit id", field, s)
	}
	return nil
}

func checkOptionalID(field, s string) error {
	if s == "" {
		return nil
	}
	return checkID(field, s)
}

func checkInstance(s string) error {
	if !instanceShape.MatchString(s) {
		return fmt.Errorf("instance %.80q is not a name of 1 to 64 letters, digits, dots, dashes and underscores", s)
	}
	return nil
}

func checkWord(field, s string) error {
	if !wordShape.MatchString(s) {
		return fmt.Errorf("%s %.40q is not a word", field, s)
	}
	return nil
}

// checkRef holds a branch to git's own rules for ref names (git check-ref-format):
// the name ends up in a path below .git on the other side.
func checkRef(s string) error {
	name, ok := strings.CutPrefix(s, "refs/heads/")
	bad := !ok || name == "" || len(s) > 255 || !utf8.ValidString(s) ||
		strings.ContainsAny(name, " ~^:?*[\\\x7f") || strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		strings.HasSuffix(name, ".") || strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	if bad {
		return fmt.Errorf("ref %.80q is not a branch", s)
	}
	return nil
}

func checkCounts(counts ...int) error {
	for _, n := range counts {
		if n < 0 {
			return errors.New("a count is negative")
		}
	}
	return nil
}

func checkTexts(field string, texts []string, most int) error {
	if len(texts) > most {
		return fmt.Errorf("%s has %d entries, more than %d", field, len(texts), most)
	}
	for _, s := range texts {
		if clean(s) != s {
			return fmt.Errorf("%s has an unprintable or too long entry", field)
		}
	}
	return nil
}
