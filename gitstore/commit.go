package gitstore

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Signature says who and when. The zone of When is kept, fractions of a second are not.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Commit is one point of the history.
type Commit struct {
	ID, Tree          Hash
	Parents           []Hash
	Author, Committer Signature
	Message           string
}

// Subject is the first line of the message.
func (c Commit) Subject() string {
	subject, _, _ := strings.Cut(strings.TrimLeft(c.Message, "\n"), "\n")
	return strings.TrimSpace(subject)
}

// Trailers gives the values of "key: value" lines in the last paragraph of the message, in order. The subject is never
// taken for a trailer, and the case of the key does not matter.
func (c Commit) Trailers(key string) []string {
	paragraphs := strings.Split(strings.TrimSpace(c.Message), "\n\n")
	if len(paragraphs) < 2 {
		return nil
	}
	var values []string
	for line := range strings.SplitSeq(paragraphs[len(paragraphs)-1], "\n") {
		name, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(strings.TrimSpace(name), key) {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

// Commit reads a commit; errors.Is(err, ErrNotFound) where it is not here.
func (s *Store) Commit(id Hash) (Commit, error) {
	content, err := s.objectOf(kindCommit, id)
	if err != nil {
		return Commit{}, err
	}
	c, err := parseCommit(content)
	if err != nil {
		return Commit{}, &storeError{text: "commit " + id.String(), cause: err, permanent: true}
	}
	c.ID = id
	return c, nil
}

// parseCommit reads the lines that are used and passes over others, like signatures, whose further lines start with a
// space.
func parseCommit(content []byte) (c Commit, err error) {
	head, message, _ := bytes.Cut(content, []byte("\n\n"))
	c.Message = string(message)
	for line := range strings.SplitSeq(string(head), "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tree":
			c.Tree, err = ParseHash(value)
		case "parent":
			var parent Hash
			parent, err = ParseHash(value)
			c.Parents = append(c.Parents, parent)
		case "author":
			c.Author = parseSignature(value)
		case "committer":
			c.Committer = parseSignature(value)
		}
		if err != nil {
			return c, err
		}
	}
	if c.Tree.IsZero() {
		return c, fmt.Errorf("no tree in %q", cut(string(head), 80))
	}
	return c, nil
}

// parseSignature reads "Name <email> seconds zone"; what is malformed stays empty, as in git.
func parseSignature(line string) (g Signature) {
	end := strings.LastIndexByte(line, '>')
	start := strings.IndexByte(line, '<')
	if start < 0 || end < start {
		return g
	}
	g.Name, g.Email = strings.TrimSpace(line[:start]), line[start+1:end]
	seconds, zone, _ := strings.Cut(strings.TrimSpace(line[end+1:]), " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return g
	}
	g.When = time.Unix(unix, 0).UTC()
	if at, err := time.Parse("-0700", zone); err == nil {
		g.When = g.When.In(at.Location())
	}
	return g
}

func encodeCommit(tree Hash, parents []Hash, author, committer Signature, message string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", tree)
	for _, p := range parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n", author.line(), committer.line())
	message = strings.TrimRight(strings.ReplaceAll(message, "\x00", ""), "\n")
	b.WriteString(message)
	b.WriteByte('\n')
	return b.Bytes()
}

func (g Signature) line() string {
	when := g.When
	if when.Unix() < 0 {
		when = time.Unix(0, 0).UTC() // the zero time, or a clock before 1970, which git can not write
	}
	name := plain(g.Name)
	if name == "" {
		name = "unknown"
	}
	return fmt.Sprintf("%s <%s> %d %s", name, plain(g.Email), when.Unix(), when.Format("-0700"))
}

// plain takes out what would end a name or an address early; names come from files that anyone may write.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == '<' || r == '>' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	return strings.Trim(s, " .,:;\"'\\")
}
