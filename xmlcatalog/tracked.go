package xmlcatalog

import (
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Rules decide which files of a data directory belong in history. The zero
// value tracks the catalog, styles, templates and the three security rule files.
type Rules struct {
	// All tracks the whole of security/ instead of the three rule files. There
	// is nothing in between: with a part of it GeoServer does not start.
	All bool
	// Local lists doublestar patterns of files that stay on this node. A
	// pattern that matches a directory covers all that lies in it.
	Local []string
}

// Check reports the first local pattern that can not be read as one.
func (r Rules) Check() error {
	for _, pattern := range r.Local {
		if !doublestar.ValidatePattern(pattern) {
			return fmt.Errorf("local pattern %q is not a valid pattern", pattern)
		}
	}
	return nil
}

// Tracked says whether a file may be in a commit.
func (r Rules) Tracked(name string) bool {
	dir, base := path.Split(name)
	if passing(base) || !r.Descend(strings.TrimSuffix(dir, "/")) || r.local(name) {
		return false
	}
	top, rest, nested := strings.Cut(name, "/")
	if !nested {
		return name != "geoserver-environment.properties"
	}
	switch top {
	case "gwc":
		return strings.HasPrefix(rest, "geowebcache") && strings.HasSuffix(rest, ".xml") && rest != "geowebcache-diskquota-jdbc.xml"
	case "security":
		return r.All || accessRules(name)
	case "monitoring", "geofence", "importer", "notifier":
		return !database(base)
	}
	return true
}

// Descend says whether a tracked file may lie in a directory or below it; the
// root is "". Whoever walks or watches the data directory need not look into
// the others: among them are tile caches of millions of files.
func (r Rules) Descend(dir string) bool {
	if dir == "" {
		return true
	}
	top, rest, nested := strings.Cut(dir, "/")
	switch top {
	case "logs", "tmp", "temp", "legendsamples", "cluster", "data", "coverages", "filelocks":
		return false
	case "gwc":
		return !nested
	case "security":
		if nested && !r.All {
			return false
		}
	case "importer":
		if nested && strings.HasPrefix(rest, "upload") {
			return false
		}
	}
	return !strings.HasPrefix(top, "tmp_wps") && !gitInside(dir) && !r.local(dir)
}

// gitInside finds a repository at any depth: people keep their styles in one.
func gitInside(dir string) bool {
	return dir == ".git" || strings.HasPrefix(dir, ".git/") ||
		strings.HasSuffix(dir, "/.git") || strings.Contains(dir, "/.git/")
}

func (r Rules) local(name string) bool {
	for _, pattern := range r.Local {
		for at := name; at != "." && at != "/" && at != ""; at = path.Dir(at) {
			if doublestar.MatchUnvalidated(strings.TrimSuffix(pattern, "/"), at) {
				return true
			}
		}
	}
	return false
}

// passing names what GeoServer, an editor's save or NFS leave beside the real
// files: half-written files, locks, and the trash of a deleted style.
func passing(base string) bool {
	switch path.Ext(base) {
	case ".tmp", ".lock", ".bak":
		return true
	}
	if at := strings.LastIndex(base, ".bak."); at >= 0 {
		return digits(base[at+len(".bak."):])
	}
	return base == ".git" || strings.HasPrefix(base, ".nfs")
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// database names the files of the embedded databases (H2, HSQL, Derby) that
// the plug-ins keep beside their settings.
func database(base string) bool {
	switch path.Ext(base) {
	case ".db", ".h2", ".script", ".log", ".lobs", ".trace":
		return true
	}
	return false
}

func accessRules(name string) bool {
	switch name {
	case "security/layers.properties", "security/services.properties", "security/rest.properties":
		return true
	}
	return false
}
