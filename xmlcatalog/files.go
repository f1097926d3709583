package xmlcatalog

import "strings"

// fileKind is what a file is, by its path alone.
type fileKind uint8

const (
	opaqueFile fileKind = iota
	globalFile
	loggingFile
	serviceFile
	gwcFile
	tilesFile
	defaultFile
	workspaceFile
	namespaceFile
	settingsFile
	workspaceServiceFile
	storeFile
	resourceFile
	layerFile
	groupFile
	styleFile
	bodyFile
	rulesFile
)

// fileRow is one row of the table of file kinds.
type fileRow struct {
	pattern string // slash pattern; * is one name or the middle of one
	root    string // the element that the file starts with, where it is XML
	kind    fileKind
	object  Kind
	says    string
}

// fileTable lists every path that GeoServer reads as catalog or configuration.
// A path that no row matches is an opaque file: tracked, never parsed. Plug-ins
// bring their own XML, so an unknown file must never be an error.
// docs/tracked-files.md is made from this table.
var fileTable = []fileRow{
	{"global.xml", "global", globalFile, Global, "settings of the whole server; <updateSequence> counts up at every change"},
	{"logging.xml", "logging", loggingFile, Logging, "log profile and place"},
	{"wms.xml", "wms", serviceFile, Service, "WMS"},
	{"wfs.xml", "wfs", serviceFile, Service, "WFS"},
	{"wcs.xml", "wcs", serviceFile, Service, "WCS"},
	{"wmts.xml", "wmts", serviceFile, Service, "WMTS"},
	{"wps.xml", "wps", serviceFile, Service, "WPS"},
	{"csw.xml", "csw", serviceFile, Service, "CSW"},
	{"w3ds.xml", "w3ds", serviceFile, Service, "W3DS (plug-in)"},
	{"gwc-gs.xml", "GeoServerGWCConfig", gwcFile, File, "defaults of the tile cache; read once, at start"},
	{"gwc-layers/*.xml", "GeoServerTileLayer", tilesFile, Tiles, "tile cache of one layer or group, named by its id"},
	{"workspaces/default.xml", "workspace", defaultFile, Global, "copy of the default workspace, possibly with a stale name"},
	{"workspaces/*/workspace.xml", "workspace", workspaceFile, Workspace, "GeoServer needs it and namespace.xml"},
	{"workspaces/*/namespace.xml", "namespace", namespaceFile, Workspace, "joined to the workspace by name"},
	{"workspaces/*/settings.xml", "settings", settingsFile, Settings, "settings of one workspace"},
	{"workspaces/*/wms.xml", "wms", workspaceServiceFile, Service, "WMS of one workspace"},
	{"workspaces/*/wfs.xml", "wfs", workspaceServiceFile, Service, "WFS of one workspace"},
	{"workspaces/*/wcs.xml", "wcs", workspaceServiceFile, Service, "WCS of one workspace"},
	{"workspaces/*/wmts.xml", "wmts", workspaceServiceFile, Service, "WMTS of one workspace"},
	{"workspaces/*/wps.xml", "wps", workspaceServiceFile, Service, "WPS of one workspace"},
	{"workspaces/*/csw.xml", "csw", workspaceServiceFile, Service, "CSW of one workspace"},
	{"workspaces/*/*/datastore.xml", "dataStore", storeFile, Store, "vector store; may hold a password"},
	{"workspaces/*/*/coveragestore.xml", "coverageStore", storeFile, Store, "raster store"},
	{"workspaces/*/*/wmsstore.xml", "wmsStore", storeFile, Store, "cascaded WMS; may hold a password"},
	{"workspaces/*/*/wmtsstore.xml", "wmtsStore", storeFile, Store, "cascaded WMTS; may hold a password"},
	{"workspaces/*/*/*/featuretype.xml", "featureType", resourceFile, Layer, "data side of a layer"},
	{"workspaces/*/*/*/coverage.xml", "coverage", resourceFile, Layer, "data side of a layer"},
	{"workspaces/*/*/*/wmslayer.xml", "wmsLayer", resourceFile, Layer, "data side of a layer"},
	{"workspaces/*/*/*/wmtslayer.xml", "wmtsLayer", resourceFile, Layer, "data side of a layer"},
	{"workspaces/*/*/*/layer.xml", "layer", layerFile, Layer, "publication side of a layer; GeoServer needs both"},
	{"layergroups/*.xml", "layerGroup", groupFile, Group, "group of layers"},
	{"workspaces/*/layergroups/*.xml", "layerGroup", groupFile, Group, "group of one workspace"},
	{"styles/*.xml", "style", styleFile, Style, "entry of a style; <filename> names its body"},
	{"workspaces/*/styles/*.xml", "style", styleFile, Style, "entry of a style of one workspace"},
	{"styles/*.sld", "StyledLayerDescriptor", bodyFile, Style, "body of a style; bytes and encoding are kept"},
	{"styles/*.css", "", bodyFile, Style, "body of a style"},
	{"styles/*.ysld", "", bodyFile, Style, "body of a style"},
	{"styles/*.yaml", "", bodyFile, Style, "body of a style"},
	{"styles/*.json", "", bodyFile, Style, "body of a style"},
	{"styles/*.mbstyle", "", bodyFile, Style, "body of a style"},
	{"styles/*.zip", "", bodyFile, Style, "body of a style with its icons"},
	{"workspaces/*/styles/*.sld", "StyledLayerDescriptor", bodyFile, Style, "body of a style of one workspace"},
	{"workspaces/*/styles/*.css", "", bodyFile, Style, "body of a style of one workspace"},
	{"workspaces/*/styles/*.ysld", "", bodyFile, Style, "body of a style of one workspace"},
	{"workspaces/*/styles/*.yaml", "", bodyFile, Style, "body of a style of one workspace"},
	{"workspaces/*/styles/*.json", "", bodyFile, Style, "body of a style of one workspace"},
	{"workspaces/*/styles/*.mbstyle", "", bodyFile, Style, "body of a style of one workspace"},
	{"workspaces/*/styles/*.zip", "", bodyFile, Style, "body of a style with its icons"},
	{"security/layers.properties", "", rulesFile, AccessRules, "access rules of layers"},
	{"security/services.properties", "", rulesFile, AccessRules, "access rules of services"},
	{"security/rest.properties", "", rulesFile, AccessRules, "access rules of the REST API"},
}

