package gitstore

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// packIndex is a version 2 pack index as it stands in its file: 256 counts, sorted ids, checksums, offsets.
type packIndex struct {
	data  []byte
	count int
}

const (
	indexHead  = 8 + 256*4
	indexTail  = 2 * sha1.Size
	indexEntry = sha1.Size + 4 + 4
)

var indexMagic = []byte{0xff, 't', 'O', 'c', 0, 0, 0, 2}

// parseIndex checks an index against its own checksum, so that one torn by a power cut is told from a good one.
func parseIndex(data []byte) (*packIndex, error) {
	if len(data) < indexHead+indexTail || !bytes.Equal(data[:8], indexMagic) {
		return nil, errors.New("no version 2 pack index, or a torn one")
	}
	sum := sha1.Sum(data[:len(data)-sha1.Size])
	if !bytes.Equal(sum[:], data[len(data)-sha1.Size:]) {
		return nil, errors.New("the index does not match its checksum")
	}
	x := &packIndex{data: data}
	previous := uint32(0)
	for i := range 256 {
		n := binary.BigEndian.Uint32(data[8+4*i:])
		if n < previous {
			return nil, errors.New("the index counts backwards")
		}
		previous = n
	}
	x.count = int(previous)
	if rest := len(data) - indexHead - indexTail - x.count*indexEntry; rest < 0 || rest%8 != 0 {
		return nil, errors.New("the index has the wrong size")
	}
	return x, nil
}

func (x *packIndex) id(i int) (h Hash) {
	copy(h[:], x.data[indexHead+i*sha1.Size:])
	return h
}

func (x *packIndex) offset(i int) int64 {
	at := indexHead + x.count*(sha1.Size+4) + 4*i
	off := binary.BigEndian.Uint32(x.data[at:])
	if off&0x80000000 == 0 {
		return int64(off)
	}
	at = indexHead + x.count*indexEntry + 8*int(off&0x7fffffff)
	if at+8 > len(x.data)-indexTail {
		return -1
	}
	return int64(binary.BigEndian.Uint64(x.data[at:]) & 0x7fffffffffffffff)
}

// find gives the place of the object in the pack.
func (x *packIndex) find(id Hash) (offset int64, found bool) {
	i, found := x.search(id[:])
	if !found {
		return 0, false
	}
	return x.offset(i), true
}

// search gives the first position whose id is not before prefix, and whether it starts with prefix.
func (x *packIndex) search(prefix []byte) (int, bool) {
	low := 0
	if prefix[0] > 0 {
		low = int(binary.BigEndian.Uint32(x.data[8+4*(int(prefix[0])-1):]))
	}
	high := int(binary.BigEndian.Uint32(x.data[8+4*int(prefix[0]):]))
	names := x.data[indexHead:]
	i, end := low, high
	for i < end { // by hand: lookups are a tenth of a walk through history
		middle := int(uint(i+end) / 2)
		if at := middle * sha1.Size; bytes.Compare(names[at:at+sha1.Size], prefix) < 0 {
			i = middle + 1
		} else {
			end = middle
		}
	}
	return i, i < high && bytes.HasPrefix(names[i*sha1.Size:], prefix)
}

func (x *packIndex) packChecksum() []byte {
	return x.data[len(x.data)-2*sha1.Size : len(x.data)-sha1.Size]
}

// packEntry is one object's line in an index.
type packEntry struct {
	id     Hash
	offset int64
	crc    uint32
}

// encodeIndex sorts entries by id and writes a version 2 index. An id that stands twice is an error.
func encodeIndex(entries []packEntry, packChecksum []byte) ([]byte, error) {
	slices.SortFunc(entries, func(a, b packEntry) int { return bytes.Compare(a.id[:], b.id[:]) })
	out := make([]byte, 0, indexHead+indexTail+len(entries)*indexEntry)
	out = appendFanout(append(out, indexMagic...), entries)
	for i, e := range entries {
		if i > 0 && entries[i-1].id == e.id {
			return nil, fmt.Errorf("the pack holds %s twice", e.id)
		}
		out = append(out, e.id[:]...)
	}
	for _, e := range entries {
		out = binary.BigEndian.AppendUint32(out, e.crc)
	}
	out = appendOffsets(out, entries)
	out = append(out, packChecksum...)
	sum := sha1.Sum(out)
	return append(out, sum[:]...), nil
}

func appendFanout(out []byte, entries []packEntry) []byte {
	n := 0
	for first := range 256 {
		for n < len(entries) && int(entries[n].id[0]) <= first {
			n++
		}
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	return out
}

func appendOffsets(out []byte, entries []packEntry) []byte {
	var large []int64
	for _, e := range entries {
		if e.offset < 1<<31 {
			out = binary.BigEndian.AppendUint32(out, uint32(e.offset))
			continue
		}
		out = binary.BigEndian.AppendUint32(out, 1<<31|uint32(len(large)))
		large = append(large, e.offset)
	}
	for _, off := range large {
		out = binary.BigEndian.AppendUint64(out, uint64(off))
	}
	return out
}
