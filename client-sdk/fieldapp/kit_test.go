package fieldapp

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

var ctx = context.Background()

// testClock stands still until it is moved.
type testClock struct {
	now time.Time
	up  time.Duration
}

func (c *testClock) Now() time.Time        { return c.now }
func (c *testClock) Uptime() time.Duration { return c.up }

func (c *testClock) pass(d time.Duration) { c.now, c.up = c.now.Add(d), c.up+d }

const passphrase = "باران روی بام"

// screen is a screen under test, and the browser that its link opened.
type screen struct {
	testing.TB
	*App
	clock *testClock
	opt   Options
	h     http.Handler
}

// answer is what the browser was given.
type answer struct {
	*http.Response
	body string
}

func seeded(seed string) io.Reader { return rand.NewChaCha8(sha256.Sum256([]byte(seed))) }

// offline is a dialer that finds no network.
func offline(context.Context, []string) (clientsdk.Pipe, error) { return nil, clientsdk.ErrNoNetwork }

// newScreen is the screen of a device that is not enrolled.
func newScreen(t testing.TB, change ...func(*Options)) *screen {
	t.Helper()
	s := &screen{TB: t, clock: &testClock{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC), up: time.Hour}}
	s.opt = Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Dir: filepath.Join(t.TempDir(), "device"), Listen: netip.MustParseAddrPort("127.0.0.1:4567"), Lang: texts.English,
		SDK: clientsdk.Options{Clock: s.clock, Rand: seeded(t.Name()), Addresses: []string{"office.example:8443"}, Dial: offline, TestMode: true}}
	for _, f := range change {
		f(&s.opt)
	}
	s.begin()
	return s
}

// begin starts the program.
func (s *screen) begin() {
	s.Helper()
	a, err := New(ctx, s.opt)
	if err != nil {
		s.Fatal(err)
	}
	s.App, s.h = a, a.Handler()
	s.Cleanup(func() { a.Close() })
}

// restart ends the program and starts it again: what was only in memory is gone.
func (s *screen) restart() {
	s.Helper()
	if err := s.Close(); err != nil {
		s.Fatal(err)
	}
	s.begin()
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// testCode is an enrolment code as it is typed.
func testCode() string {
	c := &syncproto.EnrolCode{Number: 12, Fingerprint: [8]byte{1, 2, 3}}
	copy(c.Secret[:], "ten secret")
	return c.String()
}

// newOpen is the screen of a device that is enrolled and unlocked.
func newOpen(t testing.TB, change ...func(*Options)) *screen {
	t.Helper()
	s := newScreen(t, change...)
	c, err := clientsdk.Enrol(ctx, s.opt.Dir, testCode(), clientsdk.Credentials{Passphrase: passphrase}, s.opt.SDK)
	if err != nil {
		t.Fatal(err)
	}
	s.setDevice(c)
	s.gate.open()
	return s
}

// ask asks as the screen's own page does; change may make it somebody else.
func (s *screen) ask(method, to string, form url.Values, change ...func(*http.Request)) answer {
	s.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, s.origin()+s.prefix()+to, body)
	r.Host = s.opt.Listen.String()
	r.AddCookie(&http.Cookie{Name: cookieName, Value: s.keys.cookie})
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		r.Header.Set("Origin", s.origin())
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	return answer{w.Result(), w.Body.String()}
}

// get asks for a page and wants it.
func (s *screen) get(to string) string {
	s.Helper()
	a := s.ask(http.MethodGet, to, nil)
	if a.StatusCode != http.StatusOK {
		s.Fatalf("GET %s: %s\n%s", to, a.Status, a.body)
	}
	return a.body
}

// post sends a form and follows to the page that it leads to.
func (s *screen) post(to string, fields ...string) string {
	s.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	a := s.ask(http.MethodPost, to, form)
	if a.StatusCode == http.StatusSeeOther {
		return s.get(strings.TrimPrefix(a.Header.Get("Location"), s.prefix()))
	}
	return a.body
}

// shows wants texts on a page.
func (s *screen) shows(page string, want ...string) {
	s.Helper()
	for _, text := range want {
		if !strings.Contains(page, text) {
			_, main, _ := strings.Cut(page, "<main")
			s.Errorf("the page does not show %q:\n%s", text, main)
		}
	}
}

// serve answers a real browser: the screen begins anew under the address of a
// listener, and the link to it is returned.
func (s *screen) serve() string {
	s.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	s.App.opt.Listen = netip.MustParseAddrPort(l.Addr().String())
	s.opt.Listen = s.App.opt.Listen
	server := s.Server()
	go server.Serve(l)
	s.Cleanup(func() {
		s.events.close()
		server.Close()
	})
	return s.Link()
}
