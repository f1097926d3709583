package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
)

type statusOptions struct {
	place
	bus    busOptions
	listen listenOptions
	Token  string
}

func statusCommand() *cli.Command {
	o := &statusOptions{}
	flags := append(o.place.flags(), o.bus.flags()...)
	flags = append(append(flags, o.listen.flags()...),
		&cli.StringFlag{Name: "token-file", Destination: &o.Token, Usage: "`FILE` with the token of the node"})
	return &cli.Command{
		Name: "status", Usage: "show this node, and every node of the topics", Flags: flags, OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("status takes no argument, but got %q", c.Args().First())
			}
			return runStatus(c.Context, o, c.App.Writer)
		},
	}
}

// runStatus asks the running node, or else the repository and the topics. Exit status 3 says that
// something is not as it should be.
func runStatus(ctx context.Context, o *statusOptions, stdout io.Writer) error {
	s, outside, err := o.gather(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		err = printJSON(stdout, s)
	} else {
		err = printStatus(stdout, s, outside)
	}
	if err == nil && !healthy(s, outside) {
		return errFound
	}
	return err
}

// gather finds out the status; outside means that there is no node's directory, only topics.
func (o *statusOptions) gather(ctx context.Context) (s gsgit.Status, outside bool, err error) {
	store, err := o.open()
	if err != nil {
		if brokers := o.bus.list(); len(brokers) > 0 {
			_, nodes, err := readTopics(ctx, o.bus)
			return gsgit.Status{Nodes: nodes}, true, err
		}
		return s, false, err
	}
	defer func() { _ = store.Close() }()
	kept, err := o.settings()
	if err != nil {
		return s, false, err
	}
	if s, err := o.ask(ctx, kept); err == nil {
		return s, false, nil
	}
	s, err = o.repository(ctx, store, kept)
	return s, false, err
}

// ask puts the question to the running node.
func (o *statusOptions) ask(ctx context.Context, kept settings) (gsgit.Status, error) {
	var s gsgit.Status
	if kept.HTTP == "" {
		return s, errors.New("no node has run here")
	}
	o.listen.take(kept)
	client, err := o.listen.ownClient()
	if err != nil {
		return s, err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, kept.HTTP+"/status", nil)
	if err != nil {
		return s, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return s, err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<20)).Decode(&s); err != nil {
		return s, err
	}
	return s, o.same(s)
}

// same makes sure that the answer is this directory's node and not another that took its port.
func (o *statusOptions) same(s gsgit.Status) error {
	name, err := o.instance()
	if err != nil || s.Node.Instance == name {
		return err
	}
	return fmt.Errorf("%s answers there", s.Node.Instance)
}

// repository tells what can be told of a node that does not run.
func (o *statusOptions) repository(ctx context.Context, store *gitstore.Store, kept settings) (gsgit.Status, error) {
	name, err := o.instance()
	if err != nil {
		return gsgit.Status{}, err
	}
	node := &gsgit.Node{Instance: name, Version: version, Roles: kept.Roles, Store: store, Health: gsgit.NewHealth(nil)}
	node.Notes = (&gsgit.Notes{Store: store, Dir: &gsgit.Directory{Root: o.DataDir}, Replica: slices.Contains(kept.Roles, "follow")}).List
	node.Health.Set("pinned", (&gsgit.Follower{Store: store}).Pinned())
	s := node.Status(false)
	brokers := o.bus
	if brokers.Brokers == "" {
		brokers = kept.bus()
	}
	if len(brokers.list()) > 0 {
		if _, nodes, err := readTopics(ctx, brokers); err == nil { // a broker that is down is no news of this node
			s.Nodes = nodes
		}
	}
	return s, nil
}

// readTopics reads the heads and the node records once.
func readTopics(ctx context.Context, b busOptions) ([]kafkabus.Announcement, []kafkabus.NodeRecord, error) {
	bus, err := kafkabus.Open(kafkabus.Config{Brokers: b.list(), Prefix: b.Prefix, ClientID: "gsgit-look", Security: b.Kafka, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	defer bus.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err = (&station{topics: bus}).hearOnce(ctx)
	nodes := []kafkabus.NodeRecord{}
	for _, n := range bus.Nodes() {
		nodes = append(nodes, n.NodeRecord)
	}
	return bus.Heads(), nodes, err
}

// healthy is the question behind the exit status.
func healthy(s gsgit.Status, outside bool) bool {
	if !outside {
		return s.Node.Running && s.Node.State == string(gsgit.OK) && s.Node.Drift == 0 && len(s.Node.Held) == 0
	}
	for _, n := range s.Nodes {
		if n.State != string(gsgit.OK) || n.Drift > 0 {
			return false
		}
	}
	return true
}

func printStatus(w io.Writer, s gsgit.Status, outside bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if !outside {
		printNode(t, s.Node)
	}
	if len(s.Nodes) > 0 {
		fmt.Fprintln(t, "NODE\tROLE\tSTATE\tDISK\tAPPLIED\tLAG\tDRIFT\tSEEN")
	}
	for _, n := range s.Nodes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", n.Instance, strings.Join(n.Roles, "+"), n.State,
			short(n.Disk), short(n.Applied), n.Lag, n.Drift, n.Time.Local().Format("15:04:05"))
	}
	return t.Flush()
}

func printNode(t io.Writer, n gsgit.NodeStatus) {
	state := n.State
	if !n.Running {
		state = "not running"
	}
	fmt.Fprintf(t, "instance\t%s\nstate\t%s\n", n.Instance, state)
	for _, c := range n.Conditions {
		fmt.Fprintf(t, "\t%s: %s\n", c.State, c.Why)
		if c.Hint != "" {
			fmt.Fprintf(t, "\t  %s\n", c.Hint)
		}
	}
	for ref, head := range n.Heads {
		fmt.Fprintf(t, "%s\t%s\n", strings.TrimPrefix(ref, "refs/heads/"), short(head))
	}
	fmt.Fprintf(t, "disk\t%s\napplied\t%s\n", short(n.Disk), short(n.Applied))
	printSome(t, "held", n.Held, func(h gsgit.HeldFile) string { return h.Path + ": " + h.What })
	printSome(t, "drift", n.DriftObjects, func(object string) string { return object })
	printSome(t, "note", n.Notes, func(n gsgit.Note) string { return n.Object + ": " + n.What })
	if n.HTTP != "" {
		fmt.Fprintf(t, "http\t%s\n", n.HTTP)
	}
	if n.Broker != "" {
		fmt.Fprintf(t, "broker\t%s\n", n.Broker)
	}
	fmt.Fprintln(t)
}

// mostLines is how many of a kind a person is shown; the document has all.
const mostLines = 20

// printSome prints the first lines of a kind, and how many more there are.
func printSome[T any](t io.Writer, kind string, list []T, line func(T) string) {
	for _, one := range list[:min(len(list), mostLines)] {
		fmt.Fprintf(t, "%s\t%s\n", kind, line(one))
	}
	if more := len(list) - mostLines; more > 0 {
		fmt.Fprintf(t, "\t… and %d more: `gsgit status --json` has all\n", more)
	}
}

// short is an id as people read it.
func short(id string) string {
	if id == "" {
		return "-"
	}
	return id[:min(10, len(id))]
}
