package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/kafkabus"
)

// A site without its rasters has hundreds of notes: a person is told of some, and how many more there are.
func TestStatusIsShort(t *testing.T) {
	n := gsgit.NodeStatus{NodeRecord: kafkabus.NodeRecord{Instance: "gs-a"}}
	for i := range 470 {
		n.Notes = append(n.Notes, gsgit.Note{Object: fmt.Sprintf("store:survey:s%03d", i), What: "its file is away"})
	}
	var out strings.Builder
	printNode(&out, n)
	got := out.String()
	if strings.Count(got, "note\t") != mostLines || !strings.Contains(got, "note\tstore:survey:s000: its file is away\n") || !strings.Contains(got, "… and 450 more") {
		t.Errorf("the status is\n%s", got)
	}
}
