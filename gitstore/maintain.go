package gitstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The one rule of maintenance: where more than maxPacks packs (or maxLoose loose objects) are found, the small packs are
// rolled up into one, as many as it takes for each pack to hold at least twice as many objects as all smaller ones
// together. So each object is copied a number of times that grows with the logarithm of the history.
const (
	maxPacks = 50
	maxLoose = 2000
)

// Maintain keeps the repository in shape: packs rolled up by the rule, drift commits beyond their time let go, the logs
// of branches cut. It needs no lock of the caller, may run beside writes and beside git, and returns at once where
// another process is at it. What it replaces is removed only when the replacement is durable.
func (s *Store) Maintain(ctx context.Context) error {
	if err := s.writable("maintain"); err != nil {
		return err
	}
	lock, err := LockFile(s.maintainLock(), 0)
	if errors.Is(err, ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	err = errors.Join(s.clearKeeps(keepLimit), s.rollUp(ctx), s.expireDrift(ctx, time.Now()), s.cutReflog())
	if err != nil {
		return fmt.Errorf("maintain %s: %w", s.dir, err)
	}
	return nil
}

func (s *Store) maintainLock() string { return filepath.Join(s.dir, stateDir, "maintain.lock") }

func (s *Store) rollUp(ctx context.Context) error {
	if err := s.finishRollUp(); err != nil {
		return err
	}
	s.mendIndexes(ctx)
	if _, err := s.packs.refresh(); err != nil {
		return err
	}
	packs := s.ownToRoll()
	loose, err := s.looseIDs()
	if err != nil {
		return err
	}
	if len(loose) <= maxLoose {
		loose = nil
	}
	for len(packs) > maxPacks || loose != nil {
		chosen := chooseGeometric(packs)
		if len(chosen) < 2 && loose == nil {
			break
		}
		start := time.Now()
		err := s.roll(ctx, chosen, loose)
		if err == nil {
			s.log.Debug("rolled up", "packs", len(chosen), "loose", len(loose), "took", time.Since(start))
			break
		}
		if errors.Is(err, os.ErrClosed) {
			break // a foreign git has repacked meanwhile: the next time sees what is left to do
		}
		if !s.setAside(err) {
			return fmt.Errorf("roll up %d packs and %d loose objects: %w", len(chosen), len(loose), err)
		}
		packs = s.withoutDamaged(packs)
	}
	return s.damage()
}

// ownToRoll leaves out packs that git was told to keep as they are.
func (s *Store) ownToRoll() []*pack {
	return slices.DeleteFunc(s.withoutDamaged(s.packs.list()), func(p *pack) bool {
		return exists(p.base+".keep") || exists(p.base+".promisor") || exists(p.base+".mtimes")
	})
}

// chooseGeometric gives the packs to merge, oldest first.
func chooseGeometric(packs []*pack) []*pack {
	bySize := slices.Clone(packs)
	slices.SortStableFunc(bySize, func(a, b *pack) int { return cmp.Compare(a.index.count, b.index.count) })
	split := len(bySize) - 1
	for split > 0 && bySize[split].index.count >= 2*bySize[split-1].index.count {
		split--
	}
	if split <= 0 {
		return nil
	}
	sum := 0
	for _, p := range bySize[:split] {
		sum += p.index.count
	}
	for split < len(bySize) && bySize[split].index.count < 2*sum {
		sum += bySize[split].index.count
		split++
	}
	chosen := bySize[:split]
	order := map[*pack]int{}
	for i, p := range packs {
		order[p] = -i // packs come newest first
	}
	slices.SortFunc(chosen, func(a, b *pack) int { return cmp.Compare(order[a], order[b]) })
	return chosen
}

func (s *Store) looseIDs() (ids []Hash, err error) {
	err = s.eachLoose(func(_ string, id Hash, info fs.FileInfo) error {
		if info.Size() > 0 {
			ids = append(ids, id)
		}
		return nil
	})
	return ids, err
}

// roll copies what the packs and loose objects hold into one new pack, then removes them.
func (s *Store) roll(ctx context.Context, packs []*pack, loose []Hash) error {
	w := s.newPackWriter()
	defer w.discard()
	c := newCopier(s, w)
	for _, p := range packs {
		if err := c.pack(ctx, p); err != nil {
			return err
		}
	}
	for _, id := range loose {
		if err := cancelled(ctx); err != nil {
			return err
		}
		if err := c.loose(id); err != nil {
			return err
		}
	}
	s.step("gitstore.rollup")
	name, err := s.finishRolled(ctx, w)
	if err != nil || name == "" {
		return err
	}
	// What it replaces was not held, so it needs not be.
	defer s.release(name)
	old := slices.DeleteFunc(packNames(packs), func(n string) bool { return n == name })
	if err := s.replaceFile(s.journal(), []byte(strings.Join(append([]string{name}, old...), "\n")+"\n")); err != nil {
		return err
	}
	s.step("gitstore.rolled")
	if err := s.finishRollUp(); err != nil {
		return err
	}
	return s.removeLoose(loose)
}

func (s *Store) finishRolled(ctx context.Context, w *packWriter) (string, error) {
	s.write.Lock()
	defer s.write.Unlock()
	if err := w.finish(ctx); err != nil || w.file == nil {
		return "", err
	}
	return w.name, nil
}

func (s *Store) release(name string) {
	base := filepath.Join(s.packs.dir, name)
	s.held.Delete(base)
	s.releasePack(base)
}

func packNames(packs []*pack) (names []string) {
	for _, p := range packs {
		names = append(names, p.name())
	}
	return names
}

// journal names a durable pack and, after it, the packs that it replaces, until those are gone.
func (s *Store) journal() string { return filepath.Join(s.dir, stateDir, "rollup") }

// finishRollUp removes the packs that the journal says are replaced, also those of a roll-up that a crash cut off.
func (s *Store) finishRollUp() error {
	text, err := os.ReadFile(s.journal())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	names := strings.Fields(string(text))
	if len(names) > 1 && s.isWhole(names[0]) {
		if err := s.removePacks(names[1:]); err != nil {
			return err
		}
	}
	s.packs.forget()
	_, err = s.packs.refresh()
	return errors.Join(err, s.disk.remove(s.journal()))
}

// isWhole looks at the pack that is to replace others once more before those go: checksums of pack and index.
func (s *Store) isWhole(name string) bool {
	base := filepath.Join(s.packs.dir, name)
	p, err := openPack(base)
	if err != nil {
		s.log.Warn("replaced packs kept", "path", base, "err", err)
		return false
	}
	defer p.file.Close()
	sum, count, err := checkTrailer(base + ".pack")
	return err == nil && int(count) == p.index.count && string(sum) == string(p.index.packChecksum())
}

func (s *Store) removePacks(names []string) error {
	// It would send git to packs that are gone; git makes a new one at its leisure.
	if err := s.disk.remove(filepath.Join(s.packs.dir, "multi-pack-index")); err != nil {
		return err
	}
	for _, name := range names {
		if strings.ContainsAny(name, "/\\") {
			continue
		}
		for _, ext := range []string{".idx", ".rev", ".bitmap", ".pack"} { // the index first: without it nobody looks
			if err := s.disk.remove(filepath.Join(s.packs.dir, name+ext)); err != nil {
				return err
			}
			s.step("gitstore.removed" + ext)
		}
	}
	return s.disk.syncDir(s.packs.dir)
}

func (s *Store) removeLoose(ids []Hash) error {
	for _, id := range ids {
		if !s.packs.has(id) {
			continue
		}
		if err := s.disk.remove(s.loosePath(id)); err != nil {
			return err
		}
	}
	return nil
}

const (
	driftAge  = 90 * 24 * time.Hour
	driftKept = 50
)

// expireDrift lets go of the drift commits that are neither young nor among the last.
func (s *Store) expireDrift(ctx context.Context, now time.Time) error {
	refs, err := s.Refs("refs/gsgit/drift/")
	if err != nil {
		return err
	}
	type drift struct {
		ref string
		Commit
	}
	var all []drift
	for ref, id := range refs {
		c, err := s.Commit(id)
		if err != nil {
			return err
		}
		all = append(all, drift{ref, c})
	}
	slices.SortFunc(all, func(a, b drift) int {
		return cmp.Or(b.Committer.When.Compare(a.Committer.When), cmp.Compare(b.ref, a.ref))
	})
	for i, d := range all {
		if i < driftKept || now.Sub(d.Committer.When) < driftAge {
			continue
		}
		if err := s.SetRef(ctx, d.ref, d.ID, Hash{}); err != nil && !errors.Is(err, ErrRefMoved) {
			return err
		}
	}
	return nil
}

// maxReflog is how large the log of a branch may become; then its older half goes. A year has some thousand lines of
// 150 bytes.
const maxReflog = 4 << 20

func (s *Store) cutReflog() error {
	path := s.reflogPath(s.BranchRef())
	info, err := os.Stat(path)
	if err != nil || info.Size() <= maxReflog {
		return nil
	}
	_, kept, _ := strings.Cut(string(tail(path, maxReflog/2)), "\n")
	return s.replaceFile(path, []byte(kept))
}
