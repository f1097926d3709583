package xmlcatalog

// Unreadable says why GeoServer could not read a file with these bytes: it is
// empty, is no XML, or holds conflict markers. It is "" where it can, and for
// every opaque file. Only what can be read may enter history after the import.
func Unreadable(path string, content []byte) string {
	return readRecord(path, content).wrong
}
