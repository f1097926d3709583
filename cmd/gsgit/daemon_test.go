package main_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/fixtures"
)

func watching(dir string, more ...string) []string {
	return append([]string{"watch", "-d", dir, "-n", "gs-a", "--listen", "127.0.0.1:0"}, more...)
}

func following(dir string, more ...string) []string {
	return append([]string{"follow", "-d", dir, "-n", "gs-b", "--listen", "127.0.0.1:0"}, more...)
}

// TestTermination: SIGTERM ends a node with 0 within ten seconds, whatever it is doing or waiting for. Each
// case starts a node and returns when that is in the middle of it.
func TestTermination(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) *process{
		"watch at rest": func(t *testing.T) *process {
			p := launch(t, nil, watching(sampled(t).Dir, "--broker-listen", "127.0.0.1:0")...)
			p.await("msg=announced")
			return p
		},
		"watch in an import": func(t *testing.T) *process {
			dir := t.TempDir()
			must(t, fixtures.Synthetic(dir, 3000, 50))
			p := launch(t, nil, watching(dir, "--brokers", "none")...)
			p.await("msg=listening")
			return p
		},
		"watch in a hold": func(t *testing.T) *process {
			g := sampled(t)
			p := launch(t, nil, watching(g.Dir, "--brokers", "none", "--hold", "5m")...)
			p.await("msg=watching")
			must(t, os.WriteFile(g.File("styles/torn.xml"), []byte("<style><id>half"), 0o644))
			time.Sleep(500 * time.Millisecond) // nothing tells that it waits
			return p
		},
		"watch with a broker that hangs": func(t *testing.T) *process {
			p := launch(t, nil, watching(sampled(t).Dir, "--brokers", silent(t))...)
			p.await("msg=listening")
			return p
		},
		"watch with a hub that hangs": func(t *testing.T) *process {
			url, asked := hanging(t)
			flags, _, _ := topics(t)
			p := launch(t, nil, watching(sampled(t).Dir, append(flags, "--remote", url)...)...)
			<-asked
			return p
		},
		"follow in a fetch": func(t *testing.T) *process {
			url, asked := hanging(t)
			p := launch(t, nil, following(t.TempDir(), "--from", url)...)
			<-asked
			return p
		},
		"follow in a reload": func(t *testing.T) *process {
			url, asked := hanging(t)
			primary := sampled(t).Dir
			runs(t, "init", "-d", primary)
			p := launch(t, nil, following(t.TempDir(), "--from", filepath.Join(primary, ".git"), "--geoserver", url)...)
			<-asked
			return p
		},
		"follow with a broker that hangs": func(t *testing.T) *process {
			p := launch(t, nil, following(t.TempDir(), "--brokers", silent(t))...)
			p.await("msg=listening")
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start(t).terminate()
		})
	}
}

// hanging is a server that takes every request and answers none; asked is closed when the first came.
func hanging(t *testing.T) (url string, asked <-chan struct{}) {
	t.Helper()
	first := make(chan struct{}, 1)
	came, over := make(chan struct{}), make(chan struct{})
	first <- struct{}{}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case <-first:
			close(came)
		default:
		}
		<-over
	}))
	t.Cleanup(func() { close(over); server.Close() })
	return server.URL + "/git/", came
}

// silent is the address of a broker that takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// TestImportThatWasTerminated goes on at the next start.
func TestImportThatWasTerminated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, fixtures.Synthetic(dir, 1000, 50))
	flags, _, _ := topics(t)
	p := launch(t, nil, watching(dir, flags...)...)
	p.await("msg=listening")
	p.terminate()
	runs(t, append([]string{"watch", "--once", "-d", dir, "-n", "gs-a"}, flags...)...)
	nothingLeft(t, dir)
	must(t, stepped(t, dir, true))
	if n := git(t, dir, "rev-list", "--count", mainRef); n != "1" {
		t.Errorf("the import became %s commits", n)
	}
}

