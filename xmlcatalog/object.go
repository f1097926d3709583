package xmlcatalog

import (
	"path"
	"slices"
	"strings"
)

// Kind is what an object is, in the words of commit messages and commands.
type Kind string

// The kinds of objects. A namespace goes with its workspace and a resource
// (feature type, coverage …) with its layer. File is anything that GeoServer
// does not read as part of its catalog: templates, icons, projections.
const (
	Workspace   Kind = "workspace"
	Store       Kind = "store"
	Layer       Kind = "layer"
	Style       Kind = "style"
	Group       Kind = "group"
	Service     Kind = "service"
	Settings    Kind = "settings"
	Global      Kind = "global"
	Logging     Kind = "logging"
	Tiles       Kind = "tiles"
	AccessRules Kind = "rules"
	File        Kind = "file"
)

// Object is something that a GeoServer administrator has a word for.
type Object struct {
	Kind Kind
	// Name is qualified by the workspace ("topp:states"); the path of a File;
	// empty for the two kinds that exist once, Global and Logging.
	Name string
	// ID is GeoServer's own; empty where the kind has none.
	ID string
	// Path is the main file: layer.xml of a layer, workspace.xml of a workspace.
	Path string
}

// String is the object as commands and trailers write it: "layer:topp:states".
func (o Object) String() string {
	if o.Name == "" {
		return string(o.Kind)
	}
	return string(o.Kind) + ":" + o.Name
}

// words is the object as a sentence has it: "layer topp:states".
func (o Object) words() string {
	switch {
	case o.Kind == Global:
		return "global settings"
	case o.Kind == Logging:
		return "logging settings"
	case o.Kind == AccessRules && o.Name == "layers":
		return "security rules"
	case o.Kind == AccessRules:
		return "security rules of " + o.Name
	case o.Kind == File:
		return fileWords(o.Name)
	}
	return string(o.Kind) + " " + o.Name
}

// brief is words with no more of a long path than its end, which tells most.
func (o Object) brief() string {
	words := o.words()
	if len(words) <= briefPath || !strings.HasPrefix(words, "file ") {
		return words
	}
	parts := strings.Split(o.Name, "/")
	from := max(0, len(parts)-2)
	for from > 0 && len(path.Join(parts[from-1:]...)) < briefPath {
		from--
	}
	if from == 0 {
		return words
	}
	return "file …/" + path.Join(parts[from:]...)
}

const briefPath = 48

// fileWords calls a template by the layer that it belongs to.
func fileWords(name string) string {
	parts := strings.Split(name, "/")
	if path.Ext(name) == ".ftl" {
		if len(parts) > 2 && parts[0] == "workspaces" {
			return "template " + parts[1] + ":" + strings.Join(parts[max(2, len(parts)-2):], "/")
		}
		return "template " + strings.TrimPrefix(name, "templates/")
	}
	return "file " + name
}

// Object gives the object that a file belongs to: the layer for both its files,
// the style for its body. It is false where the catalog has no such file.
func (c *Catalog) Object(path string) (Object, bool) {
	r := c.at(path)
	if r == nil {
		return Object{}, false
	}
	return c.objectOf(r), true
}

func (c *Catalog) objectOf(r *record) Object {
	r = c.mainOf(r)
	o := Object{Kind: File, Name: r.path(), ID: r.id, Path: r.path()}
	switch r.kind {
	case globalFile, defaultFile:
		return Object{Kind: Global, Path: "global.xml"}
	case loggingFile:
		o.Kind, o.Name, o.ID = Logging, "", ""
	case serviceFile, workspaceServiceFile:
		o.Kind, o.Name = Service, c.qualified(r, strings.TrimSuffix(r.base, ".xml"))
	case tilesFile:
		o.Kind, o.Name, o.ID = Tiles, r.nameOr(strings.TrimSuffix(r.base, ".xml")), r.to(toTiled)
	case workspaceFile, namespaceFile:
		o.Kind, o.Name = Workspace, r.nameOr(lastName(r.dir))
	case settingsFile:
		o.Kind, o.Name = Settings, c.workspaceName(r.dir)
	case storeFile:
		o.Kind, o.Name = Store, c.qualified(r, r.nameOr(lastName(r.dir)))
	case resourceFile, layerFile:
		o.Kind, o.Name = Layer, c.qualified(r, c.layerName(r))
	case groupFile:
		o.Kind, o.Name = Group, c.qualified(r, r.nameOr(strings.TrimSuffix(r.base, ".xml")))
	case styleFile:
		o.Kind, o.Name = Style, c.qualified(r, r.nameOr(strings.TrimSuffix(r.base, ".xml")))
	case rulesFile:
		o.Kind, o.Name = AccessRules, strings.TrimSuffix(r.base, ".properties")
	}
	return o
}

