package xmlcatalog

import (
	"slices"
	"strconv"
	"strings"
)

// Message is what a commit says of its changes, without the trailer lines
// themselves.
type Message struct {
	// Subject has at most 72 characters and names an object.
	Subject string
	// Body has a line for each change; empty where the subject says it all.
	Body string
	// Objects are the values of Gsgit-Object trailers: at most 100, then one
	// that counts the rest.
	Objects []string
	// Author is the user that GeoServer wrote into the files; "" if none.
	Author string
	// How many objects came, changed, went, or got another name.
	Created, Modified, Deleted, Renamed int
	// Touched names every object once: "layer:topp:states".
	Touched []string
}

const (
	maxSubject = 72
	maxLine    = 400
	maxLines   = 200
	maxObjects = 100
)

// Describe puts changes into words. The edits tell the author.
func Describe(changes []Change, edits []Edit) Message {
	m := Message{Author: author(edits)}
	for _, c := range changes {
		m.count(c.Op)
		m.Touched = append(m.Touched, flat(c.Object.String()))
		m.Objects = append(m.Objects, flat(strings.TrimSuffix(c.Object.String()+" "+c.Object.ID, " ")))
	}
	slices.Sort(m.Touched)
	m.Touched = slices.Compact(m.Touched)
	if extra := len(m.Objects) - maxObjects; extra > 0 {
		m.Objects = append(m.Objects[:maxObjects:maxObjects], "… and "+strconv.Itoa(extra)+" more")
	}
	m.Subject = subject(leading(changes), edits)
	m.Body = body(listed(changes), m.Subject)
	return m
}

func (m *Message) count(op Op) {
	switch op {
	case Create:
		m.Created++
	case Delete:
		m.Deleted++
	case Rename, Move:
		m.Renamed++
	default:
		m.Modified++
	}
}

// listed leaves out what goes without saying: what follows from another change,
// the tile cache that came or went with its layer, the defaults that GeoServer
// writes beside a real edit.
func listed(changes []Change) []Change {
	ops := make(map[string]Op)
	for _, c := range changes {
		if c.Object.Kind != Tiles {
			ops[c.Object.ID] = c.Op
		}
	}
	upgrades := allUpgrades(changes)
	return leaveOut(changes, func(c Change) bool {
		return c.follows || c.alongWith(ops[c.Object.ID]) || c.Op == Reserialise && !upgrades
	})
}

// alongWith says that a tile cache only did what its layer did. The styles and
// the extent that it caches are the layer's.
func (c Change) alongWith(layer Op) bool {
	if c.Object.Kind != Tiles || layer == "" || layer == Reserialise {
		return false
	}
	return c.Op == layer && c.Op != Modify || c.Op == Modify && !slices.ContainsFunc(c.Fields, func(f Field) bool {
		subsets := f.Name == "gridSubsets" && !strings.ContainsAny(f.say, "+>") && !strings.Contains(f.say, " - ")
		return f.Name != "parameterFilters" && !subsets
	})
}

// leading is what a subject is made of: not the contents of a workspace that
// came or went, nor a tile cache beside anything else.
func leading(changes []Change) []Change {
	return leaveOut(listed(changes), func(c Change) bool { return c.inside || c.Object.Kind == Tiles })
}

// leaveOut takes changes out of a list, but for when none would be left.
func leaveOut(changes []Change, out func(Change) bool) []Change {
	left := slices.DeleteFunc(slices.Clone(changes), out)
	if len(left) == 0 {
		return changes
	}
	return left
}
