package xmlcatalog

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/beevik/etree"
)

// facts are the id, the name and the references of a file, read with etree from
// the element paths of the documentation: the yardstick of the scanner.
func etreeFacts(t *testing.T, kind fileKind, data []byte) (id, name string, refs []string, err error) {
	text, err := utf8Text(data)
	if err != nil {
		text = []byte(strings.ToValidUTF8(string(data), "\uFFFD"))
	}
	doc := etree.NewDocument()
	doc.ReadSettings.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	if err := doc.ReadFromBytes(text); err != nil {
		return "", "", nil, err
	}
	root := doc.Root()
	if root == nil {
		return "", "", nil, io.ErrUnexpectedEOF
	}
	if kind == namespaceFile {
		name = textOf(root, "prefix")
	} else {
		name = textOf(root, "name")
	}
	id = textOf(root, "id")
	if kind == tilesFile || kind == defaultFile {
		refs, id = append(refs, id), ""
	}
	for _, at := range refPaths(kind) {
		for _, e := range root.FindElements("./" + at + "/id") {
			refs = append(refs, strings.TrimSpace(e.Text()))
		}
	}
	if kind == styleFile && root.SelectElement("filename") != nil {
		refs = append(refs, "body "+textOf(root, "filename"))
	}
	slices.Sort(refs)
	return id, name, refs, nil
}

func textOf(e *etree.Element, name string) string {
	if child := e.SelectElement(name); child != nil {
		return strings.TrimSpace(child.Text())
	}
	return ""
}

func refPaths(kind fileKind) []string {
	switch kind {
	case storeFile, styleFile, workspaceServiceFile, settingsFile, serviceFile, globalFile, loggingFile, gwcFile:
		return []string{"workspace"}
	case resourceFile:
		return []string{"namespace", "store"}
	case layerFile:
		return []string{"resource", "defaultStyle", "styles/style"}
	case groupFile:
		return []string{"workspace", "publishables/published", "styles/style", "rootLayer", "rootLayerStyle", "layers/layer",
			"layerGroupStyles/*/publishables/published", "layerGroupStyles/*/styles/style"}
	}
	return nil
}

