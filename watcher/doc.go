// Package watcher says when edits of a directory tree have gone quiet, and
// when it may have missed some. It never reads the contents of a file.
//
// Its words: an event is what the operating system tells of one name; a batch
// is the paths of all events up to a pause; a scan looks at size, times and
// inode of every file and finds what no event told. Events are hints and may
// be lost, a scan is the truth. Where events can not come (a network file
// system, too few inotify watches) scans alone do the work, more often, and
// what one found is told once a second one finds nothing new.
//
// Directories that hold nothing of interest get no watch, symbolic links are
// neither followed nor reported, and a tree at rest costs one scan now and
// then and nothing else.
package watcher
