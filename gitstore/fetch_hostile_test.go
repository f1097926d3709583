package gitstore_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"

	"github.com/gsgit/gsgit/gitstore"
)

// lyingServer advertises head, and answers every request with what answer writes.
func lyingServer(t *testing.T, head gitstore.Hash, answer func(http.ResponseWriter)) string {
	return serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			line := pktline.NewEncoder(w)
			line.EncodeString("# service=git-upload-pack\n")
			line.Flush()
			line.Encodef("%s refs/heads/main\x00side-band-64k ofs-delta\n", head)
			line.Flush()
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		answer(w)
	}))
}

// sendBands answers as a git server does, with any bytes for a pack.
func sendBands(w io.Writer, pack []byte) {
	line := pktline.NewEncoder(w)
	line.EncodeString("NAK\n")
	for len(pack) > 0 {
		n := min(len(pack), 1000)
		line.Encode(append([]byte{1}, pack[:n]...))
		pack = pack[n:]
	}
	line.Flush()
}

// pack packs exactly the listed objects, connected or not.
func (r remote) pack(ids ...string) []byte {
	r.Helper()
	cmd := exec.Command("git", "pack-objects", "-q", "--stdout")
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(strings.Join(ids, "\n")+"\n")
	out, err := cmd.Output()
	if err != nil {
		r.Fatal(err)
	}
	return out
}

// objects lists the ids of everything that rev reaches, without those that a word in drop names by path or kind.
func (r remote) objects(rev string) []string {
	var ids []string
	for line := range strings.Lines(r.git("rev-list", "--objects", rev)) {
		ids = append(ids, strings.Fields(line)[0])
	}
	return ids
}

func without(ids []string, drop string) []string {
	var rest []string
	for _, id := range ids {
		if id != drop {
			rest = append(rest, id)
		}
	}
	return rest
}

func TestPacksThatAreNotWholeAreRefused(t *testing.T) {
	r := newRemote(t)
	first := r.commit("workspaces/topp/workspace.xml", "<workspace/>")
	head := r.commit("global.xml", "<global/>")
	all := r.objects("HEAD")
	whole := r.pack(all...)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 0xff
	for name, c := range map[string]struct {
		pack []byte
		says string
	}{
		"a missing file":      {r.pack(without(all, r.git("rev-parse", "HEAD:global.xml"))...), "is missing"},
		"a missing tree":      {r.pack(without(all, r.git("rev-parse", "HEAD:workspaces/topp"))...), "is missing"},
		"a missing root tree": {r.pack(without(all, r.git("rev-parse", "HEAD^{tree}"))...), "is missing"},
		"a missing parent":    {r.pack(without(all, first.String())...), first.String() + ": not found"},
		"the head is missing": {r.pack(without(all, head.String())...), head.String()},
		"a flipped byte":      {flipped, "checksum"},
		"cut off":             {whole[:len(whole)-30], "checksum"},
		"only a head":         {whole[:12], "no pack"},
		"something behind it": {append(bytes.Clone(whole), "more"...), "checksum"},
		"no pack":             {[]byte("hello, this is no pack at all"), "where a pack should be"},
		"nothing":             {nil, ""},
		"too few objects":     {miscounted(whole, 200), ""},
		"more than it says":   {miscounted(whole, 2), ""},
		"an object that lies": {r.lyingPack(all, head), ""},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			s := newStore(t)
			url := lyingServer(t, head, func(w http.ResponseWriter) { sendBands(w, c.pack) })
			_, err := s.FetchBranch(t.Context(), gitstore.Source{URL: url}, "refs/heads/main", gitstore.Hash{})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("fetched: %v, want an error with %q", err, c.says)
			}
			if left := leftovers(t, s); len(left) > 0 || s.Has(head) {
				t.Errorf("left over: %v, head there: %v", left, s.Has(head))
			}
		})
	}
}

// miscounted is the pack with another number of objects in its head, and a checksum that fits.
func miscounted(pack []byte, count byte) []byte {
	p := bytes.Clone(pack[:len(pack)-20])
	p[11] = count
	sum := sha1.Sum(p)
	return append(p, sum[:]...)
}

// lyingPack holds everything but a head that is a blob with the commit's text.
func (r remote) lyingPack(all []string, head gitstore.Hash) []byte {
	text := r.git("cat-file", "commit", head.String())
	r.write("lie", text)
	blob := r.git("hash-object", "-w", "lie")
	return r.pack(append(without(all, head.String()), blob)...)
}

