package gitstore_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/gsgit/gsgit/gitstore"
)

func TestOrdinaryGitClonesAndFetches(t *testing.T) {
	noLeaks(t)
	r := newRemote(t)
	r.catalog(3)
	url := serveStore(t, openRemote(t, filepath.Join(r.dir, ".git")), gitstore.ServeOptions{})
	for _, protocol := range []string{"0", "1", "2"} {
		clone := filepath.Join(t.TempDir(), "clone")
		gitIn(t, r.dir, "-c", "protocol.version="+protocol, "clone", "-q", url, clone)
		gitIn(t, clone, "fsck", "--strict")
		if got := gitIn(t, clone, "symbolic-ref", "HEAD"); got != "refs/heads/main" {
			t.Errorf("cloned branch %s", got)
		}
		for n := range 3 {
			r.commit("global.xml", strings.Repeat("x", 10+n)+protocol)
		}
		gitIn(t, clone, "-c", "protocol.version="+protocol, "fetch", "-q")
		if got := gitIn(t, clone, "rev-parse", "origin/main"); got != r.head().String() {
			t.Errorf("protocol %s fetched %s, want %s", protocol, got, r.head())
		}
		gitIn(t, clone, "fsck", "--strict")
	}
}

func TestGitFetchesWithLongHistoryOfItsOwn(t *testing.T) {
	r := newRemote(t)
	r.catalog(2)
	url := serveStore(t, openRemote(t, filepath.Join(r.dir, ".git")), gitstore.ServeOptions{})
	clone := filepath.Join(t.TempDir(), "clone")
	gitIn(t, r.dir, "clone", "-q", url, clone)
	// More commits of its own than git names in one round of haves.
	for range 40 {
		gitIn(t, clone, "commit", "-q", "--allow-empty", "-m", "mine")
	}
	r.commit("global.xml", "new")
	gitIn(t, clone, "fetch", "-q")
	gitIn(t, clone, "fsck", "--strict")
	if got := gitIn(t, clone, "rev-parse", "origin/main"); got != r.head().String() {
		t.Errorf("fetched %s, want %s", got, r.head())
	}
}

