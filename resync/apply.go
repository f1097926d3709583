package resync

import (
	"context"
	"fmt"
	"reflect"
)

// Apply carries the plan out. An error before the journal stands leaves the tree as it
// was; one after it leaves the plan pending, and applying the same plan again goes on
// where it stopped. Files that hold their new bytes already are left alone, with their
// owner and age. The journal stays until Done.
//
// The context is heeded while files are staged: from then on the end is near, and a
// half-made change on disk is what nobody wants.
func (d *Directory) Apply(ctx context.Context, plan Plan, read Source) error {
	left, err := d.readJournal()
	if err != nil {
		return fmt.Errorf("apply %s: %w", plan.Target, err)
	}
	if left != nil && !reflect.DeepEqual(left.Plan.Files(), plan.Files()) {
		return fmt.Errorf("apply %s: %w", plan.Target, &Error{
			what: "an apply of " + left.Plan.Target + " is unfinished",
			hint: "start gsgit follow: it ends that one first",
		})
	}
	if left == nil && plan.Empty() {
		return nil
	}
	if err := d.apply(ctx, plan, left, read); err != nil {
		return fmt.Errorf("apply %s: %w", plan.Target, err)
	}
	return nil
}

func (d *Directory) apply(ctx context.Context, plan Plan, left *journal, read Source) error {
	if left != nil {
		if err := d.rescue(left); err != nil {
			return err
		}
	}
	a, err := d.survey(plan, left != nil)
	if err != nil {
		return err
	}
	if err := a.prepare(ctx, read); err != nil {
		return err
	}
	if left != nil {
		// Its slots were looked through, and the new journal names none of them.
		if err := d.discard(left.Attempt); err != nil {
			return err
		}
	}
	if err := a.carryOut(); err != nil {
		return err
	}
	a.remember()
	d.last = a.id
	d.step("resync.applied", 0)
	return nil
}

// prepare does everything that can be undone by forgetting it, and then writes the
// journal: from there on the way leads forward only.
func (a *attempt) prepare(ctx context.Context, read Source) error {
	if err := a.stage(ctx, read); err != nil {
		// What can not be cleaned now is cleaned by the next Done or start; the first
		// error is the one that says what is wrong.
		_ = a.d.discard(a.id)
		return err
	}
	a.d.step("resync.staged", 0)
	if err := a.d.writeJournal(journal{Version: journalVersion, Attempt: a.id, Plan: a.plan, Slots: a.slots}); err != nil {
		a.forget()
		return err
	}
	a.d.step("resync.journal", 0)
	return nil
}

// forget discards the stage of an attempt whose journal could not be made durable,
// unless that journal stands all the same: the stage is then its own.
func (a *attempt) forget() {
	if now, err := a.d.readJournal(); err == nil && (now == nil || now.Attempt != a.id) {
		_ = a.d.discard(a.id) // as in prepare
	}
}

// carryOut changes the tree: what stands in the way goes, then everything new comes,
// and what is old goes last, so that no reader meets a layer without its store.
func (a *attempt) carryOut() error {
	clear := len(a.plan.Clear)
	last := len(a.files) - len(a.plan.Remove)
	if err := a.removeFiles(0, clear, a.inTheWay()); err != nil {
		return err
	}
	if err := a.placeAll(); err != nil {
		return err
	}
	if err := a.syncTouched(); err != nil {
		return err
	}
	if last == len(a.files) {
		return nil
	}
	anywhere := func(string) bool { return true }
	if err := a.removeFiles(last, len(a.files), anywhere); err != nil {
		return err
	}
	return a.syncTouched()
}

// step names a crash point, the n-th of its kind where there are several.
func (d *Directory) step(name string, n int) {
	if n > 0 {
		name = fmt.Sprintf("%s:%d", name, n)
	}
	d.options.Step(name)
}