func (r *record) nameOr(name string) string {
	if r.name != "" {
		return r.name
	}
	return name
}

// layerName is the name of the resource: GeoServer leaves a stale one in
// layer.xml when a layer is renamed over REST.
func (c *Catalog) layerName(r *record) string {
	if resource := c.resourceIn(r.dir); resource != nil && resource.name != "" {
		return resource.name
	}
	return r.nameOr(lastName(r.dir))
}

// mainOf leads from a file to the main file of its object.
func (c *Catalog) mainOf(r *record) *record {
	var main *record
	switch r.kind {
	case resourceFile:
		main = c.file(fileKey{r.dir, "layer.xml"})
	case namespaceFile:
		main = c.file(fileKey{r.dir, "workspace.xml"})
	case bodyFile, opaqueFile:
		main = first(c.referrers(r.path()))
	case defaultFile:
		main = c.file(fileKey{"", "global.xml"})
	}
	if main == nil {
		return r
	}
	return main
}

// main says whether the object of a file is counted at this file.
func (c *Catalog) main(r *record) bool { return c.mainOf(r) == r }

var resourceNames = [...]string{"featuretype.xml", "coverage.xml", "wmslayer.xml", "wmtslayer.xml"}

// resourceIn is the data side of the layer in a directory, nil without one.
func (c *Catalog) resourceIn(dir string) *record {
	for _, name := range resourceNames {
		if r := c.file(fileKey{dir, name}); r != nil {
			return r
		}
	}
	return nil
}

// workspaceDir is "workspaces/NAME" for what lies in a workspace, else "".
func workspaceDir(dir string) string {
	rest, inside := strings.CutPrefix(dir, "workspaces/")
	if !inside {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return dir[:len("workspaces/")+len(name)]
}

// workspaceName is the name of the workspace that a directory lies in: that of
// its file, else of the directory itself; "" outside of any.
func (c *Catalog) workspaceName(dir string) string {
	space := workspaceDir(dir)
	if space == "" {
		return ""
	}
	if r := c.file(fileKey{space, "workspace.xml"}); r != nil && r.name != "" {
		return r.name
	}
	return lastName(space)
}

func (c *Catalog) qualified(r *record, name string) string {
	if space := c.workspaceName(r.dir); space != "" {
		return space + ":" + name
	}
	return name
}

// Paths lists the files of an object: a layer's two, a style with its body
// unless another style uses that too. Templates of a layer are objects of
// their own.
func (c *Catalog) Paths(o Object) []string {
	r := c.at(o.Path)
	if r == nil {
		return nil
	}
	paths := []string{r.path()}
	switch r.kind {
	case layerFile:
		if resource := c.resourceIn(r.dir); resource != nil {
			paths = append(paths, resource.path())
		}
	case workspaceFile:
		paths = append(paths, r.dir+"/namespace.xml")
	case styleFile:
		paths = append(paths, c.ownBody(r)...)
	case globalFile:
		paths = append(paths, "workspaces/default.xml")
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return c.at(p) == nil })
	slices.Sort(paths)
	return paths
}

func (c *Catalog) ownBody(style *record) []string {
	body := style.to(toBody)
	for other := range c.referrers(body) {
		if other != style {
			return nil
		}
	}
	return []string{body}
}
