package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas/forms"
	"mahalleh/server"
	"mahalleh/server/access"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
)

// newDesk is a desk over a new store, whose log goes into the buffer.
func newDesk(t *testing.T, log *bytes.Buffer) *desk {
	t.Helper()
	f, err := openFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{folder: f, clock: func() int64 { return time.Now().UnixMilli() }, log: slog.New(slog.NewTextHandler(log, nil))}
	if d.store, err = sqlitestore.Open(t.Context(), sqlitestore.Options{Path: f.database()}); err != nil {
		t.Fatal(err)
	}
	if d.journal.Erasures, err = sqlitestore.OpenErasures(f.erasures()); err != nil {
		t.Fatal(err)
	}
	packages, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	d.server, err = server.Open(t.Context(), server.Options{Store: d.store, Packages: packages, Erasures: d.journal, Clock: d.clock, Rand: rand.Reader, Log: d.log, Alarms: d.alarms})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.recall(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// visit is a browser's request to a set-up page.
type visit struct {
	method, path, body, peer string
	header                   map[string]string
}

func (v visit) to(h http.Handler) *httptest.ResponseRecorder {
	r := httptest.NewRequest(v.method, "http://127.0.0.1:8833"+v.path, strings.NewReader(v.body))
	r.RemoteAddr = "127.0.0.1:50000"
	if v.peer != "" {
		r.RemoteAddr = v.peer
	}
	if v.method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range v.header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func body(t *testing.T, q first) string {
	t.Helper()
	b, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSetup(t *testing.T) {
	var log bytes.Buffer
	d := newDesk(t, &log)
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	s, err := d.setUp(t.Context(), func() time.Time { return now }, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8833})
	if err != nil {
		t.Fatal(err)
	}
	link := s.link()
	if !regexp.MustCompile(`^http://127\.0\.0\.1:8833/setup/#[A-Z2-7]{26}$`).MatchString(link) {
		t.Fatalf("the link is %s", link)
	}
	o := &outside{d: d, pages: http.NotFoundHandler(), setup: s, now: func() time.Time { return now }}
	h := o.handler()
	ask := func(v visit) (int, madeFirst) {
		t.Helper()
		w := v.to(h)
		var m madeFirst
		if w.Header().Get("Content-Type") == "application/json" {
			if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
				t.Errorf("%s: %v", w.Body, err)
			}
		}
		return w.Code, m
	}
	made := func(q first) visit {
		return visit{method: http.MethodPost, path: "/setup/make?lang=en", body: body(t, q)}
	}
	right := first{Secret: s.secret, Name: "زهرا کریمی", Role: "province", Province: "11"}

	wrong := right
	wrong.Secret = strings.Repeat("A", 26)
	if code, m := ask(made(wrong)); code != http.StatusForbidden || !strings.Contains(m.Text, "not the link") {
		t.Errorf("another secret: %d %+v", code, m)
	}
	for name, v := range map[string]visit{
		"from elsewhere":      {method: http.MethodPost, path: "/setup/make", body: body(t, right), peer: "192.0.2.7:5000"},
		"page from elsewhere": {method: http.MethodGet, path: "/setup/", peer: "192.0.2.7:5000"},
	} {
		if code, _ := ask(v); code != http.StatusNotFound {
			t.Errorf("%s: %d", name, code)
		}
	}
	cross := made(right)
	cross.header = map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
	if code, _ := ask(cross); code != http.StatusForbidden {
		t.Errorf("from another site's page: %d", code)
	}
	for name, b := range map[string]string{"no JSON": "x", "unknown field": `{"secret":"` + s.secret + `","rights":"all"}`, "two": body(t, right) + body(t, right), "long": `{"name":"` + strings.Repeat("x", maxSetup) + `"}`} {
		if code, _ := ask(visit{method: http.MethodPost, path: "/setup/make", body: b}); code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, code)
		}
	}
	for name, change := range map[string]func(*first){
		"no name":      func(q *first) { q.Name = "  " },
		"long name":    func(q *first) { q.Name = strings.Repeat("ن", access.MaxName+1) },
		"another role": func(q *first) { q.Role = "facilitator" },
		"no province":  func(q *first) { q.Province = "9999" },
	} {
		q := right
		change(&q)
		code, m := ask(made(q))
		if code != http.StatusUnprocessableEntity || m.Text == "" {
			t.Errorf("%s: %d %+v", name, code, m)
		}
	}
	code, m := ask(made(right))
	if code != http.StatusOK || !strings.Contains(m.Text, "زهرا کریمی") || len(m.Commands) == 0 || m.Commands[0] != `mahalleh enrol "زهرا کریمی" --place 11` {
		t.Fatalf("the right one: %d %+v", code, m)
	}
	if code, _ := ask(made(right)); code != http.StatusGone {
		t.Errorf("a second time: %d", code)
	}
	err = d.view(t.Context(), func(r store.Reader) error {
		people, err := access.People(r)
		if err != nil {
			return err
		}
		grants, err := r.Grants(people[0].ID)
		if err != nil {
			return err
		}
		if len(people) != 1 || len(grants) != 1 || grants[0].Role != "province" {
			t.Errorf("people are %+v, grants %+v", people, grants)
		}
		acts, err := r.Audits([16]byte{})
		if n := len(acts); err != nil || n < 3 || acts[n-1].Act != "invited" || acts[n-2].Act != "granted" || acts[n-3].Act != "person added" {
			t.Errorf("acts are %+v (%v)", acts, err)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if again, err := d.setUp(t.Context(), time.Now, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8833}); err != nil || again != nil {
		t.Errorf("with people there: %v, %v", again, err)
	}
	for _, secret := range []string{s.secret, "زهرا"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// The link is good for an hour. Ten wrong secrets a minute are answered and
// logged one by one; however many come, the right one is let in.
func TestSetupEnds(t *testing.T) {
	var log bytes.Buffer
	d := newDesk(t, &log)
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	s, err := d.setUp(t.Context(), func() time.Time { return now }, &net.TCPAddr{IP: net.IPv6unspecified, Port: 8833})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.link(), "http://127.0.0.1:8833/setup/#") {
		t.Errorf("listening everywhere, the link is %s", s.link())
	}
	right := first{Secret: s.secret, Name: "x", Role: "national"}
	for range setupTries {
		if _, _, err := s.take(t.Context(), first{Secret: "x"}); !errors.Is(err, errSetupSecret) {
			t.Fatal(err)
		}
	}
	logged := log.Len()
	for range 2 {
		if _, _, err := s.take(t.Context(), first{Secret: "x"}); !errors.Is(err, errSetupTries) || log.Len() != logged {
			t.Errorf("after ten wrong ones: %v, %s", err, log.String()[logged:])
		}
	}
	// The role is wrong, so that the link stays; the secret was looked at.
	var role *access.UnknownRoleError
	if _, _, err := s.take(t.Context(), first{Secret: s.secret, Name: "x", Role: "king"}); !errors.As(err, &role) {
		t.Errorf("the right secret after ten wrong ones: %v", err)
	}
	now = now.Add(setupWindow)
	if _, _, err := s.take(t.Context(), first{Secret: "x"}); !errors.Is(err, errSetupSecret) {
		t.Errorf("a minute later: %v", err)
	}
	now = now.Add(setupValid)
	if _, _, err := s.take(t.Context(), right); !errors.Is(err, errSetupOver) {
		t.Errorf("an hour later: %v", err)
	}
	if s, err := d.setUp(t.Context(), time.Now, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8833}); s != nil || err != nil {
		t.Errorf("not reached from this machine: %v, %v", s, err)
	}
	if (*setup)(nil).link() != "" {
		t.Error("nothing to set up has a link")
	}
}

// The page is one file, a script and a style, in both languages, without
// anything of its own in the page and without an address outside.
func TestSetupPage(t *testing.T) {
	var log bytes.Buffer
	d := newDesk(t, &log)
	s, err := d.setUp(t.Context(), time.Now, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8833})
	if err != nil {
		t.Fatal(err)
	}
	h := s.handler()
	for lang, want := range map[string][]string{
		"":   {`<html lang="fa" dir="rtl">`, "راه‌اندازی سرور محله", "گیلان", `href="?lang=en"`},
		"fa": {`dir="rtl"`, "استان"},
		"en": {`<html lang="en" dir="ltr">`, "Set up the server", "Guilan", `href="?lang=fa"`, "فارسی"},
	} {
		w := visit{method: http.MethodGet, path: "/setup/?lang=" + lang}.to(h)
		page := w.Body.String()
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s", lang, w.Code, w.Header())
		}
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s: the page lacks %q", lang, text)
			}
		}
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("the policy is %s", policy)
		}
		if regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]| on[a-z]+=|style=|https?://|//[a-z]`).MatchString(page) {
			t.Errorf("%s: the page holds a script, a style or an address of its own:\n%s", lang, page)
		}
		if strings.Contains(page, s.secret) {
			t.Error("the page holds the secret")
		}
		for _, header := range []string{"X-Content-Type-Options", "Referrer-Policy", "Cache-Control"} {
			if w.Header().Get(header) == "" {
				t.Errorf("no %s", header)
			}
		}
	}
	for _, name := range []string{"setup.js", "setup.css"} {
		w := visit{method: http.MethodGet, path: "/setup/" + name}.to(h)
		if w.Code != http.StatusOK || regexp.MustCompile(`https?://|innerHTML|eval\(`).MatchString(w.Body.String()) {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	for _, path := range []string{"/setup/page.html", "/setup/../setup.go", "/setup/none"} {
		if w := (visit{method: http.MethodGet, path: path}).to(h); w.Code == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
}

// Metrics are for this machine, not for whoever a proxy on it serves.
func TestMetricsStayHere(t *testing.T) {
	var log bytes.Buffer
	d := newDesk(t, &log)
	o := &outside{d: d, pages: http.NotFoundHandler(), version: "x", now: time.Now}
	for name, c := range map[string]struct {
		v    visit
		want int
	}{
		"here":            {visit{}, http.StatusOK},
		"here, IPv6":      {visit{peer: "[::1]:5000"}, http.StatusOK},
		"elsewhere":       {visit{peer: "192.0.2.7:5000"}, http.StatusNotFound},
		"through a proxy": {visit{header: map[string]string{"X-Forwarded-For": "192.0.2.7"}}, http.StatusNotFound},
	} {
		c.v.method, c.v.path = http.MethodGet, "/metrics"
		w := c.v.to(o.handler())
		if w.Code != c.want || (w.Code == http.StatusOK) != strings.Contains(w.Body.String(), "mahalleh_sessions 0") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := (visit{method: http.MethodGet, path: "/metrics", peer: "192.0.2.7:5000"}).to(o.watchers()); w.Code != http.StatusOK {
		t.Errorf("at the address given for them: %d", w.Code)
	}
	if w := (visit{method: http.MethodGet, path: filepath.ToSlash("/sync"), peer: "192.0.2.7:5000"}).to(o.watchers()); w.Code == http.StatusUpgradeRequired {
		t.Error("devices are served at the address given for metrics")
	}
}
