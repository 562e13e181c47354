package fieldapp

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	clientsdk "mahalleh/client-sdk"
)

// hostile are texts that somebody types, pastes, or has in a record that came from
// elsewhere.
var hostile = map[string]string{
	"a script":          `<script>alert(1)</script>`,
	"out of a value":    `"><img src=x onerror=alert(1)>`,
	"out of a textarea": `</textarea><script>alert(1)</script>`,
	"an override":       "سالن \u202eكوثر\u2066 ۱۲",
	"a null":            "سالن\x00کوثر",
	"broken text":       "سالن\xff\xfeکوثر",
	"half a surrogate":  "سالن \xed\xa0\x80",
	"only blanks":       " \u200b\u00a0\t\r\n",
	"a template":        `{{.Data}} ${title_fa} %s %d`,
	"a query":           `' OR 1=1 -- " * ( ) NEAR/2 NOT AND`,
	"a path":            "../../etc/passwd",
	"long":              strings.Repeat("سالن ", 40_000),
	"one long word":     strings.Repeat("س", 100_000),
	"marks":             "س" + strings.Repeat("\u0301", 5000),
}

// sound wants an answer that is no mistake of the program's and holds nothing that
// a browser would run.
func (s *screen) sound(name string, a answer) {
	s.Helper()
	if a.StatusCode >= http.StatusInternalServerError {
		s.Errorf("%s: %s\n%.2000s", name, a.Status, a.body)
	}
	if !utf8.ValidString(a.body) {
		s.Errorf("%s: the page is no text", name)
	}
	for _, raw := range []string{"<script>alert", "<img src=x"} {
		if strings.Contains(a.body, raw) {
			s.Errorf("%s: the page holds %s", name, raw)
		}
	}
	if to := a.Header.Get("Location"); to != "" && !strings.HasPrefix(to, s.prefix()+"/") {
		s.Errorf("%s leads to %q", name, to)
	}
}

// TestHostileTextInAForm: it is kept as typed or refused in words, saved or told
// what is wrong, and shown as text everywhere.
func TestHostileTextInAForm(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			s := newOpen(t)
			f := s.open("/new/asset")
			f.sets("category", "physical")
			f.sets("subtype", "hall")
			for _, field := range []string{"title_fa", "description", "location", "capacity_value"} {
				s.sound(field, f.sends(field, text))
			}
			s.sound("the form", s.ask(http.MethodGet, f.address, nil))
			s.sound("saving", f.sends("do", "save"))
			// What cannot be kept is mended, and the rest is saved.
			empty := func(field, text string) {
				f.shown(s.get(f.address))
				f.sends(field, text)
			}
			empty("location", "")
			empty("capacity_value", "")
			a := f.sends("do", "save")
			if a.Header.Get("Mahalleh-Go") == "" {
				f.shown(s.get(f.address))
				s.shows(f.page, "form-errors")
				empty("title_fa", "سالن")
				empty("description", "")
				a = f.sends("do", "save")
			}
			to := a.Header.Get("Mahalleh-Go")
			if !strings.Contains(to, "/record/") {
				t.Fatalf("it can not be saved: %s\n%.3000s", a.Status, a.body)
			}
			record := strings.TrimPrefix(to, s.prefix())
			for _, page := range []string{record, "/records", "/records?form=asset", "/records?q=" + url.QueryEscape(text[:min(len(text), 1000)]), "/sync", "/", "/trash", "/drafts"} {
				s.sound(page, s.ask(http.MethodGet, page, nil))
			}
			s.sound("deleting", s.ask(http.MethodPost, record+"/delete", url.Values{"reason": {text}}))
			s.sound("the trash", s.ask(http.MethodGet, "/trash", nil))
			s.sound("its history", s.ask(http.MethodGet, record, nil))
		})
	}
}

var inBraces = regexp.MustCompile(`\{[a-z]+\}`)

