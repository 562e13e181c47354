package wsdial

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/syncproto/session"
)

func TestParseAddress(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"host and port", "sync.example.ir:8080", "ws://sync.example.ir:8080/sync"},
		{"host alone", "sync.example.ir", "wss://sync.example.ir/sync"},
		{"host and TLS port", "sync.example.ir:443", "wss://sync.example.ir:443/sync"},
		{"number", "192.168.1.5:8080", "ws://192.168.1.5:8080/sync"},
		{"long number", "[fd00::1]:8080", "ws://[fd00::1]:8080/sync"},
		{"URL", "wss://sync.example.ir/guilan/sync", "wss://sync.example.ir/guilan/sync"},
		{"plain URL", "ws://sync.example.ir/", "ws://sync.example.ir/sync"},
		{"web URL", "https://sync.example.ir", "wss://sync.example.ir/sync"},
		{"typed in capitals", "  HTTP://10.0.0.1:80  ", "ws://10.0.0.1:80/sync"},
		{"another scheme", "ftp://sync.example.ir", ""},
		{"user", "wss://a:b@sync.example.ir", ""},
		{"query", "wss://sync.example.ir/?a=1", ""},
		{"nothing", "", ""},
		{"no host", "wss:///sync", ""},
		{"control sign", "wss://a\x01b", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseAddress(test.in)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if (err != nil) != (test.want == "") || err != nil && !errors.Is(err, ErrAddress) {
				t.Errorf("got error %v", err)
			}
		})
	}
}

func FuzzParseAddress(f *testing.F) {
	if files, err := os.ReadDir("testdata/fuzz/FuzzParseAddress"); err != nil || len(files) == 0 {
		f.Fatalf("the corpus is empty: %v", err)
	}
	f.Add("sync.example.ir:8080")
	f.Add("wss://[::1]/x")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := ParseAddress(in)
		if err != nil {
			return
		}
		again, err := ParseAddress(got)
		if err != nil || again != got {
			t.Errorf("%q became %q, then %q, %v", in, got, again, err)
		}
	})
}

// echo upgrades and sends back what it gets, in the subprotocols given.
func echo(subprotocols ...string) http.HandlerFunc {
	up := websocket.Upgrader{Subprotocols: subprotocols, EnableCompression: true}
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			kind, b, err := c.ReadMessage()
			if err != nil || c.WriteMessage(kind, b) != nil {
				return
			}
		}
	}
}

func answer(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// rude answers with bytes that are not HTTP.
func rude(t *testing.T, say string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, say)
			c.Close()
		}
	}()
	return l.Addr().String()
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return l.Addr().String()
}

func direct(*http.Request) (*url.URL, error) { return nil, nil }

func failing(err error) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
}

func TestDialSaysWhatIsWrong(t *testing.T) {
	secure := httptest.NewUnstartedServer(echo(session.Subprotocol))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it is told of the certificate, too
	secure.StartTLS()
	defer secure.Close()
	tests := []struct {
		name    string
		address string
		connect func(context.Context, string, string) (net.Conn, error)
		want    error
	}{
		{"nobody listens", closedPort(t), nil, ErrRefused},
		{"no route", "10.1.2.3:80", failing(syscall.ENETUNREACH), ErrNoNetwork},
		{"interface down", "10.1.2.3:80", failing(syscall.ENETDOWN), ErrNoNetwork},
		{"name unknown", "no.such:80", failing(&net.DNSError{IsNotFound: true, Name: "no.such"}), ErrNameNotFound},
		{"no name server", "no.such:80", failing(&net.DNSError{IsTemporary: true}), ErrNoNetwork},
		{"name server silent", "no.such:80", failing(&net.DNSError{IsTimeout: true}), ErrTimeout},
		{"not an address", "ftp://a", nil, ErrAddress},
		{"a web server", serve(t, http.NotFoundHandler()), nil, ErrNotMahalleh},
		{"a sign-in page", serve(t, answer(302, "Location", "http://login.example/")), nil, ErrNotMahalleh},
		{"a page", serve(t, answer(200)), nil, ErrNotMahalleh},
		{"another websocket", serve(t, echo("chat")), nil, ErrNotMahalleh},
		{"not HTTP", rude(t, "220 mail ready\r\n"), nil, ErrNotMahalleh},
		{"TLS where there is none", "wss://" + serve(t, answer(200)), nil, ErrNotMahalleh},
		{"cut before an answer", rude(t, ""), nil, ErrLost},
		{"unknown certificate", secure.URL, nil, ErrCertificate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := &Dialer{Addresses: []string{test.address}, Proxy: direct, Connect: test.connect}
			p, err := d.Dial(t.Context())
			if p != nil || !errors.Is(err, test.want) {
				t.Fatalf("got %v, %v, want %v", p, err, test.want)
			}
			var all *DialError
			if !errors.As(err, &all) || len(all.Tries) != 1 || all.Tries[0].Address != test.address {
				t.Errorf("the error does not name the address: %v", err)
			}
		})
	}
}

