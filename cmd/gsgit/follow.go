package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/geoserver"
	"github.com/gsgit/gsgit/resync"
	"github.com/gsgit/gsgit/xmlcatalog"
)

type followOptions struct {
	nodeOptions
	Adopt       bool
	Drift       string
	Passwords   string
	DryRun      bool
	GeoServer   geoserver.Config
	ReloadEvery time.Duration
}

func (o *followOptions) check() error {
	if o.bus.Brokers == "" {
		o.bus.Brokers = "127.0.0.1:9092"
		if o.fetch.From != "" || o.fetch.Remote != "" {
			o.bus.Brokers = noBus
		}
	}
	if o.bus.Brokers == embedded {
		return misuse("--brokers embedded is for watch; follow takes the address of one")
	}
	if o.bus.Brokers == noBus && o.fetch.From == "" && o.fetch.Remote == "" {
		return misuse("with --brokers none, --from or --remote must say where commits come from")
	}
	if err := o.nodeOptions.check(); err != nil {
		return err
	}
	if o.Drift != gsgit.DriftHeal && o.Drift != gsgit.DriftHold && o.Drift != gsgit.DriftIgnore {
		return misuse("--drift is heal, hold or ignore, not %q", o.Drift)
	}
	if o.Passwords != gsgit.PasswordsKeep && o.Passwords != gsgit.PasswordsLocal {
		return misuse("--passwords is keep or preserve-local, not %q", o.Passwords)
	}
	if o.ReloadEvery < 0 {
		return misuse("--reload-every takes a time")
	}
	return gsgit.CheckDirectory(o.DataDir, true)
}

func followCommand() *cli.Command {
	o := &followOptions{}
	flags := append(o.place.flags(), o.bus.flags()...)
	flags = append(append(append(flags, o.fetch.flags()...), o.listen.flags()...), o.watching.flags()...)
	flags = append(append(flags, o.geoServerFlags()...),
		&cli.BoolFlag{Name: "adopt", Destination: &o.Adopt, Usage: "take over a directory with other content, which is kept as a drift commit first"},
		&cli.StringFlag{Name: "drift", Destination: &o.Drift, Value: gsgit.DriftHeal, Usage: "`POLICY` for foreign edits on this replica: heal, hold or ignore"},
		&cli.StringFlag{Name: "passwords", Destination: &o.Passwords, Value: gsgit.PasswordsKeep, Usage: "`POLICY` for the encrypted passwords of stores: keep the head's, or preserve-local"},
		&cli.BoolFlag{Name: "dry-run", Destination: &o.DryRun, Usage: "print what would be written, and write nothing"},
		&cli.BoolFlag{Name: "once", Destination: &o.Once, Usage: "apply the newest commit, then exit"},
		&cli.DurationFlag{Name: "reload-every", Destination: &o.ReloadEvery, Value: 2 * time.Second, Usage: "`TIME` at least between two reloads"},
	)
	return &cli.Command{
		Name: "follow", Usage: "make a data directory equal to a primary's commits", Flags: flags, OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("follow takes no argument, but got %q", c.Args().First())
			}
			if err := o.check(); err != nil {
				return err
			}
			o.Once = o.Once || o.DryRun // nothing listens
			return runFollow(c.Context, *o, o.logger(c.App.ErrWriter), c.App.Writer, nil)
		},
	}
}

func (o *followOptions) geoServerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "geoserver", Destination: &o.GeoServer.URL, Usage: "`URL` of the GeoServer that runs on this directory"},
		&cli.StringFlag{Name: "geoserver-user", Destination: &o.GeoServer.User, Value: "admin", Usage: "`USER` of its REST interface"},
		&cli.StringFlag{Name: "geoserver-password-file", Destination: &o.GeoServer.PasswordFile, Usage: "`FILE` with the password of that user"},
	}
}

// replica is a station that follows.
type replica struct {
	*station
	follower *gsgit.Follower
	pickUp   *gsgit.PickUp
}

// runFollow runs a replica until ctx ends. started (may be nil) hears of the node once one commit is applied.
func runFollow(ctx context.Context, o followOptions, log *slog.Logger, stdout io.Writer, started func(*gsgit.Node)) error {
	if err := o.first(ctx); err != nil {
		return err
	}
	if o.DryRun {
		remove, err := o.aside()
		if err != nil {
			return err
		}
		defer remove()
	}
	s, err := openStation(o.nodeOptions, "follow", log)
	if err != nil {
		return err
	}
	defer s.close()
	// Which files of security/ are carried is the primary's choice: here the commit says it.
	s.dir = &gsgit.Directory{Root: o.DataDir, Rules: xmlcatalog.Rules{All: true, Local: o.watching.Local.Value()}}
	r, err := newReplica(ctx, s, o)
	if err != nil {
		return err
	}
	kept := s.used()
	kept.GeoServer = keptGeoServer{URL: o.GeoServer.URL, User: o.GeoServer.User, PasswordFile: o.GeoServer.PasswordFile}
	kept.Passwords = o.Passwords
	if !o.DryRun {
		if err := s.keepSettings(kept); err != nil {
			return err
		}
	}
	s.warnOfLinks()
	s.tellOwner()
	switch {
	case o.DryRun:
		return r.dryRun(ctx, stdout)
	case o.Once:
		return r.once(ctx)
	}
	w := newWorkers(ctx)
	w.Go(func() error { return r.run(w, started) })
	return s.stopped(ctx, w.Wait())
}

