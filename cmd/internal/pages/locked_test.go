package pages

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/fieldapp"
	"mahalleh/schemas/texts"
	"mahalleh/server/hub"
	"mahalleh/server/store"
)

// lockable is a facilitator's screen, asked as its own browser asks.
type lockable struct {
	*testing.T
	app     *fieldapp.App
	browser *http.Client
	base    string
}

// screen opens the screen of a phone and unlocks it.
func (o *office) screen(t *testing.T, dir string, opt clientsdk.Options) *lockable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	o.must(err)
	app, err := fieldapp.New(t.Context(), fieldapp.Options{Dir: dir, SDK: opt, Listen: netip.MustParseAddrPort(l.Addr().String()), Lang: texts.English})
	o.must(err)
	server := app.Server()
	go server.Serve(l)
	t.Cleanup(func() { o.must(app.Close()); server.Close() })
	jar, err := cookiejar.New(nil)
	o.must(err)
	s := &lockable{T: t, app: app, browser: &http.Client{Jar: jar}}
	s.base = "http://" + l.Addr().String()
	s.base += regexp.MustCompile(`url=(/[a-z2-7]+)/"`).FindStringSubmatch(s.get(strings.TrimPrefix(app.Link(), s.base)))[1]
	o.must(app.Unlock(t.Context(), clientsdk.Credentials{Passphrase: phrase}))
	return s
}

func (s *lockable) get(to string) string {
	s.Helper()
	r, err := s.browser.Get(s.base + to)
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		s.Fatal(err)
	}
	return string(raw)
}

func (s *lockable) post(to string, form url.Values) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.base+to, strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", s.base[:strings.LastIndexByte(s.base, '/')])
	a, err := s.browser.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		s.Fatalf("POST %s: %s", to, a.Status)
	}
}

// syncGoesOnWhileLocked: while the screen shows nothing but the lock, what others
// record comes to the device, and stands there when it is unlocked without a line.
func (o *office) syncGoesOnWhileLocked(t *testing.T, hood uint32) {
	dir, opt := o.enrolled("تسهیلگر قفل‌شده", hood)
	c, err := clientsdk.Open(t.Context(), dir, opt)
	o.must(err)
	o.must(c.Unlock(t.Context(), clientsdk.Credentials{Passphrase: phrase}))
	d, err := c.New(t.Context(), "asset")
	o.must(err)
	o.must(d.SetJSON([]byte(`{"category": "physical", "subtype": "hall", "title_fa": "سالن پیش از قفل"}`)))
	saved, err := d.Save(t.Context())
	o.must(err)
	o.must(c.Close())

	moved := make(chan struct{}, 1)
	unsubscribe := o.server.Hub().Subscribe(func(hub.Event) {
		select {
		case moved <- struct{}{}:
		default:
		}
	})
	defer unsubscribe()
	s := o.screen(t, dir, opt)
	s.app.Start()
	for there := false; !there; {
		select {
		case <-moved:
		case <-t.Context().Done():
			t.Fatal("nothing is sent")
		}
		o.must(o.server.Hub().Store().View(t.Context(), func(r store.Reader) error {
			_, err := r.Record(saved.Record)
			there = err == nil
			return nil
		}))
	}

	listed := func() bool {
		t.Helper()
		return strings.Contains(s.get("/records?form=asset&q="+url.QueryEscape("حسینیهٔ محله")), "<bdi>حسینیهٔ محله")
	}
	if listed() {
		t.Fatal("what is to come is there already")
	}
	r, err := s.browser.Get(s.base + "/events")
	o.must(err)
	defer r.Body.Close()
	heard := bufio.NewScanner(r.Body)
	hear := func(event string) {
		t.Helper()
		for heard.Scan() {
			if heard.Text() == "event: "+event {
				return
			}
		}
		t.Fatalf("the pages do not hear of %s: %v", event, heard.Err())
	}
	s.post("/lock/now", nil)
	hear("lock")
	if page := s.get("/records"); !strings.Contains(page, `name="passphrase"`) || strings.Contains(page, "سالن پیش از قفل") {
		t.Fatalf("the screen is not locked:\n%s", page)
	}
	o.rivals(210, hood)
	hear("records")
	// From here on there is no line: what the page shows came while it was locked.
	o.cut.Store(true)
	o.web.CloseClientConnections()
	s.post("/lock", url.Values{"passphrase": {phrase}})
	if !listed() {
		t.Error("what came while it was locked is not there")
	}
	o.cut.Store(false)
}
