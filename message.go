package gsgit

import (
	"strings"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// committerName is in every commit of gsgit, and tells our own commits from a person's.
const committerName = "gsgit"

// Trailer keys of docs/cli.md.
const (
	trailerInstance = "Gsgit-Instance"
	trailerObject   = "Gsgit-Object"
	trailerDamage   = "Gsgit-Damage"
)

// commitMessage puts a commit's text together: subject, a line a change, trailers.
func commitMessage(m xmlcatalog.Message, instance string, damage []xmlcatalog.Damage) string {
	var b strings.Builder
	b.WriteString(m.Subject + "\n\n")
	if m.Body != "" {
		b.WriteString(strings.TrimRight(m.Body, "\n") + "\n\n")
	}
	trailer(&b, trailerInstance, instance)
	for _, o := range m.Objects {
		trailer(&b, trailerObject, o)
	}
	for _, d := range damage {
		trailer(&b, trailerDamage, d.String())
	}
	return b.String()
}

// trailer writes one line: a name from a file must not be able to end it and begin another trailer.
func trailer(b *strings.Builder, key, value string) {
	b.WriteString(key + ": " + oneLine(value) + "\n")
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// author is who the changed files name, else the instance.
func author(name, instance string) gitstore.Signature {
	if name == "" {
		name = instance
	}
	return gitstore.Signature{Name: signable(name), Email: signable(name) + "@" + instance, When: time.Now()}
}

func committer(instance string) gitstore.Signature {
	return gitstore.Signature{Name: committerName, Email: "gsgit@" + instance, When: time.Now()}
}

// signable keeps what would end a name in a git signature out of it.
func signable(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '<' || r == '>' || r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if name = strings.Trim(name, " .,:;\"'"); name == "" {
		return "unknown"
	}
	return name
}
