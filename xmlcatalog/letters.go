package xmlcatalog

// letters adds up the visible ASCII characters of all texts of a document, in
// whatever order they stand, outside of the elements that may be noise. Two
// documents with equal canonical forms have equal sums, since a canonical form
// leaves out only such elements and white space and puts the rest in order. So
// other sums are a difference, found at a fraction of the cost of the forms;
// equal sums say nothing. It is false for what can not be read.
func letters(data []byte) (sum uint64, ok bool) {
	text, err := utf8Text(data)
	if err != nil {
		return 0, false
	}
	s := newScanner(text)
	passing := 0 // depth of the element that is passed over
	for {
		t, err := s.next()
		if err != nil {
			return 0, false
		}
		switch {
		case t.kind == endOfFile:
			return sum, true
		case t.kind == startTag && passing == 0 && mayBeNoise(t.name):
			passing = len(s.open)
		case t.kind == endTag && len(s.open) < passing:
			passing = 0
		case t.kind == textRun && passing == 0:
			for _, c := range []byte(unescape(t.data, t.raw)) {
				sum += letterWeight[c]
			}
		}
	}
}

// mayBeNoise holds for every name that noisy knows, wherever it stands.
func mayBeNoise(name []byte) bool {
	switch string(name) {
	case "dateCreated", "dateModified", "modifiedBy", "updateSequence":
		return true
	}
	return false
}

// letterWeight gives each visible character a weight of its own, so that 13 and
// 22 have other sums. Everything else weighs nothing: it may be white space.
var letterWeight = func() (weight [256]uint64) {
	for c := '!'; c <= '~'; c++ {
		x := uint64(c) * 0x9E3779B97F4A7C15
		x ^= x >> 29
		weight[c] = x * 0xBF58476D1CE4E5B9
	}
	return weight
}()
