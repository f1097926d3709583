package xmlcatalog_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/xmlcatalog"
)

func loadReal(t testing.TB, name string) *xmlcatalog.Catalog {
	t.Helper()
	dir := filepath.Join(realData(t, name), "data_dir")
	c, err := xmlcatalog.Load(xmlcatalog.Rules{}.FS(os.DirFS(dir)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What check says of the real directories. Each line was verified against the
// files by other means: ids that stand twice, bodies and halves that lack.
func TestCheckOfRealDirectories(t *testing.T) {
	want := map[string][]string{
		"imas-2.28": {
			"broken style:LINE_SAMPLE styles/ANIMAL_TRACKING_dots.xml: its body LINE_SAMPLE.sld is not there",
			"broken style:probability_ERROR_multinomial_macroalgae styles/probability_ERROR_multinomial_consolidated.xml: its body probability_ERROR_multinomial_macroalgae.sld is not there",
			"broken style:red_poly styles/mapped_extent_AbHab.xml: its body red_poly.sld is not there",
			"dropped layer:SoE:SoE_2016_pH_ltt workspaces/SoE/SoE_2016_pH_ltt/SoE_2016_pH_ltt/coverage.xml: layer.xml is not there; the layer is left out",
			"dropped layer:seamap:SoE_2016_pH_ltt workspaces/seamap/SoE_2016_pH_ltt/SoE_2016_pH_ltt/coverage.xml: its id is also that of workspaces/SoE/SoE_2016_pH_ltt/SoE_2016_pH_ltt/coverage.xml",
			"dropped store:seamap:SoE_pH_ltt workspaces/seamap/SoE_2016_pH_ltt/coveragestore.xml: its id is also that of workspaces/SoE/SoE_2016_pH_ltt/coveragestore.xml",
			"dropped style:NESP:MaC_4-8_PBW_habSuit_foraging_trackingdata workspaces/NESP/styles/MaC_4-8_PBW_habSuit_foraging_trackingdata.xml: its id is also that of workspaces/NESP/styles/MaC_4-8_PBW_habSuit_foraging.xml",
			"dropped style:imas:ANIMAL_TRACKING_dots workspaces/imas/styles/ANIMAL_TRACKING_dots.xml: its id is also that of styles/ANIMAL_TRACKING_dots.xml",
			"dropped style:imas:abalone_habitat_mapped_extent workspaces/imas/styles/abalone_habitat_mapped_extent.xml: its id is also that of styles/mapped_extent_AbHab.xml",
			"dropped style:predicted_habitat:probability_ERROR_multinomial_consolidated workspaces/predicted_habitat/styles/probability_ERROR_multinomial_consolidated.xml: its id is also that of styles/probability_ERROR_multinomial_consolidated.xml",
			"dropped style:seamap:SeamapAus_NT_Yanyuwa_seagrass_intertidal_2023 workspaces/seamap/styles/SeamapAus_NT_Yanyuwa_seagrass_intertidal_2023.xml: its id is also that of workspaces/seamap/styles/SeamapAus_NT_Yanyuwa_seagrass_intertidal_2022.xml",
			"note file:workspaces/seamap/styles/SeamapAus_ET_EOMAP_CocosKeeling_grp.sld workspaces/seamap/styles/SeamapAus_ET_EOMAP_CocosKeeling_grp.sld: XML can not be read: XML version 0.7 is not known",
			"note file:workspaces/seamap/styles/geomorphometry_Dove_per_AMP_TEST.sld workspaces/seamap/styles/geomorphometry_Dove_per_AMP_TEST.sld: file is empty",
		},
	}
	for _, name := range realDirectories {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range loadReal(t, name).Damage() {
				got = append(got, d.String())
			}
			if !slices.Equal(got, want[name]) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want[name], "\n"))
			}
		})
	}
}

func TestCountsOfRealDirectories(t *testing.T) {
	for name, want := range map[string]string{
		"geoserver-release-3.0": "import data directory: 8 workspaces, 24 layers, 10 stores, 4 groups …",
		"geoserver-minimal-3.0": "import data directory: 2 workspaces, 5 styles",
		"imas-2.28":             "import data directory: 16 workspaces, 1268 layers, 514 stores …",
	} {
		if got := xmlcatalog.DescribeImport(loadReal(t, name)).Subject; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
