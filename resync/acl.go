package resync

import (
	"encoding/binary"
	"io/fs"
)

// acl is an access list as Linux keeps it: who may do what with a file.
type acl []aclEntry

type aclEntry struct {
	tag    uint16
	rights uint16 // r w x, as three bits
	id     uint32 // of a user or a group; aclNobody for the other tags
}

const (
	aclOwner  = 0x01
	aclUser   = 0x02
	aclGroup  = 0x04 // the owning one
	aclGroups = 0x08
	aclMask   = 0x10 // the most that users and groups get
	aclOthers = 0x20

	aclNobody  = 0xffffffff
	aclVersion = 2
)

// parseACL returns nil for what is no list that it knows.
func parseACL(data []byte) acl {
	const head, size = 4, 8
	if len(data) < head || (len(data)-head)%size != 0 || binary.LittleEndian.Uint32(data) != aclVersion {
		return nil
	}
	var list acl
	for rest := data[head:]; len(rest) > 0; rest = rest[size:] {
		list = append(list, aclEntry{
			tag:    binary.LittleEndian.Uint16(rest),
			rights: binary.LittleEndian.Uint16(rest[2:]),
			id:     binary.LittleEndian.Uint32(rest[4:]),
		})
	}
	return list
}

func (l acl) bytes() []byte {
	data := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range l {
		data = binary.LittleEndian.AppendUint16(data, e.tag)
		data = binary.LittleEndian.AppendUint16(data, e.rights)
		data = binary.LittleEndian.AppendUint32(data, e.id)
	}
	return data
}

// plainACL says no more than a mode does: the kernel keeps no list where it is given one.
func plainACL(mode fs.FileMode) acl {
	rights := uint16(mode.Perm())
	return acl{
		{aclOwner, rights >> 6 & 7, aclNobody},
		{aclGroup, rights >> 3 & 7, aclNobody},
		{aclOthers, rights & 7, aclNobody},
	}
}

// granted is the list of what a process makes with a mode in a directory with the
// default list l. The mode bounds the classes of the list; named users and groups are
// bounded by their mask.
func (l acl) granted(mode fs.FileMode) acl {
	rights := uint16(mode.Perm())
	class := l.groupClass()
	made := make(acl, len(l))
	for i, e := range l {
		switch e.tag {
		case aclOwner:
			e.rights &= rights >> 6 & 7
		case class:
			e.rights &= rights >> 3 & 7
		case aclOthers:
			e.rights &= rights & 7
		}
		made[i] = e
	}
	return made
}

// groupClass is whose rights a mode shows as those of the group.
func (l acl) groupClass() uint16 {
	for _, e := range l {
		if e.tag == aclMask {
			return aclMask
		}
	}
	return aclGroup
}

// mode is what a file with this list shows as its permissions.
func (l acl) mode() fs.FileMode {
	var mode fs.FileMode
	class := l.groupClass()
	for _, e := range l {
		switch e.tag {
		case aclOwner:
			mode |= fs.FileMode(e.rights&7) << 6
		case class:
			mode |= fs.FileMode(e.rights&7) << 3
		case aclOthers:
			mode |= fs.FileMode(e.rights & 7)
		}
	}
	return mode
}
