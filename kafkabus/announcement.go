package kafkabus

import (
	"fmt"
	"time"
)

// wireVersion is the record format that this package writes and reads.
const wireVersion = 1

// maxObjects is how many object names a summary carries; git has the rest.
const maxObjects = 20

// Announcement says that Commit is the newest head that Instance published of
// Ref, and that it can be fetched from Remotes. Ids are git SHA-1 in hex.
type Announcement struct {
	V        int       `json:"v"`        // wire version; Encode sets it
	Cluster  string    `json:"cluster"`  // id of the branch's first commit
	Instance string    `json:"instance"` // who announces
	Ref      string    `json:"ref"`      // a branch, "refs/heads/main"
	Commit   string    `json:"commit"`
	Parent   string    `json:"parent"` // announced before this one, "" at first
	Epoch    string    `json:"epoch"`  // see NewEpoch
	Time     time.Time `json:"time"`
	Commits  int       `json:"commits"` // how many since Parent
	Summary  Summary   `json:"summary"`
	Remotes  []string  `json:"remotes"` // git URLs, without user or password
}

// Summary counts the objects that changed since the commit announced before,
// and names some of them. It is for people: the first thing to be cut when a
// record grows too long.
type Summary struct {
	Created  int      `json:"created"`
	Modified int      `json:"modified"`
	Deleted  int      `json:"deleted"`
	Renamed  int      `json:"renamed"`
	Objects  []string `json:"objects"` // "layer:topp:states", at most 20
}

// Key is the record key, "gs-a/refs/heads/main". One instance writes one key
// for each branch, so two primaries never overwrite each other.
func (a Announcement) Key() string { return a.Instance + "/" + a.Ref }

// EncodeAnnouncement returns the record value, always less than 8 KiB: where the
// whole would be longer, names of objects are left out first, then remotes,
// never ids. An announcement that no peer would accept is an error.
func EncodeAnnouncement(a Announcement) ([]byte, error) {
	a = a.normal()
	if err := a.check(); err != nil {
		return nil, refuse("announcement of "+a.Key(), err)
	}
	for {
		data, err := encode(a)
		switch {
		case err != nil:
			return nil, refuse("announcement of "+a.Key(), err)
		case len(data) < maxValue:
			return data, nil
		case len(a.Summary.Objects) > 0:
			a.Summary.Objects = a.Summary.Objects[:len(a.Summary.Objects)-1]
		case len(a.Remotes) > 0:
			a.Remotes = a.Remotes[:len(a.Remotes)-1]
		default:
			return nil, refuse("announcement of "+a.Key(), fmt.Errorf("it takes %d bytes", len(data)))
		}
	}
}

// DecodeAnnouncement reads a record value that anybody may have written. It
// refuses what is too long, of a newer version, or holds an id, name or text
// that this package would not write. Fields it does not know are ignored.
func DecodeAnnouncement(data []byte) (Announcement, error) {
	var a Announcement
	if err := decode(data, &a); err != nil {
		return Announcement{}, refuse("announcement", err)
	}
	a.Time = a.Time.UTC()
	a.Summary.Objects, a.Remotes = list(a.Summary.Objects), list(a.Remotes)
	if err := a.check(); err != nil {
		return Announcement{}, refuse("announcement", err)
	}
	return a, nil
}

// normal is what is sent for a: lists are lists, texts are clean, secrets gone.
func (a Announcement) normal() Announcement {
	a.V, a.Time = wireVersion, a.Time.UTC()
	a.Summary.Objects = cleaned(a.Summary.Objects, maxObjects)
	a.Remotes = withoutUsers(a.Remotes)
	return a
}

func (a Announcement) check() error {
	return firstError(
		checkID("cluster", a.Cluster),
		checkInstance(a.Instance),
		checkRef(a.Ref),
		checkID("commit", a.Commit),
		checkOptionalID("parent", a.Parent),
		checkEpoch(a.Epoch),
		checkCounts(a.Commits, a.Summary.Created, a.Summary.Modified, a.Summary.Deleted, a.Summary.Renamed),
		checkTexts("summary", a.Summary.Objects, maxObjects),
		checkTexts("remotes", a.Remotes, maxRemotes),
	)
}
