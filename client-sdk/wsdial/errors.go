package wsdial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// Why no connection came about, or why it ended. Errors of this package wrap
// one of them, or a *BusyError, or come from the caller's context.
var (
	// ErrAddress: the address is not one.
	ErrAddress = errors.New("not an address of a server")
	// ErrNoNetwork: this device has no way to the network now.
	ErrNoNetwork = errors.New("no network")
	// ErrNameNotFound: no such host.
	ErrNameNotFound = errors.New("the server's name was not found")
	// ErrRefused: the host is there, but nothing listens.
	ErrRefused = errors.New("the connection was refused")
	// ErrTimeout: no answer, or none any more.
	ErrTimeout = errors.New("no answer in time")
	// ErrLost: the connection broke off.
	ErrLost = errors.New("the connection was lost")
	// ErrNotMahalleh: something else answers at the address, such as another
	// web server, or the sign-in page of a network.
	ErrNotMahalleh = errors.New("not a Mahalleh server")
	// ErrCertificate: the server's TLS certificate is none that this device
	// trusts, see Dialer.AnyCertificate.
	ErrCertificate = errors.New("the server's certificate is not trusted")
)

// BusyError says that the server has too many connections.
type BusyError struct{ After time.Duration }

// Error names the wait.
func (e *BusyError) Error() string {
	return fmt.Sprintf("the server is busy, try again in %v", e.After)
}

// RetryAfter is how long to wait before the next attempt.
func (e *BusyError) RetryAfter() time.Duration { return e.After }

// DialError says what each address answered.
type DialError struct{ Tries []Try }

// Try is one attempt at one address.
type Try struct {
	Address string
	Err     error
}

// Error names every address with its error.
func (e *DialError) Error() string {
	texts := make([]string, len(e.Tries))
	for i, t := range e.Tries {
		texts[i] = fmt.Sprintf("%s: %v", t.Address, t.Err)
	}
	return "connect: " + strings.Join(texts, "; ")
}

// Unwrap returns the errors of all addresses.
func (e *DialError) Unwrap() []error {
	errs := make([]error, len(e.Tries))
	for i, t := range e.Tries {
		errs[i] = t.Err
	}
	return errs
}

// defaultBusy is how long to wait if a busy server does not say; a proxy in
// front of a server that is being restarted does not.
const defaultBusy = 30 * time.Second

// maxBusy bounds what an answer may ask for: it comes from outside the sealed
// channel, so anybody on the way may have written it.
const maxBusy = 10 * time.Minute

// explainAnswer says what an HTTP answer means that is not an upgrade.
func explainAnswer(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		after := defaultBusy
		if s, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16); err == nil {
			after = min(time.Duration(s)*time.Second, maxBusy)
		}
		return &BusyError{After: after}
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return &BusyError{After: defaultBusy}
	}
	if to := resp.Header.Get("Location"); to != "" {
		return fmt.Errorf("%w: it answered %q and points to %q", ErrNotMahalleh, resp.Status, to)
	}
	return fmt.Errorf("%w: it answered %q", ErrNotMahalleh, resp.Status)
}

// explain gives an error of connecting its name among those above.
func explain(err error) error {
	var dns *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	kind := error(nil)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &dns):
		switch {
		case dns.IsTimeout:
			kind = ErrTimeout
		case dns.IsNotFound && !dns.IsTemporary:
			kind = ErrNameNotFound
		default:
			kind = ErrNoNetwork // no name server could be asked
		}
	case errors.As(err, &untrusted):
		kind = ErrCertificate
	case errors.As(err, &notTLS):
		kind = ErrNotMahalleh
	case isErrno(err, refused):
		kind = ErrRefused
	case isErrno(err, unreachable):
		kind = ErrNoNetwork
	case isTimeout(err):
		kind = ErrTimeout
	case cutOff(err):
		kind = ErrLost
	case strings.Contains(err.Error(), "malformed HTTP"):
		// net/http has no type for an answer that is not HTTP.
		kind = ErrNotMahalleh
	default:
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

func isErrno(err error, these []syscall.Errno) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	for _, e := range these {
		if errno == e {
			return true
		}
	}
	return false
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

func cutOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, net.ErrClosed) || isErrno(err, reset)
}

// explainEnd says why a connection that stood has ended: io.EOF if the peer
// closed it in order.
func explainEnd(err error) error {
	var closed *websocket.CloseError
	switch {
	case errors.Is(err, ErrNotMahalleh):
		return err
	case errors.As(err, &closed):
		switch closed.Code {
		case websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived:
			return io.EOF
		}
		return fmt.Errorf("%w: %w", ErrLost, err)
	case isTimeout(err):
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return fmt.Errorf("%w: %w", ErrLost, err)
}
