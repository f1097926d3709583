package resync

import "time"

// sighting is what a file was when its bytes were last read.
type sighting struct {
	blob         Blob
	size         int64
	mtime, ctime time.Time
	dev, ino     uint64
}

// raciness is how young a change may be and still share its time stamp with a later
// one: the kernel's clock ticks every few milliseconds, a network share's every second.
const raciness = 2 * time.Second

// observation is what stands at a path. The content is nil where it was not read.
type observation struct {
	blob    Blob
	content []byte
}

// observe returns the blob of a regular file, and reads it only if it may have changed
// since it was last read. ctime decides, which no program can set back.
func (d *Directory) observe(path string, now facts) (observation, error) {
	last, known := d.seen[path]
	if known && last.same(now) {
		return observation{blob: last.blob}, nil
	}
	return d.readAnew(path, now)
}

// readAnew reads a file. The facts are those from before the read: a write meanwhile
// then looks like a change later, and is read again.
func (d *Directory) readAnew(path string, now facts) (observation, error) {
	start := d.options.Now()
	content, err := d.disk.read(d.at(path))
	if err != nil {
		delete(d.seen, path)
		return observation{}, err
	}
	blob := HashBlob(content)
	if now.ctime.Before(start.Add(-raciness)) {
		d.seen[path] = sighting{blob: blob, size: now.size, mtime: now.mtime, ctime: now.ctime, dev: now.dev, ino: now.ino}
	} else {
		delete(d.seen, path)
	}
	return observation{blob: blob, content: content}, nil
}

func (s sighting) same(now facts) bool {
	return s.size == now.size && s.dev == now.dev && s.ino == now.ino &&
		s.mtime.Equal(now.mtime) && s.ctime.Equal(now.ctime)
}
