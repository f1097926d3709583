package xmlcatalog

import "strings"

// byUpgrade says that an element which only one side has is a default that a
// newer GeoServer writes out, or one that it no longer writes: the object is
// the same. Only what was seen to be so is listed: <queryable>false</queryable>
// that appears is an edit.
func byUpgrade(name string, e *element) bool {
	value := strings.TrimSpace(e.text)
	switch lastPart(name) {
	case "serviceConfiguration", "padWithZeros", "forcedDecimal", "circularArcPresent", "skipNumberMatched",
		"disableOnConnFailure", "overridingServiceSRS", "simpleConversionEnabled", "isolated", "encodeMeasures",
		"showCreatedTimeColumnsInAdminList", "showModifiedTimeColumnsInAdminList", "showModifiedUserInAdminList",
		"useHeadersProxyURL", "localWorkspaceIncludesPrefix":
		return e.leaf() && value == "false"
	case "internationalTitle", "internationalAbstract", "keywords", "metadataLink", "metadata":
		return e.blank()
	case "userDetailsDisplaySettingsInfo", "userDetailsDisplaySettings":
		return true
	case "enabled":
		return e.leaf() && value == "true"
	case "path":
		return e.leaf() && value == "/"
	case "logoWidth", "logoHeight":
		return e.leaf() && value == "0"
	}
	return e.blank()
}