func newReplica(ctx context.Context, s *station, o followOptions) (*replica, error) {
	r := &replica{station: s, pickUp: &gsgit.PickUp{Store: s.store, Every: o.ReloadEvery, Log: s.log, Step: s.step, Lock: s.lock}}
	if o.GeoServer.URL != "" {
		o.GeoServer.Logger = s.log
		client, err := geoserver.New(o.GeoServer)
		if err != nil {
			return nil, err
		}
		r.pickUp.Server = client
	}
	r.follower = &gsgit.Follower{
		Dir: s.dir, Store: s.store, Sources: s.sources, Adopt: o.Adopt, Drift: o.Drift, Passwords: o.Passwords, MinFree: s.watching.MinFree,
		Instance: s.instance, Log: s.log, Step: s.step, Lock: s.lock,
	}
	files, err := resync.Open(resync.Options{
		Root: o.DataDir, State: s.stateDir(), Step: s.step, Logger: s.log,
		Displaced: func(path string, content []byte) error { return r.follower.Displaced(ctx, path, content) },
	})
	if err != nil {
		return nil, err
	}
	r.follower.Files = files
	s.node.Notes = (&gsgit.Notes{Store: s.store, Dir: s.dir, Replica: true}).List
	s.node.Lag, s.node.Drift = r.follower.Lag, r.follower.Drifting
	return r, nil
}

// warnOfStores names a few of the stores that lack something here; a site without its rasters has hundreds.
func (r *replica) warnOfStores(notes []gsgit.Note) {
	const few = 5
	for _, note := range notes[:min(len(notes), few)] {
		r.log.Warn("a store may not work here", "object", note.Object, "path", note.Path, "what", note.What)
	}
	if more := len(notes) - few; more > 0 {
		r.log.Warn("more stores may not work here", "notes", more, "hint", "`gsgit status --json` names all of them")
	}
}

// run follows: the node is ready once a commit was applied.
func (r *replica) run(w workers, started func(*gsgit.Node)) error {
	if err := r.serveNode(w); err != nil {
		return err
	}
	pick := r.newLoop("geoserver", r.pickUp, nil)
	follow := r.newLoop("follow", r.follower, func(err error) {
		r.health.Set("pinned", r.follower.Pinned())
		if disk, e := r.store.Ref(gsgit.DiskRef); err != nil && disk.IsZero() || e != nil || disk.IsZero() || r.node.IsReady() {
			return
		}
		r.node.Ready()
		r.warnOfStores(r.node.Notes())
		r.log.Info("following", "dir", r.DataDir, "instance", r.instance, "branch", r.store.Branch())
		if started != nil {
			started(r.node)
		}
	})
	maintain := r.maintain(w)
	r.follower.Applied = func() { pick.Hint(); maintain.Hint() }
	r.hear(w, follow.Hint)
	if err := r.watch(w, driftCap, r.follower.Observe, follow.Hint); err != nil {
		return err
	}
	r.follower.LookAtAll()
	w.run(pick)
	w.Go(func() error { return r.follow(w.ctx, follow) })
	if r.heart != nil {
		w.run(r.heart)
	}
	return nil
}

// follow runs the loop. A first start has nothing to finish and knows nothing yet: it reads the topics before
// it says that no source has commits. So does one that must mend its repository first.
func (r *replica) follow(ctx context.Context, loop *gsgit.Loop) error {
	if disk, err := r.store.Ref(gsgit.DiskRef); err == nil && disk.IsZero() || r.store.Wounded() {
		_ = r.awaitTopics(ctx, topicsWait) // what stands in the way is a condition of the bus
	}
	if err := r.mend(ctx); err != nil {
		return err
	}
	loop.Run(ctx)
	return nil
}

// driftCap is how long a steady stream of foreign writes puts off the look at drift.
const driftCap = 5 * time.Second

// once applies the newest commit and gets it picked up. Only the topics are waited for with a limit: an
// apply takes the time that it takes.
func (r *replica) once(ctx context.Context) error {
	if err := r.hearOnce(ctx); err != nil {
		return err
	}
	if err := r.mend(ctx); err != nil {
		return err
	}
	r.follower.LookAtAll()
	if _, err := r.follower.Sync(ctx); err != nil {
		return err
	}
	if _, err := r.pickUp.Sync(ctx); err != nil {
		return err
	}
	r.health.Set("pinned", r.follower.Pinned())
	return r.verdict(nil)
}

// dryRun prints what would be written, and ends with exit status 3 where that is anything.
func (r *replica) dryRun(ctx context.Context, stdout io.Writer) error {
	if err := r.hearOnce(ctx); err != nil {
		return err
	}
	plan, unseen := r.follower.Plan(ctx)
	if unseen != nil && plan.Empty() {
		return unseen
	}
	var err error
	if r.JSON {
		err = printJSON(stdout, plan)
	} else {
		_, err = fmt.Fprint(stdout, plan.String())
	}
	if err = errors.Join(err, unseen); err == nil && !plan.Empty() {
		return errFound
	}
	return err
}
