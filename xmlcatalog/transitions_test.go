package xmlcatalog_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gsgit/gsgit/xmlcatalog"
)

// Real changes of a production server, with what a person would say of each.
// The trees hold the changed files only, so ids of others stay ids. An empty
// subject means that nothing is to be committed.
var transitions = []struct{ name, subject, body string }{
	{"01-bulk-modify", "modify 159 templates in predicted_habitat", "modify template predicted_habitat:SWC_pred_seagrass_COND_consolidated_Q1/content.ftl"},
	{"03-datastore-connection-params", "modify store Tas_Marine_Atlas:Tas_Marine_Atlas: jndiReferenceName", "modify store Tas_Marine_Atlas:Tas_Marine_Atlas: jndiReferenceName java:comp/env/jdbc/tasmarineatlas -> java:comp/env/jdbc/tasmarineatlas-dev"},
	{"04-datastore-create", "create store Tas_Marine_Atlas:IMASIMMERSE", ""},
	{"06-featuretype-advertised", "modify layer imos:srs_ghrsst_l3c_1d_h08_ngt_url: advertised", "modify layer imos:srs_ghrsst_l3c_1d_h08_ngt_url: advertised false -> true"},
	{"07-featuretype-bbox-recompute", "modify layer seamap:SeamapAus_QLD_LizardIsland_2014: bounds", "modify layer seamap:SeamapAus_QLD_LizardIsland_2014: latLonBoundingBox recomputed, nativeBoundingBox recomputed"},
	{"10-featuretype-keywords", "modify layer seamap:SeamapAus_National_Benthic_Habitat_Layer_archived20…", "modify layer seamap:SeamapAus_National_Benthic_Habitat_Layer_archived2023: keywords + NBHL"},
	{"13-global-settings", "modify global settings: jai.pngEncoderType (none) -> NATIVE", ""},
	{"15-layer-additional-styles", "modify layer seamap:SeamapAus_BOUNDARIES_CAPAD: styles", "modify layer seamap:SeamapAus_BOUNDARIES_CAPAD: styles + StyleInfoImpl-6ba5e4c7:18bfb63edd7:-5a7a"},
	{"16-layer-default-style", "modify layer aodn:aodn_wave_nrt_v2_timeseries_map: defaultStyle", "modify layer aodn:aodn_wave_nrt_v2_timeseries_map: defaultStyle StyleInfoImpl--71f71ebf:15c43504d80:-5921 -> StyleInfoImpl-a04ea1a:187c0e5e638:-79e1"},
	{"18-layer-delete-recreate-same-path", "replace layer imos:ep_species_list_data (new id)", ""},
	{"20-layergroup-create", "create group seamap:SWC_predicted_habitat", ""},
	{"22-layergroup-members", "modify group RERI:RERI14_AUV_raw_Beagle_2017: members", "modify group RERI:RERI14_AUV_raw_Beagle_2017: members style of LayerInfoImpl--488987c8:198640846b2:-4ee StyleInfoImpl--488987c8:198640846b2:-176e -> StyleInfoImpl--488987c8:198745fa810:1e69"},
	{"24-layergroup-reorder-semantic", "reorder group predicted_habitat:TemperateAus_broadscale_predArea_multin…", "reorder group predicted_habitat:TemperateAus_broadscale_predArea_multinomial_habitat: members"},
	{"26-noise-layer-resave", "", ""},
	{"28-noise-updatesequence-only", "", ""},
	{"30-publish-featuretype", "publish layer imos:gsla_fv02_nrt_timeseries_url", ""},
	{"33-reorder-featuretype-metadata", "", ""},
	{"35-security-change", "modify file security/urlchecks.xml", ""},
	{"36-service-wfs", "modify service fishing:wfs: getFeatureOutputTypeCheckingEnabled …", "modify service fishing:wfs: getFeatureOutputTypeCheckingEnabled false -> true, getFeatureOutputTypes + csv, + json, + gml32"},
	{"38-store-rename", "delete store RERI:Beagle_201808_SS13_12_raw, create 1 store in RERI", "delete store RERI:Beagle_201808_SS13_12_raw\ncreate store RERI:Beagle_201808_SS13_12_raw3"},
	{"39-style-create", "create style aodn:aodn_wave_buoy_nrt", ""},
	{"41-style-move-workspace", "move style BassStrait_geomorph_fin… -> RERI:BassStrait_geomorph_fine_BGU", "move style BassStrait_geomorph_fine_BGU -> RERI:BassStrait_geomorph_fine_BGU"},
	{"43-style-sld-edit", "edit style seamap:SeamapAus_VIC_statewide_habitats: sld", ""},
	{"45-workspace-delete", "delete workspace fishing (1 store)", "delete workspace fishing (1 store)"},
}

func TestTransitions(t *testing.T) {
	dir := realData(t, "transitions")
	for _, want := range transitions {
		t.Run(want.name, func(t *testing.T) {
			rules := xmlcatalog.Rules{All: true}
			before := readTree(t, filepath.Join(dir, want.name, "before"), rules)
			after := readTree(t, filepath.Join(dir, want.name, "after"), rules)
			edits := editsBetween(before, after)
			if want.subject == "" {
				for _, e := range edits {
					if !xmlcatalog.Noise(e.Path, e.Old, e.New) {
						t.Errorf("%s is not called noise", e.Path)
					}
				}
				return
			}
			m := describe(before, after)
			first, _, _ := strings.Cut(m.Body, "\n")
			if m.Subject != want.subject || first != want.body && m.Body != want.body {
				t.Errorf("got\n%s\n\n%s\nwant\n%s\n\n%s", m.Subject, m.Body, want.subject, want.body)
			}
			if utf8.RuneCountInString(m.Subject) > 72 || len(m.Touched) == 0 {
				t.Errorf("subject of %d characters, %d objects", utf8.RuneCountInString(m.Subject), len(m.Touched))
			}
		})
	}
}
