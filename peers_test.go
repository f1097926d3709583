package gsgit_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
)

// offers serves a history as a node does, and gives the URL for its record.
func offers(t *testing.T, s *gitstore.Store) (*httptest.Server, string) {
	t.Helper()
	server := httptest.NewServer(http.StripPrefix("/git", s.Handler(gitstore.ServeOptions{})))
	t.Cleanup(server.Close)
	return server, server.URL + "/git/"
}

// G9: a new life that finds the broker down asks the sources that were heard last.
func TestG9RememberedSourcesAreAsked(t *testing.T) {
	o := newOrigin(t)
	_, url := offers(t, o.store)
	s := newSite(t, "")
	bus := &topic{}
	s.flags = func(f *gsgit.Follower) { f.Sources.Table, f.Sources.Brokers = bus, []string{"127.0.0.1:9092"} }
	s.start("")
	bus.announces("gs-a", o.tail().String(), o.head().String(), url)
	s.syncs()
	next := o.then(o.g.SetTitle("harbour:buoys", "One"))
	bus.heads, bus.err = nil, errors.New("connection refused")
	s.start("")
	s.syncs()
	s.inStep(next)
}

// G9: the primary is gone: a replica fetches what it announced from another replica that has it.
func TestG9ReplicasFetchFromEachOther(t *testing.T) {
	o := newOrigin(t)
	primary, url := offers(t, o.store)
	bus := &topic{}
	replica := func() *site {
		s := newSite(t, "")
		s.flags = func(f *gsgit.Follower) { f.Sources.Table, f.Sources.Trust = bus, []string{"localhost"} }
		s.start("")
		return s
	}
	one, two := replica(), replica()
	bus.announces("gs-a", o.tail().String(), o.head().String(), url)
	one.syncs()
	two.syncs()
	next := o.then(o.g.SetTitle("harbour:buoys", "One"))
	bus.announces("gs-a", o.tail().String(), next.String(), url)
	one.syncs()
	primary.Close()
	if err := two.sync(); err == nil || two.disk() == next {
		t.Fatalf("nobody can give the commit: %v", err)
	}
	_, peer := offers(t, one.store)
	bus.nodes = []kafkabus.Node{{NodeRecord: kafkabus.NodeRecord{Instance: "gs-one", URL: peer}}}
	two.syncs()
	two.inStep(next)
}

// B7: a first start of the replica's own GeoServer makes files of its own, and each reload writes global.xml anew.
// None of it is drift, and none of it is removed.
func TestB7FirstStartOfTheReplicasGeoServer(t *testing.T) {
	o := newOrigin(t)
	s, g := newSite(t, o.gitDir()), &running{}
	s.syncs()
	s.picksUp(g)
	own := map[string]string{
		"wps.xml":                         "<wps><id>WPSInfoImpl--own</id></wps>",
		"workspaces/survey/wfs.xml":       "<wfs><id>WFSInfoImpl--own</id></wfs>",
		"security/config.xml":             "<securityConfig/>",
		"security/masterpw.digest":        "digest1:own",
		"security/geoserver.jceks":        "keys",
		"workspaces/harbour/styles/a.sld": "<StyledLayerDescriptor/>",
		"palettes/safe.pal":               "0xFFFFFF",
		"demo/GetMap.xml":                 "<GetMap/>",
		"logs/geoserver.log":              "started",
	}
	for file, content := range own {
		s.write(file, content)
	}
	s.edit("global.xml", "<updateSequence>", "<updateSequence>8")
	for range 2 {
		s.f.LookAtAll()
		g.calls = nil
		s.syncs()
		s.picksUp(g)
		if len(s.f.Drifting()) != 0 || len(s.kept()) != 0 || len(g.calls) != 0 {
			t.Fatalf("drift %v, kept %v, calls %v", s.f.Drifting(), s.kept(), g.calls)
		}
	}
	o.then(o.g.SetTitle("harbour:buoys", "One"))
	s.syncs()
	for file, content := range own {
		if !s.has(file) || s.read(file) != content {
			t.Errorf("%s of this GeoServer was touched", file)
		}
	}
}