// TestHostileRequests: whatever stands in an address or a form, no route fails.
func TestHostileRequests(t *testing.T) {
	s := newOpen(t)
	block := s.recorded("block", `{"code": "B01"}`).Record
	asset := s.recorded("asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن"}`).Record
	draft := strings.TrimPrefix(s.open("/edit/"+asset.String()).address, "/draft/")
	names := []string{"q", "form", "of", "only", "order", "after", "trail", "place", "block", "beside", "then", "path", "find", "at", "chosen", "to", "reason", "row", "lang", "size", "pin", "again",
		"passphrase", "old", "code", "address", "do", "shown", "was:title_fa", "title_fa", "choice", "value", "seen", "pause", "since", "title_fa.1.x", "was:"}
	for _, rt := range s.routes() {
		method, path, _ := strings.Cut(strings.ReplaceAll(rt.pattern, "{$}", ""), " ")
		if path == "/events" || strings.HasPrefix(path, "/tour") || path == "/lock" || path == "/settings/passphrase" {
			continue // a stream; a device of its own; what counts tries
		}
		for name, text := range hostile {
			text = text[:min(len(text), 500)]
			for _, in := range []string{url.PathEscape(text), block.String(), asset.String(), draft, strings.Repeat("0", 8) + "-0000-0000-0000-000000000000"} {
				all := url.Values{}
				for _, n := range names {
					all.Set(n, text)
				}
				to := inBraces.ReplaceAllString(path, in)
				if strings.Contains(path, "{form}") {
					to = strings.ReplaceAll(path, "{form}", "asset")
				}
				if method == http.MethodPost {
					s.sound(rt.pattern+" with "+name, s.ask(method, to, all))
				} else {
					s.sound(rt.pattern+" with "+name, s.ask(method, to+"?"+all.Encode(), nil))
				}
				if !strings.Contains(path, "{") {
					break
				}
			}
		}
		if s.device().Locked() || s.gate.shut() {
			s.gate.open()
		}
	}
}

// TestManyPagesWriteOneDraft: at once, each into a field of its own and all into one.
// Nothing is lost of the first, and of the last one text stands.
func TestManyPagesWriteOneDraft(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/asset")
	f.sets("category", "physical")
	fields := []string{"title_fa", "description", "address", "capacity_value"}
	f.shown(s.get(f.address))
	var wait sync.WaitGroup
	for i := range 40 {
		page := *f
		wait.Go(func() {
			a := page.sends(fields[i%len(fields)], fmt.Sprint(i%len(fields)+1))
			if a.StatusCode != http.StatusOK {
				t.Errorf("page %d: %s", i, a.Status)
			}
		})
	}
	wait.Wait()
	page := s.get(f.address)
	for i, field := range fields {
		if !regexp.MustCompile(`name="was:` + field + `" value="` + fmt.Sprint(i+1) + `"`).MatchString(page) {
			t.Errorf("%s is lost", field)
		}
	}
	if n := len(s.draftsThere()); n != 1 {
		t.Errorf("there are %d drafts", n)
	}
}

// TestFormWhileLockedAndAfterTrash: a form that is open while the screen locks takes
// nothing and loses nothing; one whose record was thrown away says so.
func TestFormWhileLockedAndAfterTrash(t *testing.T) {
	s := newOpen(t)
	asset := s.recorded("asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن"}`).Record
	f := s.open("/edit/" + asset.String())
	f.sets("title_fa", "سالن ورزشی")
	s.gate.close()
	a := f.sends("title_fa", "سالن دیگر")
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != s.prefix()+"/lock" || strings.Contains(a.body, "سالن") {
		t.Errorf("while locked: %s to %q\n%s", a.Status, a.Header.Get("Location"), a.body)
	}
	s.gate.open()
	f.shown(s.get(f.address))
	s.shows(f.page, `value="سالن ورزشی"`)

	// It is thrown away on another page, and the form saved after that.
	s.post("/record/"+asset.String()+"/delete", "reason", "تکراری")
	s.sound("after the trash", f.sends("title_fa", "سالن بزرگ"))
	a = f.sends("do", "save")
	s.sound("saving after the trash", a)
	r, err := s.device().Record(ctx, asset)
	if err != nil {
		t.Fatal(err)
	}
	if r.Deleted && len(s.draftsThere()) == 0 {
		t.Errorf("what was typed is gone:\n%s", a.body)
	}
}

// TestTooMuchInAForm: a book that is pasted into a field is told beside the form,
// which goes on taking the other fields.
func TestTooMuchInAForm(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/asset")
	f.sets("category", "physical")
	a := f.sends("description", strings.Repeat("سالن ", maxBody/8))
	if a.StatusCode != http.StatusOK || a.Header.Get("Mahalleh-Parts") != "1" || !strings.Contains(a.body, `id="form-refused"`) {
		t.Errorf("got %s\n%.500s", a.Status, a.body)
	}
	f.sets("title_fa", "سالن")
	s.shows(s.get(f.address), `value="سالن"`)
}

// TestKeysGoAndFormsWithThem: what was typed is not in memory once the keys are not.
func TestKeysGoAndFormsWithThem(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/asset")
	f.sets("title_fa", "سالن")
	if err := s.device().SetPIN("4815"); err != nil {
		t.Fatal(err)
	}
	s.gate.setPIN(true)
	s.post("/lock/now")
	for range 6 {
		s.post("/lock", "pin", "0000")
	}
	if !s.device().Locked() {
		t.Fatal("the keys are still in memory")
	}
	if n := len(s.drafts.open); n != 0 {
		t.Errorf("%d forms are still in memory", n)
	}
	if err := s.Unlock(ctx, clientsdk.Credentials{Passphrase: passphrase}); err != nil {
		t.Fatal(err)
	}
	s.shows(s.get(f.address), `value="سالن"`)
}

// TestNobodyKeepsItBusyByTalkingSlowly: a request that does not come to its end is
// let go, and a page that only listens is not.
func TestNobodyKeepsItBusyByTalkingSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOpen(t)
		l := &pipes{all: make(chan net.Conn), closed: make(chan struct{})}
		server := s.Server()
		over := make(chan struct{})
		go func() {
			defer close(over)
			_ = server.Serve(l) // ends when it is closed
		}()
		say := func(words string) (net.Conn, *bufio.Reader) {
			one, other := net.Pipe()
			l.all <- other
			if _, err := one.Write([]byte(words)); err != nil {
				t.Fatal(err)
			}
			return one, bufio.NewReader(one)
		}
		head := fmt.Sprintf("Host: %s\r\nCookie: %s=%s\r\nOrigin: %s\r\n", s.opt.Listen, cookieName, s.keys.cookie, s.origin())
		slow, told := say("POST " + s.prefix() + "/settings/look HTTP/1.1\r\n" + head + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nlang=")
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_, _ = io.Copy(io.Discard, told) // until it is let go
		}()
		page, heard := say("GET " + s.prefix() + "/events HTTP/1.1\r\n" + head + "\r\n")
		if _, err := heard.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				if _, err := heard.ReadString('\n'); err != nil {
					return
				}
			}
		}()
		time.Sleep(2 * bodyPatience)
		synctest.Wait()
		if len(s.events.pages) != 1 {
			t.Errorf("%d pages listen, want 1", len(s.events.pages))
		}
		select {
		case <-gone:
		default:
			t.Error("who talks slowly is still listened to")
		}
		page.Close()
		slow.Close()
		server.Close()
		<-over
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// pipes is a listener without a network.
type pipes struct {
	all    chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.all:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4567} }
