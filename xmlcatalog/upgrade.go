package xmlcatalog

import "strings"

// defaults are the values that a newer GeoServer writes out for what an older
// one left unsaid, each seen in a save without a change. Another value in their
// place is an edit: <queryable>false</queryable> that appears was somebody's
// wish.
var defaults = map[string]string{
	"advertised":                         "true",
	"allowStoredQueriesPerWorkspace":     "true",
	"autoEscapeTemplateValues":           "false",
	"bboxForEachCRS":                     "false",
	"cacheConfiguration.enabled":         "false",
	"cacheConfiguration.maxEntries":      "1000",
	"cacheConfiguration.maxEntrySize":    "51200",
	"circularArcPresent":                 "false",
	"defaultGroupStyleEnabled":           "true",
	"dimensionInfo.enabled":              "false",
	"disableOnConnFailure":               "false",
	"enabled":                            "true",
	"encodeMeasures":                     "false",
	"exceptionOnInvalidDimension":        "false",
	"forcedDecimal":                      "false",
	"format":                             "sld",
	"hideEmptyRules":                     "false",
	"isolated":                           "false",
	"languageVersion.version":            "1.0.0",
	"localWorkspaceIncludesPrefix":       "false",
	"logoHeight":                         "0",
	"logoWidth":                          "0",
	"maxRequestedDimensionValues":        "100",
	"opaque":                             "false",
	"overridingServiceSRS":               "false",
	"padWithZeros":                       "false",
	"path":                               "/",
	"queryable":                          "true",
	"rangeReaderSettings":                "HTTP",
	"remoteStyleMaxRequestTime":          "60000",
	"remoteStyleTimeout":                 "30000",
	"resourceErrorHandling":              "SKIP_MISCONFIGURED_LAYERS",
	"serviceConfiguration":               "false",
	"showCreatedTimeColumnsInAdminList":  "false",
	"showModifiedTimeColumnsInAdminList": "false",
	"showModifiedUserAdminList":          "false",
	"simpleConversionEnabled":            "false",
	"skipNumberMatched":                  "false",
	"trailingSlashMatch":                 "true",
	"transformFeatureInfoDisabled":       "false",
	"useCachingStream":                   "false",
	"useHeadersProxyURL":                 "false",
}

// byUpgrade says that an element which only one side has is a default that a
// newer GeoServer writes, or one that it no longer writes: the object is the
// same.
func byUpgrade(name string, e *element) bool {
	switch lastPart(name) {
	case "userDetailsDisplaySettingsInfo", "userDetailsDisplaySettings":
		return true
	case "binding": // Java class of an attribute, taken from the data
		return e.leaf()
	}
	if nativeImaging(name) {
		return true
	}
	return e.blank() || untranslated(name, e) || e.leaf() && e.key == "" && isDefault(name, strings.TrimSpace(e.text))
}

// nativeImaging are settings of native libraries that GeoServer no longer uses: its first save drops them.
func nativeImaging(name string) bool {
	setting, ok := strings.CutPrefix(name, "jai.")
	setting, _, _ = strings.Cut(setting, ".")
	switch setting {
	case "allowNativeMosaic", "allowNativeWarp", "jaiext", "jpegAcceleration", "pngAcceleration":
		return ok
	}
	return false
}

// untranslated is a text for which nobody has written a translation.
func untranslated(name string, e *element) bool {
	return strings.HasPrefix(lastPart(name), "international") && e.leaf() && strings.TrimSpace(e.text) == ""
}

// isDefault knows a field by its last two names, or by its last.
func isDefault(name, value string) bool {
	parts := strings.Split(name, ".")
	for from := max(0, len(parts)-2); from < len(parts); from++ {
		if want, known := defaults[strings.Join(parts[from:], ".")]; known {
			return value == want
		}
	}
	return false
}