// fileIndex finds the row of a path: by its last name, else by its extension.
// Both are checked against the pattern, so that the table alone decides.
var fileIndex = indexFiles(fileTable)

func indexFiles(table []fileRow) map[string][]*fileRow {
	index := make(map[string][]*fileRow)
	for i := range table {
		key := lastName(table[i].pattern)
		index[strings.TrimPrefix(key, "*")] = append(index[strings.TrimPrefix(key, "*")], &table[i])
	}
	return index
}

// rowOf is nil for an opaque file.
func rowOf(path string) *fileRow {
	base := lastName(path)
	if row := matchRow(fileIndex[base], path); row != nil {
		return row
	}
	dot := strings.LastIndexByte(base, '.')
	if dot < 0 {
		return nil
	}
	return matchRow(fileIndex[base[dot:]], path)
}

func matchRow(rows []*fileRow, path string) *fileRow {
	for _, row := range rows {
		if matches(row.pattern, path) {
			return row
		}
	}
	return nil
}

// matches is a pattern match of the few forms that the table has; it runs for
// each of some hundred thousand paths at a start.
func matches(pattern, path string) bool {
	for {
		want, patternRest, more := strings.Cut(pattern, "/")
		have, pathRest, deeper := strings.Cut(path, "/")
		if more != deeper || !matchName(want, have) {
			return false
		}
		if !more {
			return true
		}
		pattern, path = patternRest, pathRest
	}
}

func matchName(want, have string) bool {
	if end, ok := strings.CutPrefix(want, "*"); ok {
		return len(have) > len(end) && strings.HasSuffix(have, end)
	}
	return want == have
}

func kindOf(path string) fileKind {
	if row := rowOf(path); row != nil {
		return row.kind
	}
	return opaqueFile
}

func lastName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// dirOf is the directory of a path, "" at the top.
func dirOf(path string) string {
	if at := strings.LastIndexByte(path, '/'); at >= 0 {
		return path[:at]
	}
	return ""
}

// IsCatalog says whether GeoServer reads the file as part of its catalog or
// configuration, so that one too many of it is an object too many.
func IsCatalog(path string) bool {
	kind := kindOf(path)
	return kind != opaqueFile && kind != bodyFile
}

// Opaque says that GeoServer reads the file, if at all, as something else than
// catalog, configuration or the body of a style: an icon, a template, data.
func Opaque(path string) bool { return kindOf(path) == opaqueFile }

// LeftAlone says whether healing a replica must keep its hands off a file that
// the head does not have: it is opaque, or GeoServer makes it again by itself.
// The caller must further keep gwc-layers files of layers that the head has.
func LeftAlone(path string) bool {
	switch kindOf(path) {
	case opaqueFile, bodyFile, defaultFile, serviceFile, workspaceServiceFile, loggingFile, gwcFile, rulesFile, globalFile:
		return true
	case styleFile:
		return defaultStyle(path)
	}
	return false
}

func defaultStyle(path string) bool {
	switch path {
	case "styles/generic.xml", "styles/point.xml", "styles/line.xml", "styles/polygon.xml", "styles/raster.xml":
		return true
	}
	return false
}
