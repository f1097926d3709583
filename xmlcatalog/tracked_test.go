package xmlcatalog_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/gsgit/gsgit/xmlcatalog"
)

func TestTracked(t *testing.T) {
	rules := xmlcatalog.Rules{Local: []string{"workspaces/*/site/datastore.xml", "styles/icons", "**/*.secret"}}
	all := xmlcatalog.Rules{All: true}
	for path, want := range map[string]bool{
		"global.xml":                                  true,
		"workspaces/topp/s/l/layer.xml":               true,
		"workspaces/data/s/l/title.ftl":               true,
		"workspaces/tmp/logs/gwc/layer.xml":           true,
		"styles/a.sld":                                true,
		"styles/icons/x.svg":                          false,
		"styles/icons2/x.svg":                         true,
		"workspaces/topp/site/datastore.xml":          false,
		"workspaces/topp/other/datastore.xml":         true,
		"user_projections/a.secret":                   false,
		"gwc-gs.xml":                                  true,
		"gwc-layers/L.xml":                            true,
		"gwc/geowebcache.xml":                         true,
		"gwc/geowebcache-diskquota.xml":               true,
		"gwc/geowebcache-diskquota-jdbc.xml":          false,
		"gwc/metadata.properties":                     false,
		"gwc/topp_states/EPSG_4326_00/0_0/00_00.png":  false,
		"gwc/x/geowebcache.xml":                       false,
		"logs/geoserver.log":                          false,
		"logs/DEFAULT_LOGGING.xml":                    false,
		"tmp/x":                                       false,
		"tmp_wps123/x":                                false,
		"temp/x":                                      false,
		"data/states.shp":                             false,
		"coverages/a.tif":                             false,
		"cluster/cluster.properties":                  false,
		"filelocks/x":                                 false,
		"legendsamples/x.png":                         false,
		"styles/a.sld.bak":                            false,
		"styles/a.sld.bak.1":                          false,
		"styles/a.bak.sld":                            true,
		"workspaces/w/x.xml.0b1c.tmp":                 false,
		"security/usergroup/default/users.xml.lock":   false,
		"security/layers.properties":                  true,
		"security/rest.properties":                    true,
		"security/services.properties":                true,
		"security/config.xml":                         false,
		"security/geoserver.jceks":                    false,
		"security/role/layers.properties":             false,
		"geoserver-environment.properties":            false,
		"workspaces/geoserver-environment.properties": true,
		"controlflow.properties":                      true,
		"monitoring/monitor.properties":               true,
		"monitoring/db/monitoring.mv.db":              false,
		"geofence/geofence.mv.db":                     false,
		"importer/importer.properties":                true,
		"importer/uploads/x.zip":                      false,
		".git/config":                                 false,
		"styles/.git/config":                          false,
		"styles/.gitignore":                           true,
		"styles/.nfs0001":                             false,
	} {
		if got := rules.Tracked(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	for path, want := range map[string]bool{
		"security/config.xml": true, "security/geoserver.jceks": true, "security/usergroup/default/users.xml": true,
		"security/usergroup/default/users.xml.lock": false,
	} {
		if got := all.Tracked(path); got != want {
			t.Errorf("with all of security, %s: %v", path, got)
		}
	}
}

func TestDescend(t *testing.T) {
	rules := xmlcatalog.Rules{Local: []string{"workspaces/private/**"}}
	for dir, want := range map[string]bool{
		"": true, "workspaces": true, "workspaces/data": true, "styles": true, "gwc-layers": true,
		"gwc": true, "gwc/topp_states": false, "data": false, "logs": false, ".git": false, "styles/.git": false, "styles/.git/objects": false,
		"security": true, "security/role": false, "importer": true, "importer/uploads": false, "tmp_wps_1": false,
		"workspaces/private": false, "workspaces/private/s": false,
	} {
		if got := rules.Descend(dir); got != want {
			t.Errorf("%q: %v", dir, got)
		}
	}
	if !(xmlcatalog.Rules{All: true}).Descend("security/role") {
		t.Error("all of security stops at a directory")
	}
}

func TestRulesCheck(t *testing.T) {
	if err := (xmlcatalog.Rules{Local: []string{"a/**", "[a-z]"}}).Check(); err != nil {
		t.Error(err)
	}
	if err := (xmlcatalog.Rules{Local: []string{"a", "[a"}}).Check(); err == nil {
		t.Error("a broken pattern was taken")
	}
}

// What the file system of the rules shows is what the rules track, and nothing
// below a directory that they do not descend into is opened.
func TestTrackedFS(t *testing.T) {
	tree := fstest.MapFS{}
	for _, path := range []string{"global.xml", "gwc/a/b.png", "gwc/geowebcache.xml", "data/x.shp", "styles/a.sld", "styles/a.sld.bak", "security/config.xml", "security/rest.properties"} {
		tree[path] = &fstest.MapFile{}
	}
	tree["link"] = &fstest.MapFile{Data: []byte("/etc"), Mode: fs.ModeSymlink}
	var seen []string
	err := fs.WalkDir(xmlcatalog.Rules{}.FS(tree), ".", func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			seen = append(seen, path)
		}
		return err
	})
	want := []string{"global.xml", "gwc/geowebcache.xml", "security/rest.properties", "styles/a.sld"}
	if err != nil || len(seen) != len(want) {
		t.Fatalf("%v, %v", seen, err)
	}
	for i := range want {
		if seen[i] != want[i] {
			t.Errorf("%v", seen)
		}
	}
}

func TestLeftAlone(t *testing.T) {
	for path, want := range map[string]bool{
		"workspaces/default.xml": true, "wms.xml": true, "workspaces/w/wms.xml": true, "logging.xml": true, "gwc-gs.xml": true, "global.xml": true,
		"styles/generic.xml": true, "styles/generic.sld": true, "styles/point.xml": true, "styles/mine.xml": false, "workspaces/w/styles/point.xml": false,
		"security/layers.properties": true, "security/config.xml": true, "x/y.ftl": true, "workspaces/w/s/l/layer.xml": false,
		"workspaces/w/workspace.xml": false, "gwc-layers/L.xml": false, "layergroups/g.xml": false,
	} {
		if got := xmlcatalog.LeftAlone(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestIsCatalog(t *testing.T) {
	for path, want := range map[string]bool{
		"global.xml": true, "workspaces/w/s/l/coverage.xml": true, "security/rest.properties": true, "gwc-layers/L.xml": true,
		"styles/a.sld": false, "workspaces/w/s/l/filters.xml": false, "gwc/geowebcache.xml": false, "security/config.xml": false,
	} {
		if got := xmlcatalog.IsCatalog(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
