package gsgit_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gsgit/gsgit/fixtures"
)

var seed = flag.Uint64("seed", 0, "of the churn; 0 draws one")

// churn is a GeoServer with several hands at once: everything that can be done to a catalog, in any order.
type churn struct {
	g      *fixtures.GeoServer
	r      *rand.Rand
	n      int
	keep   bool     // deletes nothing for a while: removals make everything wait
	layers []string // workspace:name
	styles []string
	stores []string // of workspace harbour or a churn workspace: "ws store"
	spaces []string
}

func (c *churn) name(prefix string) string {
	c.n++
	return fmt.Sprintf("%s%d", prefix, c.n)
}

func pick(c *churn, from []string) (string, int) {
	if len(from) == 0 {
		return "", -1
	}
	i := c.r.IntN(len(from))
	return from[i], i
}

func without(list []string, i int) []string { return append(list[:i:i], list[i+1:]...) }

// step does one random act. What an act before it took away is an error that means nothing.
func (c *churn) step() {
	switch c.r.IntN(16) {
	case 0:
		ws := c.name("ws")
		if c.g.CreateWorkspace(ws) == nil {
			c.spaces = append(c.spaces, ws)
		}
	case 1:
		if ws, i := pick(c, c.spaces); i >= 0 {
			name := c.name("store")
			if c.g.CreateStore(ws, name) == nil {
				c.stores = append(c.stores, ws+" "+name)
			}
		}
	case 2, 3, 4, 5:
		c.publish()
	case 6, 7:
		if l, i := pick(c, c.layers); i >= 0 {
			_ = c.g.SetTitle(l, c.name("title "))
		}
	case 8:
		c.style()
	case 9:
		if l, i := pick(c, c.layers); i >= 0 {
			if s, j := pick(c, c.styles); j >= 0 {
				_ = c.g.SetDefaultStyle(l, s)
			}
		}
	case 10, 11:
		c.rename()
	case 12, 13:
		if !c.keep {
			c.delete()
		}
	case 14:
		if l, i := pick(c, c.layers); i >= 0 {
			_ = c.g.ResaveLayer(l)
		}
	case 15:
		if l, i := pick(c, c.layers); i >= 0 {
			_ = c.g.CreateGroup(c.name("group"), l)
		}
	}
}

func (c *churn) publish() {
	s, i := pick(c, c.stores)
	if i < 0 {
		return
	}
	var ws, store string
	if _, err := fmt.Sscan(s, &ws, &store); err != nil {
		return
	}
	name := c.name("layer")
	if c.g.Publish(ws, store, name, "point") == nil {
		c.layers = append(c.layers, ws+":"+name)
	}
}

func (c *churn) style() {
	name := c.name("style")
	if c.g.CreateStyle(name, body(name)) == nil {
		c.styles = append(c.styles, name)
	}
}

func (c *churn) rename() {
	switch c.r.IntN(4) {
	case 0:
		if l, i := pick(c, c.layers); i >= 0 {
			ws := l[:len(l)-len(filepath.Base(l))]
			name := c.name("renamed")
			if c.g.RenameLayer(l, ws+name) == nil {
				c.layers = without(c.layers, i)
			}
		}
	case 1:
		if s, i := pick(c, c.styles); i >= 0 {
			name := c.name("style")
			if c.g.RenameStyle(s, name) == nil {
				c.styles[i] = name
			}
		}
	case 2:
		if s, i := pick(c, c.stores); i >= 0 {
			var ws, store string
			_, _ = fmt.Sscan(s, &ws, &store)
			name := c.name("store")
			if c.g.RenameStore(ws, store, name) == nil {
				c.stores[i] = ws + " " + name
			}
		}
	case 3:
		if ws, i := pick(c, c.spaces); i >= 0 {
			name := c.name("ws")
			if c.g.RenameWorkspace(ws, name) == nil {
				c.spaces[i] = name
			}
		}
	}
}

func (c *churn) delete() {
	switch c.r.IntN(5) {
	case 0, 1:
		if l, i := pick(c, c.layers); i >= 0 && c.g.DeleteLayer(l) == nil {
			c.layers = without(c.layers, i)
		}
	case 2:
		if s, i := pick(c, c.styles); i >= 0 && c.g.DeleteStyle(s) == nil {
			c.styles = without(c.styles, i)
		}
	case 3:
		if s, i := pick(c, c.stores); i >= 0 && len(c.stores) > 3 {
			var ws, store string
			_, _ = fmt.Sscan(s, &ws, &store)
			if c.g.DeleteStore(ws, store) == nil {
				c.stores = without(c.stores, i)
			}
		}
	case 4:
		if ws, i := pick(c, c.spaces); i >= 0 && len(c.spaces) > 3 && c.r.IntN(4) == 0 && c.g.DeleteWorkspace(ws) == nil {
			c.spaces = without(c.spaces, i)
		}
	}
}

// Thousands of acts, in bursts and one by one, beside a publisher that is stopped and started between any two
// of its steps and watches by events and by scans in turn. In the end the head is the disk but for noise,
// nothing in history is torn, and no damage stands in it unnamed.
func TestG1G2Churn(t *testing.T) {
	t.Parallel()
	acts := 2500
	if testing.Short() {
		acts = 800
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", *seed)
	p := newPrimary(t, sampleDir(t), func(p *primary) { p.hold, p.settle = time.Second, 15*time.Millisecond })
	r := rand.New(rand.NewPCG(*seed, 1))
	c := &churn{r: r, g: &fixtures.GeoServer{Writer: fixtures.Writer{Dir: p.dir, Pause: func(time.Duration) {}}},
		stores: []string{"harbour charts"}}
	for i := range acts {
		c.keep = i/500%2 == 0
		c.step()
		switch n := r.IntN(400); {
		case n == 0:
			p.end() // and go on while it is down
			for range r.IntN(30) {
				c.step()
			}
			p.start()
		case n < 25:
			time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
		}
		if i%500 == 250 {
			p.scribble(r)
		}
	}
	for commit, err := range p.store.Log(t.Context(), p.head()) {
		if damage := commit.Trailers("Gsgit-Damage"); err != nil || len(damage) > 0 {
			t.Errorf("%s (%s) names damage, though every act was whole within the hold: %q (%v)", commit.ID, commit.Subject(), damage, err)
		}
	}
	if made := len(p.commits()); made < acts/100 {
		t.Errorf("%d acts made %d commits", acts, made)
	} else {
		t.Logf("%d commits; %d layers, %d stores, %d workspaces and %d styles are left", made, len(c.layers), len(c.stores), len(c.spaces), len(c.styles))
	}
}

// scribble leaves half a file for a moment, as an editor does.
func (p *primary) scribble(r *rand.Rand) {
	path := "styles/depth.sld"
	whole, err := os.ReadFile(filepath.Join(p.dir, path))
	if err != nil {
		return
	}
	p.write(path, string(whole[:r.IntN(len(whole))]))
	time.Sleep(3 * testSettle)
	p.write(path, string(whole))
}