func TestSecondProcessOnOneDirectory(t *testing.T) {
	t.Parallel()
	dir := sampled(t).Dir
	first := launch(t, nil, watching(dir, "--broker-listen", "127.0.0.1:0")...)
	first.await("msg=watching")
	for _, args := range [][]string{
		watching(dir, "--broker-listen", "127.0.0.1:0"),
		following(dir, "--from", "http://127.0.0.1:1/git/"),
		{"watch", "--once", "-d", dir, "--brokers", "none"},
	} {
		second := launch(t, nil, args...)
		second.exits(1, 5*time.Second)
		second.await("another gsgit", strconv.Itoa(first.cmd.Process.Pid))
	}
	first.terminate()
	inStep(t, dir, true)
}

// TestTwins: two nodes with one instance name are told apart by their epochs, named, and stop announcing.
func TestTwins(t *testing.T) {
	t.Parallel()
	flags, address, prefix := topics(t)
	g := sampled(t)
	runs(t, "init", "-d", g.Dir, "-n", "gs-a")
	clone := serverOf(copied(t, g.Dir))
	first := launch(t, nil, watching(g.Dir, flags...)...)
	first.await("msg=announced")
	second := launch(t, nil, watching(clone.Dir, flags...)...)
	second.await("msg=watching")
	first.await("another gsgit announces as gs-a")
	// Both write one record, the other one "ok", so the word has to be caught while it stands there.
	heard := reading(t, address, prefix)
	eventually(t, "the twin is in error", func() error {
		for _, n := range heard.Nodes() {
			if n.Instance == "gs-a" && n.State == "error" {
				return nil
			}
		}
		return errors.New("no record of gs-a says error")
	})
	head := ref(t, g.Dir, mainRef)
	retitle(t, g.Dir, "buoys", "Twin")
	eventually(t, "the commit", func() error {
		if ref(t, g.Dir, mainRef) == head {
			return errors.New("nothing is lost, but recorded: not yet")
		}
		return nil
	})
	first.terminate()
	second.terminate()
	if own, _ := reading(t, address, prefix).Own("gs-a/" + mainRef); own.Commit == ref(t, g.Dir, mainRef).String() {
		t.Error("the twin went on announcing")
	}
}

// TestLinkInTheWay: a link is neither followed nor replaced, and a commit that would have to is refused whole.
func TestLinkInTheWay(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	dir, elsewhere := filledReplica(t, h.first), t.TempDir()
	must(t, os.Rename(filepath.Join(dir, "styles/depth.sld"), filepath.Join(elsewhere, "depth.sld")),
		os.Symlink(filepath.Join(elsewhere, "depth.sld"), filepath.Join(dir, "styles/depth.sld")))
	before, err := os.ReadFile(filepath.Join(elsewhere, "depth.sld"))
	must(t, err)
	refused(t, []string{"styles/depth.sld", "link"}, followOnce(dir, h.second)...)
	after, err := os.ReadFile(filepath.Join(elsewhere, "depth.sld"))
	must(t, err)
	if string(before) != string(after) {
		t.Error("the file behind the link was written")
	}
	if _, err := os.Stat(filepath.Join(dir, "workspaces/town")); err == nil {
		t.Error("a part of the commit was applied")
	}
	must(t, os.Remove(filepath.Join(dir, "styles/depth.sld")))
	runs(t, followOnce(dir, h.second)...)
	inStep(t, dir, false)
}

// tiny is a file system of some MiB.
func tiny(t *testing.T, mib int) string {
	t.Helper()
	dir := t.TempDir()
	mounted(t, dir, mib)
	return dir
}

// fill leaves so many bytes free on a file system.
func fill(t *testing.T, dir string, left int64) (undo func()) {
	t.Helper()
	var fs syscall.Statfs_t
	must(t, syscall.Statfs(dir, &fs))
	name := filepath.Join(dir, "filling")
	must(t, os.WriteFile(name, make([]byte, int64(fs.Bavail)*int64(fs.Bsize)-left), 0o600))
	return func() { must(t, os.Remove(name)) }
}