func TestTreesThatNoDirectoryCanHoldAreRefused(t *testing.T) {
	r := newRemote(t)
	r.write("x", "x")
	copyID := hashOf(t, r.git("hash-object", "-w", "x"))
	blob := string(copyID[:])
	deep := deepTree(r, 400)
	for name, tree := range map[string]string{
		"dot git":                "100644 .git\x00" + blob,
		"DOT GIT":                "100644 .GiT\x00" + blob,
		"dots":                   "100644 ..\x00" + blob,
		"a slash":                "100644 a/b\x00" + blob,
		"no name":                "100644 \x00" + blob,
		"out of order":           "100644 b\x00" + blob + "100644 a\x00" + blob,
		"twice":                  "100644 a\x00" + blob + "100644 a\x00" + blob,
		"no mode":                "blob a\x00" + blob,
		"cut off":                "100644 a\x00" + blob[:10],
		"a file for a directory": "40000 a\x00" + blob,
		"far too deep":           deep,
	} {
		t.Run(name, func(t *testing.T) {
			r.write("tree", tree)
			id := r.git("hash-object", "-w", "-t", "tree", "--literally", "tree")
			r.write("commit", "tree "+id+"\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nm\n")
			head := hashOf(t, r.git("hash-object", "-w", "-t", "commit", "commit"))
			ids := []string{head.String(), id, copyID.String()}
			if name == "far too deep" {
				ids = append(ids, r.objects(head.String())...)
			}
			pack := r.pack(ids...)
			s := newStore(t)
			url := lyingServer(t, head, func(w http.ResponseWriter) { sendBands(w, pack) })
			err := s.Fetch(t.Context(), gitstore.Source{URL: url}, head, gitstore.Hash{})
			if err == nil || !strings.Contains(err.Error(), "incomplete history") && !strings.Contains(err.Error(), "not sound") {
				t.Errorf("fetched: %v", err)
			}
			if s.Has(head) {
				t.Error("the commit was kept")
			}
		})
	}
}

func deepTree(r remote, levels int) string {
	content := ""
	for n := range levels {
		r.write("tree", content)
		id := hashOf(r, r.git("hash-object", "-w", "-t", "tree", "tree"))
		content = fmt.Sprintf("40000 d%d\x00%s", n, id[:])
	}
	return content
}

