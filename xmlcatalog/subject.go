package xmlcatalog

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// subject tries the ways to say it from the fullest to the briefest, and takes
// the first that fits.
func subject(changes []Change, edits []Edit) string {
	if len(changes) == 0 {
		return nothingSaid(edits)
	}
	for _, say := range [...]func([]Change) string{
		fullLines, briefLines, firstFields, bareLines, grouped, firstNamed, firstPlaced, firstAlone,
	} {
		if s := say(changes); s != "" && fits(s) {
			return s
		}
	}
	return firstCut(changes)
}

func fits(s string) bool { return utf8.RuneCountInString(s) <= maxSubject }

// nothingSaid names a file where no object changed, as after noise that
// somebody wants committed.
func nothingSaid(edits []Edit) string {
	if len(edits) == 0 {
		return "no change"
	}
	return cut("record file "+edits[0].Path, maxSubject)
}

func fullLines(changes []Change) string {
	return joined(changes, func(c Change) string { return line(c, Field.words) })
}

// briefLines name the fields without their values.
func briefLines(changes []Change) string {
	return joined(changes, func(c Change) string { return line(c, Field.short) })
}

// firstFields names as many fields of one object as there is room for.
func firstFields(changes []Change) string {
	c := changes[0]
	words := fieldWords(c, Field.short)
	if len(changes) > 1 || c.Op == Create || c.Op == Delete {
		return ""
	}
	for n := len(words) - 1; n > 0; n-- {
		if s := headline(c, Object.words) + ": " + strings.Join(words[:n], ", ") + " …"; fits(s) {
			return flat(s)
		}
	}
	return ""
}

func bareLines(changes []Change) string {
	return joined(changes, func(c Change) string { return headline(c, Object.brief) })
}

func joined(changes []Change, say func(Change) string) string {
	if len(changes) > 4 || len(changes) > 1 && allUpgrades(changes) {
		return ""
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, say(c))
	}
	return strings.Join(lines, "; ")
}

func allUpgrades(changes []Change) bool {
	for _, c := range changes {
		if c.Op != Reserialise {
			return false
		}
	}
	return true
}

// grouped counts the changes of one kind: "publish 212 layers in topp".
func grouped(changes []Change) string {
	if allUpgrades(changes) && len(changes) > 1 {
		return upgradeWords(changes)
	}
	return groupWords(groupsOf(changes), true, true)
}

// firstNamed names the first object, or counts the first kind, and counts all
// others: "delete store topp:old, create 1 store".
func firstNamed(changes []Change) string { return groupWords(groupsOf(changes), false, true) }

// firstPlaced says only of the first where it is.
func firstPlaced(changes []Change) string { return groupWords(groupsOf(changes), false, false) }

// firstAlone counts what is not like the first in one number.
func firstAlone(changes []Change) string {
	first, rest := firstAndRest(changes)
	if s := first + " and " + plural(rest, "more change"); rest == 0 || fits(s) {
		return s
	}
	return first + " and " + strconv.Itoa(rest) + " more"
}

// firstCut is for names that leave no room for anything else.
func firstCut(changes []Change) string {
	first, rest := firstAndRest(changes)
	end := ""
	if rest > 0 {
		end = " and " + strconv.Itoa(rest) + " more"
	}
	room := maxSubject - utf8.RuneCountInString(end)
	if len(changes)-rest == 1 && (changes[0].Op == Rename || changes[0].Op == Move) {
		return renameCut(changes[0], room) + end
	}
	first = strings.TrimSuffix(first, upgradeMark)
	return cutBefore(first, tail(first, changes[0].Object.Kind), room) + end
}

// tail is the end of a text that is to stay: the name of a file, or the words in
// brackets that tell a replaced object from a modified one.
func tail(text string, kind Kind) string {
	mark := " ("
	if kind == File {
		mark = "/"
	}
	at := strings.LastIndex(text, mark)
	if at < 0 || utf8.RuneCountInString(text[at:]) > 24 {
		return ""
	}
	return text[at:]
}

func cutBefore(text, tail string, room int) string {
	return cut(strings.TrimSuffix(text, tail), room-utf8.RuneCountInString(tail)) + tail
}

func firstAndRest(changes []Change) (first string, rest int) {
	groups := groupsOf(changes)
	return groupWords(groups[:1], true, true), len(changes) - len(groups[0])
}

// renameCut leaves out of the new name what it shares with the old one, and then
// rather cuts the old name than what is new.
func renameCut(c Change, room int) string {
	old, new, ok := strings.Cut(headline(c, Object.words), " -> ")
	if !ok {
		return cut(old, room)
	}
	if same := sharedStart([]rune(c.Was.Name), []rune(c.Object.Name)); same > 8 {
		new = "…" + string([]rune(new)[same-4:])
	}
	left := room - utf8.RuneCountInString(new) - len(" -> ")
	if left < room/3 {
		left = room / 2
	}
	return cut(cut(old, left)+" -> "+new, room)
}

func sharedStart(a, b []rune) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// upgradeWords names what an upgrade added to many objects, as far as there is
// room.
func upgradeWords(changes []Change) string {
	seen := make(map[string]bool)
	text := "re-serialise " + plural(len(changes), "object") + upgradeMark
	sep := ": "
	for _, c := range changes {
		for _, f := range c.Fields {
			word := f.words()
			if seen[word] {
				continue
			}
			seen[word] = true
			if next := text + sep + word; fits(next + " …") {
				text, sep = next, ", "
			} else if !strings.HasSuffix(text, "…") {
				return text + " …"
			}
		}
	}
	return text
}
