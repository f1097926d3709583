package resync

import (
	"errors"
	"fmt"
)

// rescue looks through the slots of an attempt that was cut off. Each was complete and
// synced before the journal named it, so bytes in it that are neither old nor new came
// out of the tree by a rename that nobody looked at any more.
func (d *Directory) rescue(left *journal) error {
	for i, f := range left.Plan.Files() {
		if left.Slots[i].Path == "" {
			continue
		}
		if err := d.rescueSlot(f, d.resolve(left.Attempt, left.Slots[i])); err != nil {
			return fmt.Errorf("look after %s, which a crash left aside: %w", f.Path, err)
		}
	}
	return nil
}

func (d *Directory) rescueSlot(f File, slot string) error {
	found, err := d.disk.look(slot)
	switch {
	case err != nil:
		return ignoreAbsent(err)
	case !found.regular():
		return d.putBack(slot, d.at(f.Path))
	}
	return d.inspect(f, slot)
}

// putBack returns a link or a directory that a rename brought out of the tree. What the
// exchange brings out in its turn is ours, and staged again.
func (d *Directory) putBack(slot, place string) error {
	err := d.disk.exchange(slot, place)
	if absent(err) || errors.Is(err, errUnsupported) {
		err = d.disk.renameNew(slot, place)
	}
	if errors.Is(err, errUnsupported) {
		err = d.disk.rename(slot, place)
	}
	return err
}
