package xmlcatalog

import (
	"slices"
	"strconv"
	"strings"
)

// list compares two collections member by member: what came, what went, or the
// same in another order.
func (d *differ) list(name string, a, b *element) {
	f := Field{Name: name, Old: show(a, d.oldName), New: show(b, d.newName)}
	gone, come := unmatched(a.kids, b.kids), unmatched(b.kids, a.kids)
	if len(gone) == 0 && len(come) == 0 {
		f.what, f.say = orderField, lastPart(name)+" reordered"
		d.add(f)
		return
	}
	changed, gone, come := d.changedMembers(gone, come)
	switch {
	case len(gone) == 0 && len(come) == 0 && changed.upgrade:
		f.what, f.say = upgradeField, lastPart(name)+" rewritten"
	case numbers(a) && numbers(b):
		f.say = numbersName(name) + " changed"
	default:
		words := append(changed.words, d.memberWords("+", come, d.newName)...)
		words = append(words, d.memberWords("-", gone, d.oldName)...)
		f.say = lastPart(name) + " " + strings.Join(words, ", ")
	}
	d.add(f)
}

// numbers says that a list holds bare numbers, of which none means anything
// alone.
func numbers(e *element) bool {
	return !slices.ContainsFunc(e.kids, func(kid *element) bool { return kid.name != "double" && kid.name != "int" })
}

// numbersName: the coordinates of a grid subset are the extent that is cached.
func numbersName(name string) string {
	if last := lastPart(name); last != "coords" {
		return last
	}
	return "extent"
}

// unmatched gives the members of one list that the other has not, each as often
// as it is missing.
func unmatched(list, other []*element) []*element {
	count := make(map[string]int)
	for _, kid := range other {
		count[kid.sum]++
	}
	var left []*element
	for _, kid := range list {
		if count[kid.sum]--; count[kid.sum] < 0 {
			left = append(left, kid)
		}
	}
	return left
}

// changed is what members say differently that stand in both lists.
type changed struct {
	words   []string
	upgrade bool // no more than a newer GeoServer does by itself
}

// changedMembers finds the members that are still there but say something else,
// and takes them out of what came and went.
func (d *differ) changedMembers(gone, come []*element) (found changed, left, right []*element) {
	found.upgrade = true
	right = slices.Clone(come)
	for _, a := range gone {
		at := slices.IndexFunc(right, func(b *element) bool { return sameMember(a, b) })
		if at < 0 {
			left = append(left, a)
			continue
		}
		words, upgrade := d.memberChange(a, right[at])
		found.words = append(found.words, words)
		found.upgrade = found.upgrade && upgrade
		right = slices.Delete(right, at, at+1)
	}
	return found, left, right
}

func sameMember(a, b *element) bool {
	return a.name == b.name && memberName(a) != "" && memberName(a) == memberName(b)
}

// memberName is the text by which a member is known among its like.
func memberName(e *element) string {
	if e.name == "member" && e.kids[0].kid("id") != nil {
		return e.kids[0].kid("id").text
	}
	for _, name := range [...]string{"name", "gridSetName", "key", "content", "factoryClass", "type"} {
		if kid := e.kid(name); kid != nil {
			return kid.text
		}
	}
	return ""
}

func (d *differ) memberChange(a, b *element) (words string, upgrade bool) {
	if a.name == "member" {
		return "style of " + d.new(b.kids[0]) + " " + arrow(styleSlot(a, d.oldName), styleSlot(b, d.newName)), false
	}
	inner := differ{oldName: d.oldName, newName: d.newName}
	inner.kids("", a, b)
	var said []string
	for _, f := range inner.fields {
		said = append(said, f.words())
	}
	upgrade = len(inner.fields) > 0 && opOf(inner.fields) == Reserialise
	return memberName(a) + " (" + strings.Join(said, ", ") + ")", upgrade
}

// styleSlot: an empty place in the list of styles means the layer's own style.
func styleSlot(member *element, name func(string) string) string {
	if text := show(member.kids[1], name); text != "" {
		return text
	}
	return "default"
}

// memberWords counts where naming each would fill a page.
func (d *differ) memberWords(sign string, kids []*element, name func(string) string) []string {
	if len(kids) > 5 {
		return []string{sign + " " + strconv.Itoa(len(kids))}
	}
	var words []string
	for _, kid := range kids {
		words = append(words, sign+" "+memberLabel(kid, name))
	}
	return words
}

func memberLabel(e *element, name func(string) string) string {
	if e.name == "member" {
		if text := show(e.kids[0], name); text != "" {
			return text
		}
		return "style group"
	}
	if e.key != "" {
		return cut(e.key, 40)
	}
	if label := memberName(e); label != "" {
		return cut(redact(label), 40)
	}
	return cut(show(e, name), 40)
}

// words is the field as a message has it.
func (f Field) words() string {
	if f.say != "" {
		return f.say
	}
	name := f.short()
	if f.Old == "" && f.New == "" {
		return name
	}
	return name + " " + arrow(f.Old, f.New)
}

// short leaves out the elements that hold most of what is ever edited, and
// calls the extents by one name, since they are recomputed together.
func (f Field) short() string {
	if boxName(f.Name) {
		return "bounds"
	}
	for _, prefix := range [...]string{"connectionParameters.", "metadata.", "settings."} {
		if rest, ok := strings.CutPrefix(f.Name, prefix); ok {
			return rest
		}
	}
	return f.Name
}

func arrow(old, new string) string {
	old, new = apart(old, new, mostValue)
	return quoted(old) + " -> " + quoted(new)
}

// apart cuts two long values where they differ, since most often that is one
// word in the middle of a page.
func apart(old, new string, most int) (string, string) {
	a, b := []rune(strings.Join(strings.Fields(old), " ")), []rune(strings.Join(strings.Fields(new), " "))
	same := sharedStart(a, b)
	if max(len(a), len(b)) <= most || same < most/2 {
		return cut(old, most), cut(new, most)
	}
	from := same - most/4
	return cut("…"+string(a[from:]), most), cut("…"+string(b[from:]), most)
}

// mostValue is how much of a value a message shows.
const mostValue = 60

func quoted(value string) string {
	value = cut(value, mostValue)
	switch {
	case value == "":
		return "(none)"
	case strings.ContainsAny(value, " ,;"):
		return `"` + value + `"`
	}
	return value
}
