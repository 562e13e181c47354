// Package wsdial is the websocket pipe between a device and its server: it
// connects to one of the server's addresses and carries sealed messages.
package wsdial

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/syncproto/session"
)

// tryTimeout bounds one address: name, connection, TLS and upgrade take some
// five round trips, and a bad 2G line needs two seconds for each.
const tryTimeout = 20 * time.Second

// Buffers of one connection: a page of a first load is read and written in a
// few calls, and a device holds one connection.
const (
	readBuffer  = 4 << 10
	writeBuffer = 32 << 10
)

// Dialer connects to a server. The zero value with Addresses set is ready; it
// is safe for concurrent use and must not be copied.
type Dialer struct {
	// Addresses are where the server listens, see ParseAddress, in the order
	// in which to try them; the one that answered last comes first.
	Addresses []string
	// AnyCertificate accepts whatever certificate the server shows. The channel
	// inside proves the server all the same, so this is safe with a certificate
	// that the province made itself; it is off unless somebody asks for it.
	AnyCertificate bool
	// Proxy chooses the proxy; nil takes the one that the environment names.
	Proxy func(*http.Request) (*url.URL, error)
	// Connect makes the TCP connection; nil asks the system.
	Connect func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	good  string          // the address that answered last
	wrong map[string]bool // addresses at which not the server answered
}

// Dial tries the addresses in turn and returns the first connection. The error
// is a *DialError, or ctx's.
func (d *Dialer) Dial(ctx context.Context) (*Pipe, error) {
	failed := &DialError{}
	for _, address := range d.order() {
		p, err := d.try(ctx, address)
		if err == nil {
			d.mu.Lock()
			d.good = address
			d.mu.Unlock()
			return p, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("connect: %w", context.Cause(ctx))
		}
		failed.Tries = append(failed.Tries, Try{Address: address, Err: err})
	}
	if len(failed.Tries) == 0 {
		failed.Tries = []Try{{Err: fmt.Errorf("no address is known: %w", ErrAddress)}}
	}
	return nil, failed
}

// order returns the addresses: the one that answered last in front, those that
// were found to be wrong at the end.
func (d *Dialer) order() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	rank := func(a string) int {
		switch {
		case d.wrong[a]:
			return 2
		case a != d.good:
			return 1
		}
		return 0
	}
	order := slices.Clone(d.Addresses)
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return order
}

// distrust notes that not the server answered at an address, and returns
// whether there is one of which that is not known. If there is none, all may
// be tried anew: whose address it is can change.
func (d *Dialer) distrust(address string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wrong == nil {
		d.wrong = map[string]bool{}
	}
	d.wrong[address] = true
	for _, a := range d.Addresses {
		if !d.wrong[a] {
			return true
		}
	}
	clear(d.wrong)
	return false
}

func (d *Dialer) try(ctx context.Context, address string) (*Pipe, error) {
	target, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	ws := websocket.Dialer{
		Proxy:           d.Proxy,
		Subprotocols:    []string{session.Subprotocol},
		ReadBufferSize:  readBuffer,
		WriteBufferSize: writeBuffer,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: d.AnyCertificate}, // the channel inside proves the server
	}
	if ws.Proxy == nil {
		ws.Proxy = http.ProxyFromEnvironment
	}
	connect := d.Connect
	if connect == nil {
		// Pings keep the line open; the system's own probes every few seconds
		// would wake a phone's radio for nothing.
		connect = (&net.Dialer{KeepAlive: -1}).DialContext
	}
	// A connection that is being upgraded ends with the context.
	var abort func() bool
	ws.NetDialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := connect(ctx, network, addr)
		if err == nil {
			abort = context.AfterFunc(ctx, func() { c.Close() })
		}
		return c, err
	}
	conn, resp, err := ws.DialContext(ctx, target, nil)
	if abort != nil && !abort() {
		if conn != nil {
			conn.Close()
		}
		return nil, explain(context.Cause(ctx))
	}
	if errors.Is(err, websocket.ErrBadHandshake) && resp != nil {
		return nil, explainAnswer(resp)
	}
	if err != nil {
		return nil, explain(err)
	}
	if conn.Subprotocol() != session.Subprotocol {
		conn.Close()
		return nil, fmt.Errorf("%w: it does not speak %s", ErrNotMahalleh, session.Subprotocol)
	}
	p := newPipe(conn)
	p.distrust = func() bool { return d.distrust(address) }
	return p, nil
}
