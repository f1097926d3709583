package main_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gsgit/gsgit/fixtures"
)

var churnSeed = flag.Uint64("churn-seed", 0, "of the churn beside a killed primary; 0 draws one")

// TestKilledInAChurn kills a primary every so often while two thousand acts, in bursts and one by one, work on
// its directory. In the end the head is the disk but for noise, and history names all damage that it holds.
func TestKilledInAChurn(t *testing.T) {
	t.Parallel()
	const acts, kills = 2000, 25
	seed := *churnSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-churn-seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	g := sampled(t)
	g.Pause = func(time.Duration) {} // no person: acts follow each other at once
	flags, _, _ := topics(t)
	watch := watching(g.Dir, append(flags, "--settle", "20ms", "--hold", "100ms")...)
	node, c := launch(t, nil, watch...), &churner{g: g, r: r}
	for i := range acts {
		must(t, c.act())
		if r.IntN(10) == 0 {
			time.Sleep(time.Duration(r.IntN(120)) * time.Millisecond) // the burst is over, for a while
		}
		if i%(acts/kills) != 0 {
			continue
		}
		must(t, node.cmd.Process.Kill())
		if _, signal := node.ended(patience); signal != syscall.SIGKILL {
			t.Fatalf("%s was not killed, it ended by itself", node.what)
		}
		for range r.IntN(10) {
			must(t, c.act())
		}
		node = launch(t, nil, watch...)
		if r.IntN(2) == 0 {
			node.await("msg=watching") // else the acts go on beside its start
		}
	}
	eventually(t, "the primary in step", func() error { return stepped(t, g.Dir, true) })
	node.terminate()
	inStep(t, g.Dir, true)
	runs(t, "check", "--history", "-d", g.Dir)
	made := len(strings.Fields(git(t, g.Dir, "rev-list", mainRef)))
	t.Logf("%d commits", made)
	if made < kills/2 {
		t.Errorf("%d acts and %d kills made %d commits", acts, kills, made)
	}
}

// churner is a GeoServer that does one thing after another, by chance. Names that were given up come again.
type churner struct {
	g      *fixtures.GeoServer
	r      *rand.Rand
	n      int
	spaces []*space
	styles []string
	free   []string // names of layers that were deleted or renamed
}

// space is a workspace with one store.
type space struct {
	name, store string
	layers      []string
}

func (c *churner) fresh(kind string) string {
	c.n++
	return fmt.Sprintf("%s%d", kind, c.n)
}

// act does one thing. Where there is too little to work on, it makes more.
func (c *churner) act() error {
	if len(c.spaces) < 3 || c.r.IntN(40) == 0 && len(c.spaces) < 8 {
		return c.create()
	}
	s := c.spaces[c.r.IntN(len(c.spaces))]
	if len(s.layers) == 0 || c.r.IntN(3) == 0 && len(s.layers) < 20 {
		return c.publish(s)
	}
	switch i := c.r.IntN(len(s.layers)); c.r.IntN(12) {
	case 0, 1, 2, 3:
		return c.g.SetTitle(s.name+":"+s.layers[i], c.fresh("Title "))
	case 4:
		return c.g.ResaveLayer(s.name + ":" + s.layers[i])
	case 5, 6:
		return c.delete(s, i)
	case 7, 8:
		return c.rename(s, i)
	case 9:
		return c.style()
	case 10:
		return c.moveUp(s)
	default:
		return c.deleteSpace(s)
	}
}

func (c *churner) create() error {
	s := &space{name: c.fresh("ws"), store: c.fresh("store")}
	c.spaces = append(c.spaces, s)
	if err := c.g.CreateWorkspace(s.name); err != nil {
		return err
	}
	return c.g.CreateStore(s.name, s.store)
}

func (c *churner) publish(s *space) error {
	name := c.fresh("layer")
	if i := slices.IndexFunc(c.free, func(name string) bool { return !slices.Contains(s.layers, name) }); i >= 0 {
		name = c.free[i]
		c.free = slices.Delete(c.free, i, i+1)
	}
	s.layers = append(s.layers, name)
	return c.g.Publish(s.name, s.store, name, "point")
}

func (c *churner) delete(s *space, i int) error {
	name := s.layers[i]
	c.free = append(c.free, name)
	s.layers = slices.Delete(s.layers, i, i+1)
	return c.g.DeleteLayer(s.name + ":" + name)
}

func (c *churner) rename(s *space, i int) error {
	was := s.layers[i]
	c.free = append(c.free, was)
	s.layers[i] = c.fresh("layer")
	return c.g.RenameLayer(s.name+":"+was, s.name+":"+s.layers[i])
}

// style makes, edits, renames or deletes a style that no layer draws with.
func (c *churner) style() error {
	body := []byte("<StyledLayerDescriptor version=\"1.0.0\"><!-- " + c.fresh("") + " --></StyledLayerDescriptor>")
	if len(c.styles) < 3 {
		c.styles = append(c.styles, c.fresh("style"))
		return c.g.CreateStyle(c.styles[len(c.styles)-1], body)
	}
	i := c.r.IntN(len(c.styles))
	switch was := c.styles[i]; c.r.IntN(3) {
	case 0:
		return c.g.EditStyle(was, body)
	case 1:
		c.styles[i] = c.fresh("style")
		return c.g.RenameStyle(was, c.styles[i])
	default:
		c.styles = slices.Delete(c.styles, i, i+1)
		return c.g.DeleteStyle(was)
	}
}

// moveUp renames the store or the workspace above layers.
func (c *churner) moveUp(s *space) error {
	if c.r.IntN(2) == 0 {
		was := s.store
		s.store = c.fresh("store")
		return c.g.RenameStore(s.name, was, s.store)
	}
	was := s.name
	s.name = c.fresh("ws")
	return c.g.RenameWorkspace(was, s.name)
}

// deleteSpace is rare, since it takes so much with it.
func (c *churner) deleteSpace(s *space) error {
	if c.r.IntN(4) > 0 {
		return c.g.SetTitle(s.name+":"+s.layers[0], c.fresh("Title "))
	}
	c.spaces = slices.DeleteFunc(c.spaces, func(other *space) bool { return other == s })
	return c.g.DeleteWorkspace(s.name)
}
