package geoserver

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"
)

// excerptLength is how much of an answer an error shows, in characters.
const excerptLength = 200

// judge turns an answer into an error that says what to do about it, or nil where
// GeoServer did what was asked.
func (c *Client) judge(what string, response *http.Response, body []byte, request *http.Request) error {
	answer := &Error{
		what:   fmt.Sprintf("%s at %s: %s", what, c.rest, response.Status),
		status: response.StatusCode,
	}
	switch code := response.StatusCode; {
	case code < 300:
		return loginPage(what, c.rest, response, body)
	case code < 400:
		answer.what += " to " + redirectTarget(response)
		answer.hint = "the address leads elsewhere, mostly to a login page; give the one GeoServer itself answers at by --geoserver"
		answer.permanent = true
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		answer.hint = "give a user with the role ADMIN by --geoserver-user and --geoserver-password-file"
		answer.permanent = true
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed:
		answer.hint = "there is no REST interface at this address; give one like http://127.0.0.1:8080/geoserver by --geoserver"
		answer.permanent = true
	default:
		answer.hint = "see GeoServer's log; gsgit tries again by itself"
		// A request that is malformed in GeoServer's eyes stays so.
		answer.permanent = code == http.StatusBadRequest || code == http.StatusUnsupportedMediaType
		answer.what += quoteExcerpt(c.excerpt(body, request))
	}
	return answer
}

// loginPage finds the page that a proxy or the web interface shows, with status 200,
// to someone who is not logged in. The REST calls here never answer in HTML.
func loginPage(what, rest string, response *http.Response, body []byte) error {
	html := strings.HasPrefix(response.Header.Get("Content-Type"), "text/html")
	if !html || !bytes.Contains(bytes.ToLower(body), []byte("<html")) {
		return nil
	}
	return &Error{
		what:      fmt.Sprintf("%s at %s: a web page came back instead of an answer", what, rest),
		hint:      "a login page stands before GeoServer; give the address behind it by --geoserver, and --geoserver-user",
		permanent: true,
		status:    response.StatusCode,
	}
}

// redirectTarget leaves the query out: it may hold a session.
func redirectTarget(response *http.Response) string {
	target, err := response.Location()
	if err != nil {
		return "nowhere"
	}
	target.RawQuery, target.Fragment = "", ""
	return target.Redacted()
}

// secretLike finds what GeoServer's own messages could repeat of a store's connection.
var secretLike = regexp.MustCompile(`(?i)(passw(or)?d|passwd|pwd|secret|token|authkey|key)(["']?\s*[=:>]\s*["']?)[^\s"'<>&;,]+|(crypt[12]|digest1|plain|basic|bearer)[: ]\s*[^\s"'<>&;,]+`)

var markup = regexp.MustCompile(`<[^>]*>`)

// excerpt returns the beginning of an answer as one line, without markup or secrets.
func (c *Client) excerpt(body []byte, request *http.Request) string {
	text := string(body)
	if _, password, ok := request.BasicAuth(); ok && password != "" {
		text = strings.ReplaceAll(text, password, "…")
	}
	text = secretLike.ReplaceAllString(text, "…")
	text = markup.ReplaceAllString(text, " ")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if runes := []rune(text); len(runes) > excerptLength {
		text = string(runes[:excerptLength]) + "…"
	}
	return text
}

func quoteExcerpt(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}
