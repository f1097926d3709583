package xmlcatalog

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// Noise says that two versions of a file say the same: they differ, if at all,
// by what GeoServer rewrites without anybody's wish. Nil on either side is
// never noise. A password under another ciphertext is not noise: it may have
// been rotated, and that must travel.
func Noise(path string, old, new []byte) bool {
	if old == nil || new == nil {
		return false
	}
	if bytes.Equal(old, new) {
		return true
	}
	switch row := rowOf(path); {
	case row == nil && strings.HasSuffix(path, ".properties"):
		return slices.Equal(undated(old), undated(new))
	case row == nil:
		return false
	case row.kind == rulesFile:
		return sameRules(old, new)
	case row.kind == bodyFile:
		return !strings.HasSuffix(path, ".zip") && len(old) > 0 && len(new) > 0 && bytes.Equal(unixLines(old), unixLines(new))
	}
	if before, ok := letters(old); ok {
		if after, ok := letters(new); ok && before != after {
			return false
		}
	}
	a, errA := canonical(old)
	b, errB := canonical(new)
	return errA == nil && errB == nil && a.sum == b.sum
}

// Echo says that a replica's file is what its own GeoServer made of the head's:
// noise, passwords encrypted anew with its own key, or the same object written
// the way of another version. None of it is drift.
func Echo(path string, head, disk []byte) bool {
	if Noise(path, head, disk) {
		return true
	}
	if head == nil || disk == nil || !IsCatalog(path) || !strings.HasSuffix(path, ".xml") {
		return false
	}
	a, errA := canonical(head)
	b, errB := canonical(disk)
	if errA != nil || errB != nil || a.name != b.name {
		return false
	}
	plain := func(id string) string { return id }
	d := differ{oldName: plain, newName: plain}
	d.diff("", a, b)
	return !slices.ContainsFunc(d.fields, func(f Field) bool {
		return f.what != cipherField && f.what != upgradeField
	})
}

// unixLines is a body with LF line ends: saving a style in GeoServer's user
// interface turns all of them into CRLF.
func unixLines(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) }

var javaDate = regexp.MustCompile(`^#(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d{2} \d{2}:\d{2}:\d{2} .*\d{4}$`)

// undated gives the lines of a properties file without the date that Java puts
// at its top.
func undated(data []byte) []string {
	lines := strings.Split(string(unixLines(data)), "\n")
	lines = slices.DeleteFunc(lines, javaDate.MatchString)
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// sameRules: GeoServer keeps rules and their roles in hash tables and writes
// them in the order of those.
func sameRules(old, new []byte) bool {
	a, b := ruleLines(old), ruleLines(new)
	slices.Sort(a)
	slices.Sort(b)
	return len(old) > 0 == (len(new) > 0) && slices.Equal(a, b)
}

// ruleLines brings the roles of each rule into one order.
func ruleLines(data []byte) []string {
	lines := undated(data)
	for i, line := range lines {
		key, roles, ok := strings.Cut(line, "=")
		if ok && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			list := strings.Split(roles, ",")
			slices.Sort(list)
			lines[i] = key + "=" + strings.Join(list, ",")
		}
	}
	return lines
}
