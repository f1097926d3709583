package xmlcatalog

import "io/fs"

func IsCatalog(path string) bool               { return false }
func LeftAlone(path string) bool               { return false }
func Noise(path string, old, new []byte) bool  { return string(old) == string(new) }
func Echo(path string, head, disk []byte) bool { return string(head) == string(disk) }

type Catalog struct{}

func Load(fsys fs.FS) (*Catalog, error)              { return &Catalog{}, nil }
func Empty() *Catalog                                { return &Catalog{} }
func (c *Catalog) With(edits []Edit) *Catalog        { return c }
func (c *Catalog) Absorb(edits []Edit)               {}
func (c *Catalog) Count() map[Kind]int               { return nil }
func (c *Catalog) Object(path string) (Object, bool) { return Object{}, false }
func (c *Catalog) Find(word string) []Object         { return nil }
func (c *Catalog) Paths(o Object) []string           { return nil }

type Class string

const (
	Outage  Class = "outage"
	Broken  Class = "broken"
	Dropped Class = "dropped"
	Note    Class = "note"
)

type Damage struct {
	Class  Class
	Object Object
	Path   string
	What   string
	key    string
}

func (d Damage) String() string {
	return string(d.Class) + " " + d.Object.String() + " " + d.Path + ": " + d.What
}
func (d Damage) Key() string                                  { return d.key }
func (c *Catalog) Damage() []Damage                           { return nil }
func NewDamage(before, after *Catalog, edits []Edit) []Damage { return nil }
func Removes(before, after *Catalog, edits []Edit) bool       { return false }

type Op string

const (
	Create      Op = "create"
	Modify      Op = "modify"
	Delete      Op = "delete"
	Rename      Op = "rename"
	Move        Op = "move"
	Replace     Op = "replace"
	Reorder     Op = "reorder"
	Reserialise Op = "reserialise"
)

type Field struct{ Name, Old, New string }
type Change struct {
	Op     Op
	Object Object
	Was    Object
	Fields []Field
}

func Compare(before, after *Catalog, edits []Edit) []Change { return nil }

type Message struct {
	Subject, Body                       string
	Objects                             []string
	Author                              string
	Created, Modified, Deleted, Renamed int
	Touched                             []string
}

func Describe(changes []Change, edits []Edit) Message { return Message{} }
func DescribeImport(c *Catalog) Message               { return Message{} }
