package resync

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
)

// folders looks at each directory that gets or loses entries.
func (c *check) folders() error {
	volumes := make(map[volume]bool)
	homes := make([]string, 0, len(c.homes))
	for home := range c.homes {
		homes = append(homes, home)
	}
	slices.Sort(homes)
	for _, home := range homes {
		c.folder(home, c.homes[home])
		v, err := c.way.volume(home)
		if err != nil {
			return err
		}
		if volumes[v] {
			continue
		}
		volumes[v] = true
		if err := c.room(home); err != nil {
			return err
		}
	}
	return nil
}

// folder refuses a directory that this process can not change, or, if it gets new
// files, whose owner it could not give them.
func (c *check) folder(home string, grows bool) {
	place, dir := c.d.at(home), c.way.known[home].facts
	if err := c.d.disk.writable(place); err != nil {
		c.bad.add(shown(home), "can not be written (%v)", cause(err))
		c.bad.advise("%s", mendAccess(err, place, dir))
		return
	}
	if grows {
		c.owner(home, dir)
	}
}

// owner refuses a file that could not be given the owner it has to have: GeoServer
// might not be able to write it any more.
func (c *check) owner(path string, there facts) {
	if there.uid < 0 || mayGive(there.uid, there.gid) {
		return
	}
	c.bad.add(shown(path), "belongs to user %d, group %d, which this user can not hand files to", there.uid, there.gid)
	c.bad.advise("run gsgit as its owner: sudo -u '#%d' gsgit …; or: chown -R %d:%d %s",
		there.uid, os.Geteuid(), os.Getegid(), c.d.options.Root)
}

// mayGive reports whether this process can make files of an owner and a group.
func mayGive(uid, gid int) bool {
	if os.Geteuid() == 0 {
		return true
	}
	groups, err := os.Getgroups()
	return uid == os.Geteuid() && (gid == os.Getegid() || err == nil && slices.Contains(groups, gid))
}

func mendAccess(err error, place string, dir facts) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return "mount the file system of " + place + " for writing"
	case dir.uid == os.Geteuid():
		return "chmod u+rwx " + place
	}
	return fmt.Sprintf("run gsgit as its owner: sudo -u '#%d' gsgit …; or: chown %d %s", dir.uid, os.Geteuid(), place)
}

// room refuses a disk that has no place for as many files, or less than must stay free.
// How long the files are is not known here: staging finds that out, and undoes itself.
func (c *check) room(home string) error {
	files := int64(len(c.plan.Create) + len(c.plan.Replace))
	if files == 0 {
		return nil // a plan that only removes makes room
	}
	left, err := c.d.disk.room(c.d.at(home))
	if err != nil {
		return err
	}
	if left.bytes < c.d.options.MinFree || left.bytes < files*512 || (left.files >= 0 && left.files < files) {
		c.bad.add(shown(home), "is on a file system with %d MiB left", left.bytes>>20)
		c.bad.advise("free some space on the file system of %s", c.d.at(home))
	}
	c.names(left.longestName)
	return nil
}

// names refuses names that this file system does not take; most take 255 bytes.
func (c *check) names(longest int) {
	if longest <= 0 || longest >= maxName {
		return
	}
	for _, f := range slices.Concat(c.plan.Create, c.plan.Replace) {
		for name := range strings.SplitSeq(f.Path, "/") {
			if len(name) > longest {
				c.bad.add(f.Path, "has a name longer than the %d bytes of its file system", longest)
			}
		}
	}
}

// shown gives the root a name in messages.
func shown(path string) string {
	if path == "" {
		return "."
	}
	return path
}

func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
