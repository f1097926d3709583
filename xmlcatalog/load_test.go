package xmlcatalog_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// failing opens one file with an error.
type failing struct {
	fs.FS
	path string
	err  error
}

func (f failing) Open(name string) (fs.File, error) {
	if name == f.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
	}
	return f.FS.Open(name)
}

func mapFS(tree map[string][]byte) fs.FS {
	files := fstest.MapFS{}
	for path, data := range tree {
		files[path] = &fstest.MapFile{Data: data}
	}
	return files
}

func TestLoadSaysWhatItCouldNotRead(t *testing.T) {
	c, err := xmlcatalog.Load(failing{mapFS(sound()), "styles/y.xml", fs.ErrPermission})
	if !errors.Is(err, fs.ErrPermission) || c != nil || !strings.Contains(err.Error(), "read styles/y.xml") {
		t.Errorf("got %v, %v", c, err)
	}
	if _, err := xmlcatalog.Load(failing{mapFS(sound()), ".", fs.ErrPermission}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
}

// A file may go away between the look into its directory and the read.
func TestLoadPassesOverWhatIsGone(t *testing.T) {
	c, err := xmlcatalog.Load(failing{mapFS(sound()), "styles/y.sld", fs.ErrNotExist})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Damage(); len(got) != 1 || got[0].What != "its body y.sld is not there" {
		t.Errorf("got %v", got)
	}
}

func TestUnreadable(t *testing.T) {
	for path, content := range map[string]string{"styles/y.xml": "<style", "styles/y.sld": "", "styles/y.css": " \n", "global.xml": "<wms/>"} {
		if xmlcatalog.Unreadable(path, []byte(content)) == "" {
			t.Errorf("%s with %q was taken", path, content)
		}
	}
	for path, content := range map[string]string{"styles/y.xml": "<style/>", "x.ftl": "", "workspaces/w/s/l/filters.xml": "<f", "styles/odd.xml": "<odd/>"} {
		if why := xmlcatalog.Unreadable(path, []byte(content)); why != "" {
			t.Errorf("%s with %q: %s", path, content, why)
		}
	}
}