// TestDiskFullOnAReplica fills the data directory's volume; the repository is on another, so that it is the
// writing of files that fails, beside which they are staged.
func TestDiskFullOnAReplica(t *testing.T) {
	h := newHistory(t)
	dir, home := filepath.Join(tiny(t, 2), "data"), t.TempDir()
	must(t, os.Mkdir(dir, 0o755))
	follow := func(from string) []string {
		return followOnce(dir, from, "--git-dir", filepath.Join(home, ".git"), "--min-free", "0")
	}
	runs(t, follow(h.first)...)
	disk, failed := ref(t, home, gsgit.DiskRef), 0
	for _, left := range []int64{0, 12 << 10, 40 << 10, 80 << 10} {
		undo := fill(t, filepath.Dir(dir), left)
		p := launch(t, nil, follow(h.second)...)
		code, _ := p.ended(patience)
		undo()
		if code == 0 {
			break // it was enough
		}
		failed++
		if !p.has("space") {
			t.Errorf("with %d bytes free it ended with %d and did not say why", left, code)
		}
		if now := ref(t, home, gsgit.DiskRef); now != disk {
			t.Errorf("with %d bytes free the marker went on to %s", left, now)
		}
		nothingLeft(t, dir)
	}
	if failed == 0 {
		t.Error("the disk was never full")
	}
	runs(t, follow(h.second)...)
	must(t, gsgit.InStep(opened(t, home), directory(dir), false))
	nothingLeft(t, dir)
	nothingLeft(t, home)
}

func TestDiskFullOnAPrimary(t *testing.T) {
	g := serverOf(filepath.Join(tiny(t, 4), "data"))
	must(t, os.Mkdir(g.Dir, 0o755), fixtures.Sample(g.Dir))
	flags, _, _ := topics(t)
	once := append([]string{"watch", "--once", "-d", g.Dir, "-n", "gs-a"}, flags...)
	refused(t, []string{"free", "--min-free"}, append(once, "--min-free", "100MiB")...)
	once = append(once, "--min-free", "0")
	runs(t, once...)
	head := ref(t, g.Dir, mainRef)
	retitle(t, g.Dir, "buoys", "Full")
	for _, left := range []int64{0, 4 << 10, 12 << 10} {
		undo := fill(t, filepath.Dir(g.Dir), left)
		p := launch(t, nil, once...)
		if code, _ := p.ended(patience); code != 0 && !p.has("no space") {
			t.Errorf("with %d bytes free it ended with %d and did not say why", left, code)
		}
		undo()
		follows(t, g.Dir, head, ref(t, g.Dir, mainRef))
	}
	runs(t, once...)
	if body := git(t, g.Dir, "show", mainRef+":workspaces/harbour/charts/buoys/featuretype.xml"); !strings.Contains(body, "Full") {
		t.Error("the edit is not in history")
	}
	must(t, stepped(t, g.Dir, true))
	nothingLeft(t, g.Dir)
	git(t, g.Dir, "fsck", "--strict")
}

// TestPickUp: applied moves only after the GeoServer has done what it was asked, and a kill in between asks again.
func TestPickUp(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	dir := filledReplica(t, h.first)
	server, err := fixtures.StartStandIn(dir, "admin", "secret")
	must(t, err)
	t.Cleanup(func() { server.Close() })
	server.ReloadWrites(0)
	password := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(password, []byte("secret\n"), 0o600))
	follow := followOnce(dir, h.second, "--geoserver", server.URL(), "--geoserver-password-file", password)
	before, head := ref(t, dir, gsgit.AppliedRef), ref(t, h.second, mainRef)
	notYet := func(why string) {
		t.Helper()
		if disk, applied := ref(t, dir, gsgit.DiskRef), ref(t, dir, gsgit.AppliedRef); disk != head || applied != before {
			t.Errorf("%s, and disk is %s, applied %s", why, disk, applied)
		}
	}
	server.Answer(http.StatusInternalServerError)
	refused(t, []string{"500"}, follow...)
	notYet("the reload failed")
	must(t, server.Down())
	refused(t, []string{"refused"}, follow...)
	notYet("the GeoServer was down")
	must(t, server.Up())
	server.Answer(0)
	server.ReloadWrites(0)
	asked := server.Reloads()
	k := kill{"pickup.applied", 1}
	k.dies(t, launch(t, k.env(), follow...))
	notYet("killed before the marker")
	runs(t, follow...)
	if n := server.Reloads() - asked; n != 2 {
		t.Errorf("%d reloads around a kill", n)
	}
	inStep(t, dir, false)
	runs(t, follow...)
	if n := server.Reloads() - asked; n != 2 {
		t.Errorf("a start without news reloaded: %d", n)
	}
}
