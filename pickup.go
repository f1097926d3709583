package gsgit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// server is the running GeoServer of a node. Both calls may be repeated.
type server interface {
	PutSettings(ctx context.Context, global []byte) error
	Reload(ctx context.Context) error
}

// PickUp gets a replica's GeoServer to take up what was written, with the least disturbance that suffices,
// and moves refs/gsgit/applied after it. Without a Server, applied follows disk.
type PickUp struct {
	Store  *gitstore.Store
	Server server        // nil: none
	Every  time.Duration // the least time between two reloads: a few make OWS requests fail less than many
	Log    *slog.Logger
	Step   func(string)
	Lock   func() (func(), error) // a reload must not read a tree that is half written

	reloaded time.Time
}

// Sync picks up what lies between applied and disk.
func (p *PickUp) Sync(ctx context.Context) (time.Duration, error) {
	if wait := p.Every - time.Since(p.reloaded); p.Server != nil && wait > 0 {
		return wait, nil
	}
	if disk, applied, err := p.markers(); err != nil || applied == disk {
		return 0, err // without the lock, which is for those who have something to do
	}
	release, err := p.lock()
	if err != nil {
		return 0, err
	}
	defer release()
	disk, applied, err := p.markers()
	if err != nil || applied == disk {
		return 0, err
	}
	if p.Server != nil {
		if err := p.pickUp(ctx, applied, disk); err != nil {
			return 0, err
		}
	}
	if p.Step != nil {
		p.Step("pickup.applied")
	}
	return 0, p.Store.SetRef(ctx, AppliedRef, applied, disk)
}

// markers are what was written and what of it was picked up.
func (p *PickUp) markers() (disk, applied gitstore.Hash, err error) {
	if disk, err = p.Store.Ref(DiskRef); err == nil {
		applied, err = p.Store.Ref(AppliedRef)
	}
	return disk, applied, err
}

func (p *PickUp) lock() (func(), error) {
	if p.Lock == nil {
		return func() {}, nil
	}
	return p.Lock()
}

func (p *PickUp) pickUp(ctx context.Context, applied, disk gitstore.Hash) error {
	differences, err := p.Store.Diff(ctx, applied, disk)
	if err != nil {
		return fmt.Errorf("compare %s with %s: %w", applied, disk, err)
	}
	settings, reload := scope(differences)
	if settings {
		if err := p.putSettings(ctx, disk); err != nil {
			return err
		}
	}
	if !settings && !reload {
		return nil
	}
	start := time.Now()
	if err := p.Server.Reload(ctx); err != nil {
		return err
	}
	p.reloaded = time.Now()
	p.Log.Info("reloaded", "commit", disk.String(), "took", time.Since(start).Round(time.Millisecond))
	return nil
}

// putSettings sends the whole global.xml: a reload writes the settings in memory over the file before it
// reads it, so that an edit of the file alone would be lost.
func (p *PickUp) putSettings(ctx context.Context, disk gitstore.Hash) error {
	entry, ok, err := p.Store.Lookup(disk, "global.xml")
	if err != nil || !ok {
		return err
	}
	global, err := p.Store.Blob(entry.Blob)
	if err != nil {
		return err
	}
	return p.Server.PutSettings(ctx, global)
}

// scope says what a difference needs. GeoServer looks at style bodies, templates and rule files by itself;
// catalog and configuration files it reads at a reload alone.
func scope(differences []gitstore.Difference) (settings, reload bool) {
	for _, d := range differences {
		settings = settings || d.Path == "global.xml" && !d.New.IsZero()
		reload = reload || xmlcatalog.IsCatalog(d.Path)
	}
	return settings, reload
}
