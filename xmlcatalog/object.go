package xmlcatalog

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
