package geoserver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gsgit/gsgit/geoserver"
)

const secret = "s3cret-of-the-admin"

// visit is a request as the stand-in saw it.
type visit struct {
	method, path, contentType, user, password, body string
}

// standIn answers every request alike, and remembers them.
func standIn(t *testing.T, answer http.HandlerFunc) (url string, visits *[]visit) {
	t.Helper()
	visits = new([]visit)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		user, password, _ := r.BasicAuth()
		*visits = append(*visits, visit{r.Method, r.URL.Path, r.Header.Get("Content-Type"), user, password, string(body)})
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, visits
}

func client(t *testing.T, c geoserver.Config) *geoserver.Client {
	t.Helper()
	client, err := geoserver.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func passwordFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func fine(w http.ResponseWriter, _ *http.Request) {}

func TestCallsAreGeoServers(t *testing.T) {
	url, visits := standIn(t, fine)
	c := client(t, geoserver.Config{URL: url + "/geoserver", User: "admin", PasswordFile: passwordFile(t, secret+"\r\n")})
	for _, call := range []func() error{
		func() error { return c.Ping(t.Context()) },
		func() error { return c.PutSettings(t.Context(), []byte("<global/>")) },
		func() error { return c.Reload(t.Context()) },
	} {
		if err := call(); err != nil {
			t.Error(err)
		}
	}
	want := []visit{
		{"GET", "/geoserver/rest/about/version.xml", "", "admin", secret, ""},
		{"PUT", "/geoserver/rest/settings", "application/xml", "admin", secret, "<global/>"},
		{"POST", "/geoserver/rest/reload", "", "admin", secret, ""},
	}
	if len(*visits) != len(want) {
		t.Fatalf("%d visits", len(*visits))
	}
	for i := range want {
		if (*visits)[i] != want[i] {
			t.Errorf("call %d was %+v, want %+v", i, (*visits)[i], want[i])
		}
	}
}

func TestAddresses(t *testing.T) {
	url, visits := standIn(t, fine)
	for _, path := range []string{"/geoserver", "/geoserver/", "/geoserver/rest", "/geoserver/rest/", "/geoserver/web/", "/geoserver/web?wicket=1"} {
		*visits = nil
		if err := client(t, geoserver.Config{URL: url + path}).Reload(t.Context()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if len(*visits) != 1 || (*visits)[0].path != "/geoserver/rest/reload" || (*visits)[0].user != "" {
			t.Errorf("%s led to %+v", path, *visits)
		}
	}
	for _, bad := range []string{"", "geoserver", "127.0.0.1:8080/geoserver", "ftp://x/geoserver", "http://", "http://admin:" + secret + "@x/geoserver", "http://admin:" + secret + "@[x/geoserver"} {
		_, err := geoserver.New(geoserver.Config{URL: bad})
		if err == nil {
			t.Errorf("New took %q", bad)
			continue
		}
		judge(t, err, true, "http", "--geoserver")
	}
}

// judge checks the two methods that the loop and the command line ask for.
func judge(t *testing.T, err error, permanent bool, anyHint ...string) {
	t.Helper()
	var told interface {
		Hint() string
		Permanent() bool
	}
	if !errors.As(err, &told) {
		t.Errorf("%v says neither what to do nor whether to try again", err)
		return
	}
	if told.Permanent() != permanent {
		t.Errorf("%v: permanent is %v", err, told.Permanent())
	}
	found := false
	for _, hint := range anyHint {
		found = found || strings.Contains(told.Hint(), hint)
	}
	if !found {
		t.Errorf("%v: the hint is %q, want one of %q", err, told.Hint(), anyHint)
	}
	if strings.Contains(err.Error()+told.Hint(), secret) {
		t.Errorf("the password is told: %v %s", err, told.Hint())
	}
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		permanent bool
		hint      string
		says      string
	}{
		"wrong password": {status(401, ""), true, "--geoserver-user", "401"},
		"no admin":       {status(403, ""), true, "--geoserver-user", "403"},
		"wrong address":  {status(404, "<html>no</html>"), true, "--geoserver", "404"},
		"wrong method":   {status(405, ""), true, "--geoserver", "405"},
		"bad settings":   {status(400, "cannot parse"), true, "log", "cannot parse"},
		"broken":         {status(500, "<p>NullPointer\n\tException</p>"), false, "log", "500 Internal Server Error: NullPointer Exception"},
		"starting":       {status(503, ""), false, "again", "503"},
		"login by redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://sso.example/login?session=abc", http.StatusFound)
		}, true, "login", "302 Found to https://sso.example/login"},
		"login page": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html;charset=UTF-8")
			io.WriteString(w, "<!DOCTYPE html>\n<HTML><body>Please log in</body></html>")
		}, true, "login", "web page"},
	} {
		t.Run(name, func(t *testing.T) {
			url, visits := standIn(t, c.answer)
			client := client(t, geoserver.Config{URL: url, User: "admin", PasswordFile: passwordFile(t, secret)})
			err := client.Reload(t.Context())
			if err == nil {
				t.Fatal("taken for a success")
			}
			judge(t, err, c.permanent, c.hint)
			if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "session") {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if len(*visits) != 1 {
				t.Errorf("%d requests: the call is made once, the loop decides on another", len(*visits))
			}
			var e *geoserver.Error
			if errors.As(err, &e) && e.Status() == 0 {
				t.Error("the status is lost")
			}
		})
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func TestNoSecretIsTold(t *testing.T) {
	leaks := "login of admin/" + secret + ` failed; <entry key="passwd">crypt1:AbC+/=</entry> password=hunter2 {"pwd": "hunter3"} passwd: hunter4 Authorization: Basic YWRtaW4= token=hunter5`
	url, _ := standIn(t, status(500, leaks))
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := client(t, geoserver.Config{URL: url, User: "admin", PasswordFile: passwordFile(t, secret), Logger: logger})
	err := c.PutSettings(t.Context(), []byte("<global><proxyPassword>"+secret+"</proxyPassword></global>"))
	if err == nil {
		t.Fatal("taken for a success")
	}
	for _, word := range []string{secret, "hunter", "AbC", "YWRt"} {
		if strings.Contains(err.Error(), word) || strings.Contains(log.String(), word) {
			t.Errorf("%q is told: %v\n%s", word, err, log.String())
		}
	}
	if !strings.Contains(err.Error(), "failed") {
		t.Errorf("the excerpt is gone: %v", err)
	}
}

func TestExcerptIsShort(t *testing.T) {
	url, _ := standIn(t, status(500, strings.Repeat("ä very long answer ", 10_000)))
	if err := client(t, geoserver.Config{URL: url}).Reload(t.Context()); len(err.Error()) > 600 {
		t.Errorf("%d bytes of error", len(err.Error()))
	}
}

func TestGeoServerIsDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String() + "/geoserver"
	listener.Close()
	err = client(t, geoserver.Config{URL: address}).Reload(t.Context())
	if err == nil {
		t.Fatal("nobody answered")
	}
	judge(t, err, false, "start GeoServer")
	if strings.Count(err.Error(), "/rest") > 1 {
		t.Errorf("the address is told twice: %v", err)
	}
}

func TestCutOffInTheAnswer(t *testing.T) {
	url, _ := standIn(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	})
	err := client(t, geoserver.Config{URL: url}).Reload(t.Context())
	if err == nil {
		t.Fatal("half an answer taken for one")
	}
	judge(t, err, false, "again")
}

func TestStoppedInAReload(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url, _ := standIn(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if err := client(t, geoserver.Config{URL: url}).Reload(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Reload: %v", err)
	}
}

func TestPasswordFile(t *testing.T) {
	url, visits := standIn(t, fine)
	missing := filepath.Join(t.TempDir(), "missing")
	c := client(t, geoserver.Config{URL: url, User: "admin", PasswordFile: missing})
	err := c.Ping(t.Context())
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("Ping: %v", err)
	}
	judge(t, err, false, "--geoserver-password-file")
	if len(*visits) > 0 {
		t.Error("asked without a password")
	}
	if err := os.WriteFile(missing, []byte("rotated\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(t.Context()); err != nil || (*visits)[0].password != "rotated" {
		t.Errorf("the new password is not taken up: %v, %+v", err, *visits)
	}
}
