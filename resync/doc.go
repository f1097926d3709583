// Package resync makes a directory equal to a tree, and says where the two differ.
//
// A [Plan] is the difference of two trees, path by path: pure, printable, and made
// from history alone, never from what happens to lie on disk. A [Directory] carries
// it out: every new file is staged and synced, the plan is written to a journal, and
// only then do files change, each by one rename. A process that dies anywhere leaves
// either an untouched directory or a journal ([Directory.Pending]); applying that
// plan again ends it.
//
// Bytes that are neither what the plan expects nor what it brings are somebody's:
// they are drift where they are seen before ([Directory.Before], [Directory.Drifts])
// and are handed to Options.Displaced where they came in at the last moment. They are
// never dropped unseen.
//
// The package knows neither git nor the network nor what a file means. It removes no
// path that a plan does not name, follows no symbolic link and replaces none.
package resync
