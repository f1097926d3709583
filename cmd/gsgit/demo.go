package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/xmlcatalog"
)

func demoCommand() *cli.Command {
	var keep bool
	return &cli.Command{
		Name: "demo", Usage: "run a primary and two replicas in a temporary directory, and tell the story", OnUsageError: onUsageError,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "keep", Destination: &keep, Usage: "leave it running, and say how to look around"}},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("demo takes no argument, but got %q", c.Args().First())
			}
			return runDemo(c.Context, keep, c.App.Writer)
		},
	}
}

// demo is the whole cluster on one machine.
type demo struct {
	out      io.Writer
	root     string
	log      *slog.Logger
	workers  workers
	primary  *gsgit.Node
	replicas []*gsgit.Node
	server   *fixtures.GeoServer
}

// runDemo ends without an error only if all nodes are in step at the end.
func runDemo(ctx context.Context, keep bool, out io.Writer) error {
	root, err := os.MkdirTemp("", "gsgit-demo-")
	if err != nil {
		return err
	}
	logFile, err := os.Create(filepath.Join(root, "demo.log"))
	if err != nil {
		return err
	}
	defer logFile.Close()
	if !keep {
		defer os.RemoveAll(root)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &demo{out: out, root: root, log: slog.New(slog.NewTextHandler(logFile, nil)), workers: newWorkers(ctx)}
	d.workers.Go(func() error {
		defer cancel()
		return d.play(keep)
	})
	if err := d.workers.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return errors.New("the demo was interrupted")
}

func (d *demo) play(keep bool) error {
	if err := d.start(); err != nil {
		return err
	}
	for _, scene := range d.scenes() {
		if err := d.show(scene); err != nil {
			return fmt.Errorf("%s: %w", scene.what, err)
		}
	}
	if err := d.inStep(); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nAll three directories are in step, at commit %s.\n", short(d.head().String()))
	if keep {
		d.lookAround()
		<-d.workers.ctx.Done() // an interrupt is how it is meant to end
	}
	return nil
}

// scene is one thing that somebody does on the primary.
type scene struct {
	what   string
	do     func() error
	silent bool // makes no commit
}

func (d *demo) scenes() []scene {
	g := d.server
	return []scene{
		{what: "somebody publishes a layer", do: func() error { return g.Publish("harbour", "charts", "beacons", "point") }},
		{what: "edits a style", do: func() error { return d.paint("depth") }},
		{what: "renames the layer", do: func() error { return g.RenameLayer("harbour:beacons", "daymarks") }},
		{what: "saves it again without a change", do: func() error { return g.ResaveLayer("harbour:daymarks") }, silent: true},
		{what: "gives it a title", do: func() error { return g.SetTitle("harbour:daymarks", "Daymarks and beacons") }},
		{what: "deletes it", do: func() error { return g.DeleteLayer("harbour:daymarks") }},
	}
}

// paint changes a colour in a style's body.
func (d *demo) paint(style string) error {
	body, err := d.server.Read("styles/" + style + ".sld")
	if err != nil {
		return err
	}
	return d.server.EditStyle(style, repaint(body))
}

// start brings the cluster up: the sample directory, a primary with the embedded broker, two replicas.
func (d *demo) start() error {
	dir := filepath.Join(d.root, "primary")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := fixtures.Sample(dir); err != nil {
		return err
	}
	d.server = &fixtures.GeoServer{Writer: fixtures.Writer{Dir: dir}}
	fmt.Fprintf(d.out, "A sample data directory:       %s\n", dir)
	begin := time.Now()
	var err error
	if d.primary, err = d.launch(func(o nodeOptions, started func(*gsgit.Node)) error {
		o.bus.Brokers = embedded
		return runWatch(d.workers.ctx, watchOptions{nodeOptions: o, Hold: 30 * time.Second, Security: "rules", MaxNew: maxNewFiles}, d.log, started)
	}, "primary"); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "gsgit watch runs beside it:    %s   (%s)\n", d.subject(), took(begin))
	for _, name := range []string{"replica-1", "replica-2"} {
		if err := d.follow(name); err != nil {
			return err
		}
	}
	fmt.Fprintln(d.out)
	return nil
}