// The scanner and etree read the same from every file of the real directories,
// and call the same files broken.
func TestScannerEqualsEtree(t *testing.T) {
	root := os.Getenv("GSGIT_TEST_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	if _, err := os.Stat(root); err != nil {
		t.Skipf("no real data directories here (GSGIT_TEST_DATA): %v", err)
	}
	files := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		within := dataPath(filepath.ToSlash(name))
		row := rowOf(within)
		if row == nil || row.root == "" {
			return nil
		}
		data, err := os.ReadFile(name)
		files++
		compareFacts(t, within, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 3000 {
		t.Errorf("only %d files were compared", files)
	}
}

// dataPath is the path below the data directory.
func dataPath(name string) string {
	for _, mark := range [...]string{"/data_dir/", "/before/", "/after/"} {
		if _, rest, ok := strings.Cut(name, mark); ok {
			return rest
		}
	}
	return name
}

func compareFacts(t *testing.T, path string, data []byte) {
	t.Helper()
	r := readRecord(path, data)
	id, name, refs, err := etreeFacts(t, kindOf(path), data)
	if (err != nil) != (r.wrong != "") {
		t.Errorf("%s: etree says %v, the scanner %q", path, err, r.wrong)
		return
	}
	if err != nil || r.kind == opaqueFile || r.kind == bodyFile {
		return
	}
	var got []string
	for _, ref := range r.refs {
		if ref.role == toBody {
			got = append(got, "body "+strings.TrimPrefix(ref.to, r.dir+"/"))
			continue
		}
		got = append(got, ref.to)
	}
	slices.Sort(got)
	if r.id != id || r.name != name || !slices.Equal(got, refs) {
		t.Errorf("%s: scanner %q %q %q\n etree %q %q %q", path, r.id, r.name, got, id, name, refs)
	}
}

func utf16Bytes(s string, order binary.ByteOrder, mark ...byte) []byte {
	data := slices.Clone(mark)
	for _, unit := range utf16.Encode([]rune(s)) {
		data = append(data, byte(0), byte(0))
		order.PutUint16(data[len(data)-2:], unit)
	}
	return data
}

const umlaut = "<style><id>s</id><name>größe</name></style>"

// Hostile and odd documents: never a crash, and each one read as it should be.
func TestOddDocuments(t *testing.T) {
	deep := strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300)
	for name, c := range map[string]struct {
		data  []byte
		wrong string // part of the reason, "" if the file is whole
	}{
		"plain":              {[]byte(umlaut), ""},
		"byte order mark":    {[]byte("\xEF\xBB\xBF" + umlaut), ""},
		"latin 1":            {[]byte("<?xml version='1.0' encoding='ISO-8859-1'?>" + strings.NewReplacer("ö", "\xF6", "ß", "\xDF").Replace(umlaut)), ""},
		"utf-16, big":        {utf16Bytes(umlaut, binary.BigEndian, 0xFE, 0xFF), ""},
		"utf-16, little":     {utf16Bytes(umlaut, binary.LittleEndian, 0xFF, 0xFE), ""},
		"utf-16, unmarked":   {utf16Bytes(umlaut, binary.LittleEndian), ""},
		"unknown encoding":   {[]byte("<?xml version='1.0' encoding='klingon'?><style><name>\xF6</name></style>"), ""},
		"doctype":            {[]byte("<!DOCTYPE style [<!ELEMENT style ANY>]>" + umlaut), ""},
		"entity bomb":        {[]byte("<!DOCTYPE s [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><style><name>&b;</name></style>"), "entity &b;"},
		"outside file":       {[]byte("<!DOCTYPE s [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><style><name>&a;</name></style>"), "entity &a;"},
		"too deep":           {[]byte("<style>" + deep + "</style>"), "deeper than 200"},
		"empty":              {nil, "empty"},
		"white":              {[]byte(" \n"), "empty"},
		"cut off":            {[]byte(umlaut[:20]), "ends before"},
		"conflict":           {[]byte("<style>\n<<<<<<< HEAD\n<name>a</name>\n=======\n>>>>>>> b\n</style>"), "conflict markers"},
		"two roots":          {[]byte(umlaut + umlaut), "second element"},
		"crossed tags":       {[]byte("<style><a><b></a></b></style>"), "closes nothing"},
		"control character":  {[]byte("<style><name>a\x01</name></style>"), "control character"},
		"stray ampersand":    {[]byte("<style><name>a & b</name></style>"), "begins no entity"},
		"unquoted attribute": {[]byte("<style class=a/>"), "no quoted value"},
		"text around":        {[]byte("x" + umlaut), "outside"},
	} {
		t.Run(name, func(t *testing.T) {
			r := readRecord("styles/a.xml", c.data)
			if c.wrong == "" && r.wrong != "" || !strings.Contains(r.wrong, c.wrong) {
				t.Fatalf("read as %q, want %q", r.wrong, c.wrong)
			}
			if _, err := canonical(c.data); (err != nil) != (c.wrong != "") && name != "unknown encoding" {
				t.Errorf("canonical form says %v", err)
			}
			if c.wrong == "" && r.name != "größe" && name != "unknown encoding" {
				t.Errorf("name is %q", r.name)
			}
		})
	}
}

func TestTooLargeIsNotRead(t *testing.T) {
	if _, err := utf8Text(make([]byte, maxSize+1)); err == nil {
		t.Error("a file over the limit was read")
	}
	large := "<style><name>" + strings.Repeat("x", maxCanonical) + "</name></style>"
	if _, err := canonical([]byte(large)); !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
	if Noise("styles/a.xml", []byte(large), []byte(large+"\n")) {
		t.Error("a file that can not be compared was called noise")
	}
}

// A style body in broken UTF-8 is refused by GeoServer's reader; a catalog file
// is read with the replacement character.
func TestBrokenUTF8(t *testing.T) {
	if r := readRecord("styles/a.sld", []byte("<StyledLayerDescriptor>\xFF</StyledLayerDescriptor>")); r.wrong == "" {
		t.Error("the body was taken")
	}
	if r := readRecord("styles/a.xml", []byte("<style><name>\xFF</name></style>")); r.wrong != "" || r.name != "\uFFFD" {
		t.Errorf("the entry was read as %q, %q", r.name, r.wrong)
	}
}

// Each row of the table is found by a path that its pattern means, and no row
// hides another.
func TestFileTable(t *testing.T) {
	seen := make(map[string]bool)
	for i := range fileTable {
		path := strings.ReplaceAll(fileTable[i].pattern, "*", "x")
		if row := rowOf(path); row != &fileTable[i] {
			t.Errorf("%s finds another row than %s", path, fileTable[i].pattern)
		}
		seen[fileTable[i].pattern] = true
	}
	if len(seen) != len(fileTable) {
		t.Error("a pattern stands twice")
	}
	for _, path := range []string{"x", "a/global.xml", "workspaces/w/a/b/c/layer.xml", "styles/sub/a.xml", "gwc-layers/.xml", "", "workspaces//workspace.xml/"} {
		if row := rowOf(path); row != nil {
			t.Errorf("%q is taken for %s", path, row.pattern)
		}
	}
}