func TestNonsenseAnswersEndInAnError(t *testing.T) {
	head := gitstore.Hash{1}
	zeros := bytes.Repeat([]byte("0"), 64<<10)
	for name, answer := range map[string]func(w http.ResponseWriter){
		"nothing":          func(http.ResponseWriter) {},
		"no protocol":      func(w http.ResponseWriter) { io.WriteString(w, "<html>hello") },
		"an error":         func(w http.ResponseWriter) { pktline.NewEncoder(w).EncodeString("ERR go \x1b[31maway\n") },
		"a fatal band":     func(w http.ResponseWriter) { pktline.NewEncoder(w).EncodeString("NAK\n", "\x03out of memory\n") },
		"an unknown band":  func(w http.ResponseWriter) { pktline.NewEncoder(w).EncodeString("NAK\n", "\x01PACK", "\x07?") },
		"only NAK":         func(w http.ResponseWriter) { pktline.NewEncoder(w).EncodeString("NAK\n") },
		"a lie about size": func(w http.ResponseWriter) { io.WriteString(w, "fff0NAK") },
		"no flush":         func(w http.ResponseWriter) { pktline.NewEncoder(w).EncodeString("NAK\n", "\x01PACK\x00\x00\x00\x02") },
		"endless zeros": func(w http.ResponseWriter) {
			for {
				if _, err := w.Write(zeros); err != nil {
					return
				}
			}
		},
		"endless words": func(w http.ResponseWriter) {
			line := pktline.NewEncoder(w)
			line.EncodeString("NAK\n", "\x01PACK")
			for line.Encode(append([]byte{1}, zeros[:60000]...)) == nil && line.EncodeString("\x09") == nil {
			}
		},
		"endless talk":     repeated("\x02counting objects\n"),
		"endless NAK":      repeated("NAK\n"),
		"endless ACK":      repeated("ACK " + strings.Repeat("1", 40) + " common\n"),
		"endless nothings": repeated("\x01"),
		"a length of one":  func(w http.ResponseWriter) { io.WriteString(w, "0008NAK\n0001") },
		"a length of four": func(w http.ResponseWriter) { io.WriteString(w, "0008NAK\n0004") },
		"the longest line": func(w http.ResponseWriter) { io.WriteString(w, "0008NAK\nffff\x01PACK") },
		"no hex":           func(w http.ResponseWriter) { io.WriteString(w, "0008NAK\n-001\x01PACK") },
		"a page":           func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html"); io.WriteString(w, "hi") },
		"a fault":          func(w http.ResponseWriter) { http.Error(w, "database gone", http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			s := newStore(t)
			url := lyingServer(t, head, answer)
			err := s.Fetch(t.Context(), gitstore.Source{URL: url}, head, gitstore.Hash{})
			if err == nil || strings.ContainsRune(err.Error(), '\x1b') {
				t.Errorf("fetched: %v", err)
			}
			if left := leftovers(t, s); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
}

// repeated answers with NAK, and then with one line for ever.
func repeated(line string) func(w http.ResponseWriter) {
	var many bytes.Buffer
	for encode := pktline.NewEncoder(&many); many.Len() < 64<<10; {
		encode.EncodeString(line)
	}
	return func(w http.ResponseWriter) {
		pktline.NewEncoder(w).EncodeString("NAK\n")
		for {
			if _, err := w.Write(many.Bytes()); err != nil {
				return
			}
		}
	}
}

// A zipped answer is not asked for, and not unzipped: it would be a thousand times what came.
func TestZippedAnswersAreNotUnzipped(t *testing.T) {
	head := gitstore.Hash{1}
	bomb := func(w http.ResponseWriter) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		line := pktline.NewEncoder(z)
		line.EncodeString("NAK\n")
		for line.Encode(append([]byte("\x01PACK"), make([]byte, 60_000)...)) == nil {
		}
	}
	advert := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("asked for %q", got)
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		bomb(w)
	}))
	for name, url := range map[string]string{"advertisement": advert, "pack": lyingServer(t, head, bomb)} {
		err := newStore(t).Fetch(t.Context(), gitstore.Source{URL: url}, head, gitstore.Hash{})
		if err == nil || !strings.Contains(err.Error(), "does not speak git's protocol") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNamesThatAreNoRefsAreNotHeard(t *testing.T) {
	head := gitstore.Hash{1}
	url := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		line := pktline.NewEncoder(w)
		for _, name := range []string{"refs/heads/main", "refs/../../etc/passwd", "refs/heads/a.lock", "refs/heads/.hidden", "refs/heads/\x1b[2J", "HEAD", "/refs/heads/x"} {
			line.Encodef("%s %s\n", head, name)
		}
		line.Flush()
	}))
	a, err := newStore(t).Advertised(t.Context(), gitstore.Source{URL: url})
	if err != nil || len(a.Refs) != 1 || a.Refs["refs/heads/main"] != head {
		t.Errorf("advertised %v, %v", a.Refs, err)
	}
}

func TestNonsenseAdvertisementsEndInAnError(t *testing.T) {
	for name, write := range map[string]func(w io.Writer){
		"nothing":     func(io.Writer) {},
		"no protocol": func(w io.Writer) { io.WriteString(w, "hello there") },
		"no id":       func(w io.Writer) { pktline.NewEncoder(w).EncodeString("main refs/heads/main\n", "") },
		"cut off":     func(w io.Writer) { pktline.NewEncoder(w).EncodeString(strings.Repeat("1", 40) + " refs/heads/main\n") },
		"an error":    func(w io.Writer) { pktline.NewEncoder(w).EncodeString("ERR access denied") },
		"other hashes": func(w io.Writer) {
			pktline.NewEncoder(w).EncodeString(strings.Repeat("1", 40)+" refs/heads/main\x00object-format=sha256\n", "")
		},
		"endless": func(w io.Writer) {
			line := pktline.NewEncoder(w)
			for n := 0; line.Encodef("%040x refs/heads/b%d\n", n+1, n) == nil; n++ {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
				write(w)
			}))
			if a, err := newStore(t).Advertised(t.Context(), gitstore.Source{URL: url}); err == nil {
				t.Errorf("advertised: %v", a)
			}
		})
	}
}
