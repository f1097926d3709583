package geoserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Time-outs of one call. A reload answers when it is done, which takes minutes for a
// catalog of a million layers on a slow disk.
const (
	pingTimeout     = 30 * time.Second
	settingsTimeout = 2 * time.Minute
	reloadTimeout   = 15 * time.Minute
)

// Config says where a GeoServer is and as whom to speak to it.
type Config struct {
	URL          string       // http://host:8080/geoserver; a trailing /rest or /web is tolerated
	User         string       // may be empty: anonymous
	PasswordFile string       // read at each call, so that a rotated secret is taken up; its last line end is dropped
	Logger       *slog.Logger // may be nil
	HTTP         *http.Client // may be nil; its redirect rule is not used
}

// Client speaks to one GeoServer. Its methods may be called from several goroutines.
type Client struct {
	rest         string
	user         string
	passwordFile string
	logger       *slog.Logger
	http         *http.Client
}

// New checks the configuration. It neither connects nor reads the password.
func New(c Config) (*Client, error) {
	rest, err := restURL(c.URL)
	if err != nil {
		return nil, err
	}
	client := http.Client{}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	// A redirect leads to a login page, or takes the password to another host.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	logger := c.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Client{rest: rest, user: c.User, passwordFile: c.PasswordFile, logger: logger, http: &client}, nil
}

// restURL turns what people copy out of a browser into the base of the REST interface.
func restURL(raw string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", &Error{
			what:      fmt.Sprintf("geoserver url %q is no http address", withoutSecret(raw)),
			hint:      "give it like http://127.0.0.1:8080/geoserver",
			permanent: true,
		}
	}
	if u.User != nil {
		return "", &Error{
			what:      "geoserver url " + u.Redacted() + " has a user in it",
			hint:      "give the user by --geoserver-user and --geoserver-password-file",
			permanent: true,
		}
	}
	path := strings.TrimRight(u.Path, "/")
	for _, page := range []string{"/rest", "/web"} {
		path = strings.TrimSuffix(path, page)
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(path, "/") + "/rest", nil
}

// withoutSecret keeps a password that stands in a malformed URL out of the message.
func withoutSecret(raw string) string {
	if at := strings.LastIndexByte(raw, '@'); at >= 0 {
		return "…" + raw[at:]
	}
	return raw
}

// PutSettings hands over the whole of global.xml. GeoServer keeps it through later
// reloads, and writes the file again in its own order of elements.
func (c *Client) PutSettings(ctx context.Context, global []byte) error {
	ctx, cancel := context.WithTimeout(ctx, settingsTimeout)
	defer cancel()
	return c.call(ctx, "put settings", http.MethodPut, "/settings", global)
}

// Reload has the whole catalog read again, and returns when that is done. Map requests
// fail for some hundred milliseconds meanwhile.
func (c *Client) Reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	return c.call(ctx, "reload", http.MethodPost, "/reload", nil)
}

// Ping asks for the version, which shows that the address, the user and the password
// are right. It changes nothing.
func (c *Client) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return c.call(ctx, "ask for the version", http.MethodGet, "/about/version.xml", nil)
}

func (c *Client) call(ctx context.Context, what, method, path string, body []byte) error {
	start := time.Now()
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.unanswered(what, err)
	}
	defer response.Body.Close()
	head, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return c.unanswered(what, err)
	}
	if err := c.judge(what, response, head, request); err != nil {
		return err
	}
	c.logger.Debug("geoserver answered", "call", method+" "+path, "took", time.Since(start))
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.rest+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("geoserver at %s: %w", c.rest, err)
	}
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/xml")
	}
	request.Header.Set("User-Agent", "gsgit")
	if c.user == "" {
		return request, nil
	}
	password, err := c.password()
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(c.user, password)
	return request, nil
}

func (c *Client) password() (string, error) {
	if c.passwordFile == "" {
		return "", nil
	}
	content, err := os.ReadFile(c.passwordFile)
	if err != nil {
		return "", &Error{
			what:  "read the password of geoserver user " + c.user,
			hint:  "put it into the file that --geoserver-password-file names, readable by this user",
			cause: err,
		}
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}

// unanswered explains a request without an answer. The caller's own end is returned as
// it is: a stop by signal is no fault of GeoServer.
func (c *Client) unanswered(what string, err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err // its text repeats the whole URL
	}
	return &Error{
		what:  fmt.Sprintf("%s at %s", what, c.rest),
		hint:  "start GeoServer, or give its address by --geoserver; gsgit tries again by itself",
		cause: err,
	}
}
