// Package gsgit keeps the data directories of several GeoServers alike, with git as the truth and Kafka as
// the doorbell.
//
// A node is one GeoServer, its own data directory, and one gsgit process beside it. On a primary a
// [Publisher] turns edits of the directory into commits that say what they mean, and an [Announcer] tells
// of them. On a replica a [Follower] hears of the commits, fetches them, makes its own directory equal to
// them, whole or not at all, and a [PickUp] gets the GeoServer there to take them up:
//
//	edit → watcher.Batch → xmlcatalog.Change → gitstore.Commit → kafkabus.Announcement
//	                                                                 ↓
//	       GeoServer pick-up ← resync.Plan.Apply ← gitstore.Fetch ←──┘
//
// Events are hints, state is truth. Each of the four is a [Task]: its Sync looks at the directory, at git
// and at three markers, does what differs, and may be killed and called again at any point. Start, hint,
// timer and retry all call the same Sync; the [Loop] alone knows about waiting.
//
// The markers are refs, moved last, the same on every node: refs/gsgit/disk is the commit that the
// directory was recorded as or made equal to, refs/gsgit/announced the outbox of a primary, and
// refs/gsgit/applied the commit that the running GeoServer is known to have picked up.
//
// The package never reads XML, never writes an object or a file of the data directory, and never speaks to
// a broker: the chapters below it do, and they know nothing of each other.
package gsgit
