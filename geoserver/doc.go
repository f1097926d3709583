// Package geoserver tells a running GeoServer, over its REST interface, to pick up
// what changed in its data directory.
//
// A reload reads the whole catalog again, and writes the settings in memory over
// global.xml before it reads that file: an edit of global.xml from outside is lost by
// it. So a changed global.xml goes in whole by [Client.PutSettings], everything else
// by [Client.Reload].
//
// The package writes no files, and its errors and log lines never show the password.
package geoserver
