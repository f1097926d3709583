package gsgit_test

import "testing"

// G7: bytes that come again are kept once, in this life and the next; other bytes, and the same on another commit,
// are kept as well.
func TestG7SameBytesAreKeptOnce(t *testing.T) {
	o := newOrigin(t)
	s := newSite(t, o.gitDir())
	s.syncs()
	for n := range 2 {
		own := s.edit(buoys, "<title>", "<title>stubborn ")
		s.syncs()
		s.inStep(o.head())
		s.edit(buoys, "<title>", "<title>other ")
		s.syncs()
		s.write(buoys, own)
		s.start(o.gitDir())
		s.syncs()
		s.inStep(o.head())
		if kept := len(s.kept()); kept != 2 {
			t.Fatalf("round %d: kept %d times", n, kept)
		}
	}
	o.then(o.g.SetTitle("harbour:lights", "Lights and fires"))
	s.syncs()
	own := s.edit(buoys, "<title>", "<title>stubborn ")
	s.syncs()
	s.inStep(o.head())
	if len(s.kept()) != 3 || !s.keeps(buoys, own) {
		t.Errorf("kept %v", s.kept())
	}
}