func (d *demo) follow(name string) error {
	if err := os.Mkdir(filepath.Join(d.root, name), 0o755); err != nil {
		return err
	}
	begin := time.Now()
	node, err := d.launch(func(o nodeOptions, started func(*gsgit.Node)) error {
		o.bus.Brokers = d.primary.Broker
		return runFollow(d.workers.ctx, followOptions{nodeOptions: o}, d.log, io.Discard, started)
	}, name)
	if err != nil {
		return err
	}
	d.replicas = append(d.replicas, node)
	fmt.Fprintf(d.out, "gsgit follow fills an empty:   %s   (%s)\n", filepath.Join(d.root, name), took(begin))
	return nil
}

// launch runs a node and waits until it is ready.
func (d *demo) launch(run func(nodeOptions, func(*gsgit.Node)) error, name string) (*gsgit.Node, error) {
	dir := filepath.Join(d.root, name)
	o := nodeOptions{
		place:    place{DataDir: dir, GitDir: filepath.Join(dir, ".git"), Instance: name},
		bus:      busOptions{BrokerListen: "127.0.0.1:0", Prefix: "gsgit"},
		listen:   listenOptions{Listen: "127.0.0.1:0"},
		fetch:    fetchOptions{Poll: 30 * time.Second},
		watching: watchingOptions{Settle: 100 * time.Millisecond, Scan: 5 * time.Minute, Watch: "auto"},
	}
	ready := make(chan *gsgit.Node, 1)
	d.workers.Go(func() error { return run(o, func(n *gsgit.Node) { ready <- n }) })
	select {
	case n := <-ready:
		return n, nil
	case <-time.After(time.Minute):
		return nil, fmt.Errorf("%s did not start; see %s", name, filepath.Join(d.root, "demo.log"))
	case <-d.workers.ctx.Done():
		return nil, d.workers.ctx.Err()
	}
}

// show plays one scene and prints the commit that it became, and how long both replicas took to have it.
func (d *demo) show(s scene) error {
	before := d.head()
	if err := s.do(); err != nil {
		return err
	}
	begin := time.Now()
	if s.silent {
		return d.stay(s, before)
	}
	for d.head() == before || !d.arrived() {
		if time.Since(begin) > time.Minute {
			return errors.New("it did not reach both replicas within a minute")
		}
		if err := d.pause(time.Millisecond); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.out, "  %-34s %-60s on both replicas after %s\n", s.what, d.subject(), took(begin))
	return nil
}

// stay makes sure that nothing was committed.
func (d *demo) stay(s scene, before gitstore.Hash) error {
	if err := d.pause(time.Second); err != nil {
		return err
	}
	if d.head() != before {
		return fmt.Errorf("it made a commit: %s", d.subject())
	}
	fmt.Fprintf(d.out, "  %-34s %s\n", s.what, "(no commit: only dates changed)")
	return nil
}

func (d *demo) pause(t time.Duration) error {
	select {
	case <-d.workers.ctx.Done():
		return d.workers.ctx.Err()
	case <-time.After(t):
		return nil
	}
}

func (d *demo) head() gitstore.Hash { return refOf(d.primary, d.primary.Store.BranchRef()) }

// arrived tells whether both replicas' GeoServers would see the primary's head.
func (d *demo) arrived() bool {
	for _, r := range d.replicas {
		if refOf(r, gsgit.AppliedRef) != d.head() {
			return false
		}
	}
	return true
}

// refOf reads a ref; one that can not be read differs from every commit.
func refOf(n *gsgit.Node, name string) gitstore.Hash {
	id, _ := n.Store.Ref(name)
	return id
}

func (d *demo) subject() string {
	c, err := d.primary.Store.Commit(d.head())
	if err != nil {
		return err.Error()
	}
	return c.Subject()
}

func (d *demo) inStep() error {
	for i, n := range append([]*gsgit.Node{d.primary}, d.replicas...) {
		dir := &gsgit.Directory{Root: filepath.Join(d.root, n.Instance), Rules: xmlcatalog.Rules{}}
		if err := gsgit.InStep(n.Store, dir, i == 0); err != nil {
			return fmt.Errorf("not in step: %w", err)
		}
	}
	return nil
}

func (d *demo) lookAround() {
	fmt.Fprintf(d.out, `
It goes on running; Ctrl-C ends it. Look around in another terminal:

  gsgit status -d %[1]s/primary
  gsgit log -d %[1]s/primary
  git -C %[1]s/replica-1/.git log -p
  git clone %[2]s/git/ history
  curl %[2]s/status

Edit a file below %[1]s/primary and see it arrive. The log is %[1]s/demo.log; remove %[1]s when you are done.
`, d.root, d.primary.HTTP)
}

func took(begin time.Time) string { return time.Since(begin).Round(time.Millisecond).String() }
