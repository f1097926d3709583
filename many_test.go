package gsgit_test

import (
	"fmt"
	"testing"
)

// A thousand files changed by hand are a thousand files healed, in one commit.
func TestG7ThousandFilesChangedByHand(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand files take their time")
	}
	o := newOrigin(t)
	body := blob(t, o.store, o.head(), depth)
	for i := range 1000 {
		if err := o.g.New(fmt.Sprintf("styles/many/%04d.sld", i), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	o.commit()
	s := newSite(t, o.gitDir())
	s.syncs()
	for i := range 1000 {
		s.write(fmt.Sprintf("styles/many/%04d.sld", i), body+"<!-- own -->")
	}
	s.syncs()
	s.inStep(o.head())
	if kept := s.kept(); len(kept) != 1 || !s.keeps("styles/many/0999.sld", body+"<!-- own -->") {
		t.Errorf("kept %v", kept)
	}
}