func TestBusyServerNamesTheWait(t *testing.T) {
	tests := []struct {
		name string
		h    http.Handler
		want time.Duration
	}{
		{"a number", answer(503, "Retry-After", "17"), 17 * time.Second},
		{"too many", answer(429, "Retry-After", "3"), 3 * time.Second},
		{"nothing", answer(503), defaultBusy},
		{"a date", answer(503, "Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"), defaultBusy},
		{"a year", answer(503, "Retry-After", "60000"), maxBusy},
		{"proxy without its server", answer(502), defaultBusy},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := &Dialer{Addresses: []string{serve(t, test.h)}, Proxy: direct}
			_, err := d.Dial(t.Context())
			var busy *BusyError
			if !errors.As(err, &busy) || busy.RetryAfter() != test.want {
				t.Errorf("got %v, want a wait of %v", err, test.want)
			}
		})
	}
}

func TestDialWithoutAddress(t *testing.T) {
	if _, err := new(Dialer).Dial(t.Context()); !errors.Is(err, ErrAddress) {
		t.Errorf("got %v, want %v", err, ErrAddress)
	}
}

func TestAddressesAreTriedInTurn(t *testing.T) {
	good := serve(t, echo(session.Subprotocol))
	dead := closedPort(t)
	var asked []string
	d := &Dialer{Addresses: []string{dead, good}, Proxy: direct,
		Connect: func(ctx context.Context, network, address string) (net.Conn, error) {
			asked = append(asked, address)
			return new(net.Dialer).DialContext(ctx, network, address)
		}}
	for range 2 {
		p, err := d.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	// The second time, the one that answered comes first.
	if got, want := fmt.Sprint(asked), fmt.Sprint([]string{dead, good, good}); got != want {
		t.Errorf("asked %v, want %v", got, want)
	}
}

func TestWrongAddressComesLast(t *testing.T) {
	one, two := serve(t, echo(session.Subprotocol)), serve(t, echo(session.Subprotocol))
	d := &Dialer{Addresses: []string{one, two}, Proxy: direct}
	var asked []string
	d.Connect = func(ctx context.Context, network, address string) (net.Conn, error) {
		asked = append(asked, address)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	var others []bool
	for range 3 {
		p, err := d.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, p.Distrust())
		p.Close()
	}
	if got, want := fmt.Sprint(asked, others), fmt.Sprint([]string{one, two, two}, []bool{true, false, true}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOwnCertificateIsAcceptedWhenAskedFor(t *testing.T) {
	secure := httptest.NewTLSServer(echo(session.Subprotocol))
	defer secure.Close()
	d := &Dialer{Addresses: []string{secure.URL}, Proxy: direct, AnyCertificate: true}
	p, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	exchange(t, p, "سلام")
}

func exchange(t *testing.T, p *Pipe, text string) {
	t.Helper()
	if err := p.Send([]byte(text)); err != nil {
		t.Fatal(err)
	}
	got, err := p.Receive()
	if err != nil || string(got) != text {
		t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(text))
	}
}

func TestProxyIsUsed(t *testing.T) {
	server := serve(t, echo(session.Subprotocol))
	var asked string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.Host
		far, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		near, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(far, near); far.Close() }()
		go func() { io.Copy(near, far); near.Close() }()
	}))
	defer proxy.Close()
	d := &Dialer{Addresses: []string{server}, Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }}
	p, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, p, "x")
	p.Close()
	if want := "CONNECT " + server; asked != want {
		t.Errorf("the proxy was asked %q, want %q", asked, want)
	}
}

// listener hands out the far ends of net.Pipes.
type listener struct{ conns chan net.Conn }

func (l *listener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *listener) Close() error   { return nil }
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *listener) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	l.conns <- far
	return near, nil
}

// inBubble runs f with a dialer to a server whose end of the websocket f2 gets.
func inBubble(t *testing.T, f func(p *Pipe, far *websocket.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{conns: make(chan net.Conn)}
		got := make(chan *websocket.Conn, 1)
		up := websocket.Upgrader{Subprotocols: []string{session.Subprotocol}}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := up.Upgrade(w, r, nil)
			if err != nil {
				t.Error(err)
			}
			got <- c
		})}
		go s.Serve(l)
		d := &Dialer{Addresses: []string{"server:80"}, Proxy: direct, Connect: l.dial}
		p, err := d.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		far := <-got
		f(p, far)
		p.Close()
		far.Close()
		close(l.conns)
		s.Close()
	})
}

// drain reads at the far end until it fails, as a peer does that is there.
func drain(far *websocket.Conn) {
	for {
		if _, _, err := far.ReadMessage(); err != nil {
			return
		}
	}
}

func TestSilentPeerIsGivenUp(t *testing.T) {
	inBubble(t, func(p *Pipe, far *websocket.Conn) {
		far.SetPingHandler(func(string) error { return nil }) // there, but dumb
		go drain(far)
		begin := time.Now()
		_, err := p.Receive()
		if !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v, want %v", err, ErrTimeout)
		}
		if took := time.Since(begin); took != silence {
			t.Errorf("gave up after %v, want %v", took, silence)
		}
	})
}