func TestGoGitClones(t *testing.T) {
	r := newRemote(t)
	r.catalog(2)
	url := serveStore(t, openRemote(t, filepath.Join(r.dir, ".git")), gitstore.ServeOptions{})
	repo, err := git.CloneContext(t.Context(), memory.NewStorage(), nil, &git.CloneOptions{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	head, err := repo.Head()
	if err != nil || head.Hash().String() != r.head().String() {
		t.Errorf("cloned %v, %v", head, err)
	}
}

func TestATokenIsAskedFor(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	url := serveStore(t, openRemote(t, filepath.Join(r.dir, ".git")), gitstore.ServeOptions{Token: "s3cret"})
	clone := func(url string, more ...string) error {
		_, err := tryGit(t.Context(), r.dir, append(more, "clone", "-q", url, filepath.Join(t.TempDir(), "clone"))...)
		return err
	}
	if clone(url) == nil || clone(strings.Replace(url, "://", "://me:guess@", 1)) == nil {
		t.Error("cloned without the token")
	}
	if err := clone(strings.Replace(url, "://", "://me:s3cret@", 1)); err != nil {
		t.Errorf("with the token as a password: %v", err)
	}
	if err := clone(url, "-c", "http.extraHeader=Authorization: Bearer s3cret"); err != nil {
		t.Errorf("with a bearer token: %v", err)
	}
	if head, err := newStore(t).FetchBranch(t.Context(), gitstore.Source{URL: url, Token: "s3cret"}, "refs/heads/main", gitstore.Hash{}); err != nil || head.IsZero() {
		t.Errorf("Fetch: %v", err)
	}
}

// ask posts one request to the handler and returns the whole answer.
func ask(h http.Handler, path string, body io.Reader, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, path, body)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(r *http.Response) string {
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

func lines(payloads ...string) *bytes.Buffer {
	var b bytes.Buffer
	pktline.NewEncoder(&b).EncodeString(payloads...)
	return &b
}

func TestNothingLeavesThatTheBranchDoesNotReach(t *testing.T) {
	r := newRemote(t)
	r.catalog(2)
	old := r.head()
	r.git("checkout", "-q", "-b", "drift")
	drift := r.commit("secret.xml", "drifted")
	r.git("update-ref", "refs/gsgit/drift/1", drift.String())
	r.git("checkout", "-q", "main")
	r.commit("global.xml", "new")
	h := openRemote(t, filepath.Join(r.dir, ".git")).Handler(gitstore.ServeOptions{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/git/info/refs?service=git-upload-pack", nil))
	if advert := w.Body.String(); strings.Contains(advert, "drift") || strings.Contains(advert, drift.String()) {
		t.Errorf("advertised: %s", advert)
	}
	for name, want := range map[string]string{
		"a drift commit":    drift.String(),
		"a tree":            r.git("rev-parse", "main^{tree}"),
		"a file":            r.git("rev-parse", "main:global.xml"),
		"a file of a drift": r.git("rev-parse", "drift:secret.xml"),
		"what is not there": strings.Repeat("1", 40),
	} {
		for _, more := range []string{"", "have " + old.String() + "\n", "have " + drift.String() + "\n"} {
			request := []string{"want " + want + " side-band-64k\n", "", "done\n"}
			if more != "" {
				request = []string{"want " + r.head().String() + " side-band-64k\n", "want " + want + "\n", "", more, "done\n"}
			}
			if got := text(ask(h, "/git/git-upload-pack", lines(request...))); !strings.Contains(got, "ERR ") || strings.Contains(got, "PACK") {
				t.Errorf("%s: answered %.100q", name, got)
			}
		}
	}
	if got := text(ask(h, "/git/git-upload-pack", lines("want "+old.String()+"\n", "", "done\n"))); !strings.Contains(got, "PACK") {
		t.Errorf("a commit that the branch has passed: answered %.100q", got)
	}
}

func TestHostileRequestsAreRefused(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	h := openRemote(t, filepath.Join(r.dir, ".git")).Handler(gitstore.ServeOptions{MaxBody: 10_000})
	want := "want " + r.head().String() + "\n"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.Copy(z, io.LimitReader(endless{new(int)}, 50<<20))
	z.Close()
	for name, c := range map[string]struct {
		path   string
		body   io.Reader
		header []string
		says   string
	}{
		"endless":       {"/git/git-upload-pack", endless{new(int)}, nil, "too large"},
		"a zip bomb":    {"/git/git-upload-pack", &zipped, []string{"Content-Encoding", "gzip"}, "longer"},
		"no zip":        {"/git/git-upload-pack", lines(want), []string{"Content-Encoding", "gzip"}, "zipped"},
		"no protocol":   {"/git/git-upload-pack", strings.NewReader("hello"), nil, "protocol"},
		"no id":         {"/git/git-upload-pack", lines("want main\n"), nil, "object id"},
		"nothing":       {"/git/git-upload-pack", strings.NewReader(""), nil, "nothing is wanted"},
		"a short line":  {"/git/git-upload-pack", strings.NewReader("0003"), nil, "protocol"},
		"cut off":       {"/git/git-upload-pack", strings.NewReader("0032want 11"), nil, "protocol"},
		"shallow":       {"/git/git-upload-pack", lines(want, "deepen 1\n", "", "done\n"), nil, "shallow"},
		"partial":       {"/git/git-upload-pack", lines(want, "filter blob:none\n", "", "done\n"), nil, "partial"},
		"a push":        {"/git/git-receive-pack", lines("x"), nil, "read-only"},
		"another place": {"/git/config", lines("x"), nil, "git clone"},
		"a climb":       {"/git/../gsgit/instance", lines("x"), nil, "git clone"},
	} {
		got := text(ask(h, c.path, c.body, c.header...))
		if !strings.Contains(got, c.says) || strings.Contains(got, "PACK") {
			t.Errorf("%s: answered %.200q, want %q", name, got, c.says)
		}
	}
}

// many is a request of one line over and over.
func many(line string, times int) io.Reader { return lines(slices.Repeat([]string{line}, times)...) }

func TestHundredsOfWantsAreRefused(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	h := openRemote(t, filepath.Join(r.dir, ".git")).Handler(gitstore.ServeOptions{})
	if got := text(ask(h, "/git/git-upload-pack", many("want "+r.head().String()+"\n", 300))); !strings.Contains(got, "more than 256 wants") {
		t.Errorf("answered %.100q", got)
	}
}

// Each want that no branch is at costs a walk through history.
func TestManyWantsOfThePastAreRefused(t *testing.T) {
	r := newRemote(t)
	r.catalog(10)
	h := openRemote(t, filepath.Join(r.dir, ".git")).Handler(gitstore.ServeOptions{})
	var wants []string
	for _, id := range strings.Fields(r.git("rev-list", "main"))[1:] {
		wants = append(wants, "want "+id+"\n")
	}
	for n, says := range map[int]string{8: "PACK", 9: "more than 8 wants"} {
		if got := text(ask(h, "/git/git-upload-pack", lines(append(slices.Clone(wants[:n]), "", "done\n")...))); !strings.Contains(got, says) {
			t.Errorf("%d wants: answered %.100q", n, got)
		}
	}
}

// A client names what it has, thousands of commits that are not here: it gets its pack all the same.
func TestThousandsOfHavesAreHeard(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	h := openRemote(t, filepath.Join(r.dir, ".git")).Handler(gitstore.ServeOptions{})
	request := []string{"want " + r.head().String() + " side-band-64k\n", ""}
	for n := range 20_000 {
		request = append(request, fmt.Sprintf("have %040x\n", n+1))
	}
	if got := text(ask(h, "/git/git-upload-pack", lines(append(request, "done\n")...))); !strings.Contains(got, "PACK") {
		t.Errorf("answered %.100q", got)
	}
}

// endless is a stream of well-formed have lines.
type endless struct{ at *int }

func (e endless) Read(p []byte) (int, error) {
	const have = "0032have 1111111111111111111111111111111111111111\n"
	for i := range p {
		p[i] = have[*e.at%len(have)]
		*e.at++
	}
	return len(p), nil
}

func TestAPushIntoANodeIsRefusedWithAWord(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	url := serveStore(t, openRemote(t, filepath.Join(r.dir, ".git")), gitstore.ServeOptions{})
	out, err := tryGit(t.Context(), r.dir, "push", url, "main")
	if err == nil || !strings.Contains(out, "403") {
		t.Errorf("pushed: %v\n%s", err, out)
	}
}

func TestServedBranchesAreThoseOfTheOptions(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	r.git("branch", "other")
	r.git("branch", "hidden")
	url := serveStore(t, openRemote(t, filepath.Join(r.dir, ".git")), gitstore.ServeOptions{Branches: func() []string { return []string{"other", "main", "gone"} }})
	got := gitIn(t, r.dir, "ls-remote", url)
	if strings.Contains(got, "hidden") || !strings.Contains(got, "refs/heads/other") || !strings.Contains(got, "HEAD") {
		t.Errorf("served:\n%s", got)
	}
}

func TestAHandlerStandsWhereItIsPut(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	h := openRemote(t, filepath.Join(r.dir, ".git")).Handler(gitstore.ServeOptions{})
	for path, handler := range map[string]http.Handler{
		"/git/": h, "/git": h, "/": h,
		"/deep/git/": http.StripPrefix("/deep", h), "/other/": http.StripPrefix("/other/", h),
	} {
		head, err := newStore(t).FetchBranch(t.Context(), gitstore.Source{URL: serveHTTP(t, handler) + path}, "refs/heads/main", gitstore.Hash{})
		if err != nil || head != r.head() {
			t.Errorf("at %s: fetched %s, %v", path, head, err)
		}
	}
}

func TestAFetchTakesOneConnectionAndTwoRequests(t *testing.T) {
	r := newRemote(t)
	r.catalog(1)
	h := openRemote(t, filepath.Join(r.dir, ".git")).Handler(gitstore.ServeOptions{})
	var connections, requests atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h.ServeHTTP(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	src := gitstore.Source{URL: server.URL}
	s := newStore(t)
	if _, err := s.FetchBranch(t.Context(), src, "refs/heads/main", gitstore.Hash{}); err != nil {
		t.Fatal(err)
	}
	if c, q := connections.Load(), requests.Load(); c != 1 || q != 2 {
		t.Errorf("%d connections and %d requests, want 1 and 2", c, q)
	}
	if err := s.SetRef(t.Context(), "refs/remotes/there/main", gitstore.Hash{}, r.head()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FetchBranch(t.Context(), src, "refs/heads/main", r.head()); err != nil {
		t.Fatal(err)
	}
	if q := requests.Load(); q != 3 {
		t.Errorf("%d requests when there was nothing new, want one more", q)
	}
}

// deadlines is a connection that remembers until when it may be read from and written to.
type deadlines struct {
	*httptest.ResponseRecorder
	reads, writes []time.Time
	unguarded     int // writes without a deadline
}

func (d *deadlines) SetReadDeadline(at time.Time) error  { d.reads = append(d.reads, at); return nil }
func (d *deadlines) SetWriteDeadline(at time.Time) error { d.writes = append(d.writes, at); return nil }

func (d *deadlines) Write(p []byte) (int, error) {
	if len(d.writes) == 0 || d.writes[len(d.writes)-1].IsZero() {
		d.unguarded++
	}
	return d.ResponseRecorder.Write(p)
}

// A client that asks byte by byte, or takes nothing of its pack, may hold a connection for a minute, not for ever.
func TestAClientHasLittleTimeForEachStep(t *testing.T) {
	r := newRemote(t)
	r.catalog(3)
	h := openRemote(t, filepath.Join(r.dir, ".git")).Handler(gitstore.ServeOptions{})
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	body := lines("want "+r.head().String()+" side-band-64k\n", "", "done\n")
	h.ServeHTTP(d, httptest.NewRequest(http.MethodPost, "/git/git-upload-pack", body))
	if !strings.Contains(d.Body.String(), "PACK") || d.unguarded > 0 {
		t.Errorf("%d writes without a limit, answered %.50q", d.unguarded, d.Body.String())
	}
	for what, all := range map[string][]time.Time{"read": d.reads, "write": d.writes} {
		if len(all) < 2 || all[0].IsZero() || !all[len(all)-1].IsZero() {
			t.Errorf("the limits to %s are %v: want one, and none for the next request of the connection", what, all)
		}
	}
}
