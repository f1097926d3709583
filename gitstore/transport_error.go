package gitstore

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"crypto/x509"
)

// ErrRejected says that the other side refused a push, most often because its branch has
// commits that are not in ours.
var ErrRejected = errors.New("the push was refused")

// remoteFault is a storeError about another machine.
func remoteFault(cause error, hint string, permanent bool, format string, args ...any) error {
	return &storeError{text: fmt.Sprintf(format, args...), cause: cause, hint: hint, permanent: permanent}
}

// dialError says why no answer came. The url.Error that http wraps around
// everything is taken off, since the caller names the source already.
func dialError(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var (
		name      *net.DNSError
		authority x509.UnknownAuthorityError
		timed     interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return remoteFault(err, "look whether the node there runs and listens on this address", false, "nobody listens there")
	case errors.As(err, &name):
		return remoteFault(err, "look for a typing error in the host name", false, "the host is not known")
	case errors.As(err, &authority):
		return remoteFault(err, "give the certificate that signed it with --tls-ca", true, "its certificate is not trusted")
	case errors.Is(err, http.ErrSchemeMismatch):
		return remoteFault(nil, "write http:// instead of https://", true, "it speaks http, not https")
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timed) && timed.Timeout():
		return remoteFault(err, "", false, "no answer in time")
	}
	return err
}

// statusError says what an http status means to somebody who wants commits;
// said is the start of the answer's text.
func statusError(status int, said string) error {
	if said != "" {
		said = " (" + said + ")"
	}
	switch status {
	case http.StatusUnauthorized:
		return remoteFault(nil, "give the token of that node or hub with --token-file", true, "it asks for a token, or does not take this one")
	case http.StatusForbidden:
		return remoteFault(nil, "", true, "it refuses this%s", said)
	case http.StatusNotFound:
		return remoteFault(nil, "the address of a node ends in /git/, that of a hub is what git clone takes", false, "there is no repository at this address")
	}
	if status >= 300 && status < 400 {
		return remoteFault(nil, "use the address that it forwards to", true, "it forwards requests elsewhere")
	}
	return remoteFault(nil, "", false, "it answers %d %s%s", status, strings.ToLower(http.StatusText(status)), said)
}