func TestPingsKeepAnIdleConnection(t *testing.T) {
	inBubble(t, func(p *Pipe, far *websocket.Conn) {
		var pings int
		answer := far.PingHandler()
		far.SetPingHandler(func(s string) error { pings++; return answer(s) })
		go drain(far)
		go func() {
			time.Sleep(time.Hour + time.Second)
			far.WriteMessage(websocket.BinaryMessage, []byte("news"))
		}()
		got, err := p.Receive()
		if err != nil || string(got) != "news" {
			t.Errorf("got %q, %v", got, err)
		}
		if want := int(time.Hour / pingAfter); pings != want {
			t.Errorf("%d pings in an hour, want %d", pings, want)
		}
	})
}

func TestPeersPingsAreEnough(t *testing.T) {
	inBubble(t, func(p *Pipe, far *websocket.Conn) {
		far.SetPingHandler(func(string) error { t.Error("both sides ping"); return nil })
		go drain(far)
		go func() {
			for range 100 {
				time.Sleep(pingAfter - time.Second)
				far.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
			}
			far.WriteMessage(websocket.BinaryMessage, []byte("news"))
		}()
		if got, err := p.Receive(); err != nil || string(got) != "news" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestSlowMessageIsNotSilence(t *testing.T) {
	inBubble(t, func(p *Pipe, far *websocket.Conn) {
		go drain(far)
		go func() {
			w, _ := far.NextWriter(websocket.BinaryMessage)
			for range 60 {
				time.Sleep(time.Minute)
				w.Write(make([]byte, 8<<10)) // more than a buffer, so it goes out
			}
			w.Close()
		}()
		got, err := p.Receive()
		if err != nil || len(got) != 60*8<<10 {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	})
}

func TestSendToAPeerThatDoesNotRead(t *testing.T) {
	inBubble(t, func(p *Pipe, far *websocket.Conn) {
		begin := time.Now()
		err := p.Send(make([]byte, 1<<20))
		if !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v, want %v", err, ErrTimeout)
		}
		if took, want := time.Since(begin), writeTimeout+512*time.Second; took != want {
			t.Errorf("gave up after %v, want %v", took, want)
		}
	})
}

func TestReceiveRefuses(t *testing.T) {
	tests := []struct {
		name string
		do   func(far *websocket.Conn)
		want error
	}{
		{"text", func(far *websocket.Conn) { far.WriteMessage(websocket.TextMessage, []byte("hi")) }, ErrNotMahalleh},
		{"more than the limit", func(far *websocket.Conn) {
			far.WriteMessage(websocket.BinaryMessage, make([]byte, session.MaxSealed+1))
		}, ErrLost},
		{"cut", func(far *websocket.Conn) { far.NetConn().Close() }, ErrLost},
		{"cut in a message", func(far *websocket.Conn) {
			w, _ := far.NextWriter(websocket.BinaryMessage)
			w.Write(make([]byte, 10000))
			far.NetConn().Close()
		}, ErrLost},
		{"closed in order", func(far *websocket.Conn) {
			far.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), time.Now().Add(time.Second))
		}, io.EOF},
		{"closed with a complaint", func(far *websocket.Conn) {
			far.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseProtocolError, ""), time.Now().Add(time.Second))
		}, ErrLost},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(p *Pipe, far *websocket.Conn) {
				go drain(far)
				go test.do(far)
				if got, err := p.Receive(); got != nil || !errors.Is(err, test.want) {
					t.Errorf("got %d bytes, %v, want %v", len(got), err, test.want)
				}
			})
		})
	}
}

func TestLargestMessage(t *testing.T) {
	p, err := (&Dialer{Addresses: []string{serve(t, echo(session.Subprotocol))}, Proxy: direct}).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	exchange(t, p, strings.Repeat("x", session.MaxSealed))
	exchange(t, p, "")
}

func TestCloseEndsReceive(t *testing.T) {
	inBubble(t, func(p *Pipe, far *websocket.Conn) {
		ended := make(chan error)
		go func() {
			_, err := p.Receive()
			ended <- err
		}()
		synctest.Wait()
		p.Close()
		if err := <-ended; err == nil {
			t.Error("Receive returned no error")
		}
		if err := p.Close(); err != nil {
			t.Errorf("closing again: %v", err)
		}
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		go io.Copy(io.Discard, far) // takes the request and never answers
		ctx, cancel := context.WithCancel(t.Context())
		d := &Dialer{Addresses: []string{"server:80", "other:80"}, Proxy: direct,
			Connect: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		time.AfterFunc(3*time.Second, cancel)
		begin := time.Now()
		if _, err := d.Dial(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestServerThatNeverAnswersIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		go io.Copy(io.Discard, far)
		d := &Dialer{Addresses: []string{"server:80"}, Proxy: direct,
			Connect: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		begin := time.Now()
		if _, err := d.Dial(t.Context()); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v, want %v", err, ErrTimeout)
		}
		if took := time.Since(begin); took != tryTimeout {
			t.Errorf("took %v, want %v", took, tryTimeout)
		}
	})
}
