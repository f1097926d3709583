package resync_test

import (
	"fmt"

	"github.com/gsgit/gsgit/resync"
)

// A plan is made from two trees alone, and prints as what `follow --dry-run` shows.
func ExampleCompare() {
	line, red := resync.HashBlob([]byte("<line/>")), resync.HashBlob([]byte("<red/>"))
	plan, err := resync.Compare("3f2c1a", []resync.File{
		{Path: "styles/old.sld", Old: line},
		{Path: "styles/line.sld", Old: line, New: red, Mode: resync.ModeRegular},
		{Path: "workspaces/topp/workspace.xml", New: red, Mode: resync.ModeRegular},
	})
	fmt.Print(plan)
	fmt.Println(err)
	// Output:
	// + workspaces/topp/workspace.xml
	// ~ styles/line.sld
	// - styles/old.sld
	// <nil>
}

func ExampleCompare_refused() {
	_, err := resync.Compare("3f2c1a", []resync.File{
		{Path: "../id_rsa", New: resync.HashBlob(nil), Mode: resync.ModeRegular},
		{Path: "styles/link", New: resync.HashBlob(nil), Mode: 0o120000},
	})
	fmt.Println(err)
	// Output:
	// refuse the tree: "../id_rsa" has .. in it; "styles/link" is no regular file (mode 120000)
}
