package fieldapp

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"mahalleh/schemas/formview"
)

// TestGuard holds the rules of who may ask, one by one: each is what somebody
// else on the same device tries.
func TestGuard(t *testing.T) {
	s := newOpen(t)
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	drop := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Del(name) }
	}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	look := url.Values{"lang": {"fa"}, "size": {"200"}}
	tests := []struct {
		name   string
		method string
		to     string
		change []func(*http.Request)
		want   int
	}{
		{"the browser that the link opened", "GET", "/", nil, 200},
		{"an address typed into it", "GET", "/", []func(*http.Request){set("Sec-Fetch-Site", "none")}, 200},
		{"a browser that tells nothing of where a request comes from", "GET", "/", []func(*http.Request){drop("Sec-Fetch-Site")}, 200},
		{"its forms", "POST", "/settings/look", nil, 303},

		{"a name that points to this machine (DNS rebinding)", "GET", "/", []func(*http.Request){host("evil.example:4567")}, 421},
		{"localhost by name", "GET", "/", []func(*http.Request){host("localhost:4567")}, 421},
		{"another port in the name", "GET", "/", []func(*http.Request){host("127.0.0.1:80")}, 421},
		{"no name", "GET", "/", []func(*http.Request){host("")}, 421},

		{"another program without the cookie", "GET", "/", []func(*http.Request){drop("Cookie")}, 403},
		{"a cookie of another start", "GET", "/", []func(*http.Request){set("Cookie", cookieName+"=aaaaaaaaaaaaaaaaaaaaaaaaaa")}, 403},
		{"an empty cookie", "GET", "/", []func(*http.Request){set("Cookie", cookieName+"=")}, 403},

		{"a neighbouring web page that talks to the port", "POST", "/settings/look", []func(*http.Request){set("Origin", "https://evil.example"), set("Sec-Fetch-Site", "cross-site")}, 403},
		{"a page on another port of this machine", "POST", "/settings/look", []func(*http.Request){set("Origin", "http://127.0.0.1:9999"), set("Sec-Fetch-Site", "same-site")}, 403},
		{"a page on another port that only looks", "GET", "/", []func(*http.Request){set("Sec-Fetch-Site", "same-site")}, 403},
		{"a form without its origin", "POST", "/settings/look", []func(*http.Request){drop("Origin")}, 403},
		{"a form of a page without an address", "POST", "/settings/look", []func(*http.Request){set("Origin", "null")}, 403},
		{"a form over another scheme", "POST", "/settings/look", []func(*http.Request){set("Origin", "https://127.0.0.1:4567")}, 403},
		{"an image on a foreign page", "GET", "/", []func(*http.Request){set("Sec-Fetch-Site", "cross-site")}, 403},
		{"a script of a foreign page", "GET", "/", []func(*http.Request){set("Origin", "https://evil.example"), drop("Sec-Fetch-Site")}, 403},

		{"another method", "PUT", "/", nil, 405},
		{"a question before a foreign request", "OPTIONS", "/", []func(*http.Request){set("Origin", "https://evil.example"), set("Access-Control-Request-Method", "POST")}, 405},
		{"an address without end", "GET", "/?q=" + strings.Repeat("a", maxAddress), nil, 414},
		{"no page of ours", "GET", "/nowhere", nil, 404},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var form url.Values
			if test.method == http.MethodPost {
				form = look
			}
			before := s.prefs.get()
			a := s.ask(test.method, test.to, form, test.change...)
			if a.StatusCode != test.want {
				t.Errorf("got %s, want %d\n%s", a.Status, test.want, a.body)
			}
			if test.want >= 400 && !reflect.DeepEqual(s.prefs.get(), before) {
				t.Error("the refused request changed something")
			}
			if test.want == 403 && !strings.Contains(a.body, "mahalleh-field serve") {
				t.Errorf("the refusal does not say how to open the page:\n%s", a.body)
			}
			if (test.want == 403 || test.want == 421) && strings.Contains(a.body, s.keys.place) {
				t.Error("a refusal tells where the pages are")
			}
			for name := range a.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("the answer has a header %s", name)
				}
			}
		})
	}
}

func TestGuardOfPathsOutside(t *testing.T) {
	s := newOpen(t)
	for _, path := range []string{"/", "/records", "/open/", "/open/aaaaaaaaaaaaaaaaaaaaaaaaaa", "/" + s.keys.place} {
		a := s.ask(http.MethodGet, "", nil, func(r *http.Request) { r.URL.Path = path })
		if a.StatusCode != http.StatusForbidden || strings.Contains(a.body, s.keys.place) {
			t.Errorf("GET %s: got %s, want 403 without a hint at the pages", path, a.Status)
		}
	}
}

// TestOpenedByLink proves the way of the secret: the link gives a cookie that
// only goes to the pages' own place, and the page that follows is asked for by
// ours.
func TestOpenedByLink(t *testing.T) {
	s := newOpen(t)
	path := strings.TrimPrefix(s.Link(), s.origin())
	// A link in a chat opens it as well: then it comes from elsewhere.
	a := s.ask(http.MethodGet, "", nil, func(r *http.Request) {
		r.URL.Path = path
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Del("Cookie")
	})
	cookies := a.Cookies()
	if a.StatusCode != http.StatusOK || len(cookies) != 1 {
		t.Fatalf("got %s with %d cookies", a.Status, len(cookies))
	}
	c := cookies[0]
	if c.Value != s.keys.cookie || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != s.prefix()+"/" {
		t.Errorf("got the cookie %v; want it out of reach of scripts, strict, and only for the pages' place", c)
	}
	s.shows(a.body, `content="0; url=`+s.prefix()+`/"`)
	if s.keys.link == s.keys.cookie || s.keys.link == s.keys.place || s.keys.cookie == s.keys.place {
		t.Error("one secret stands for another")
	}
}

// TestPageAfterKilled: a page that stays open while the program dies and starts
// anew is told how to go on; its cookie opens nothing.
func TestPageAfterKilled(t *testing.T) {
	s := newOpen(t)
	old := s.keys
	s.restart()
	a := s.ask(http.MethodGet, "", nil, func(r *http.Request) {
		r.URL.Path = "/" + old.place + "/"
		r.Header.Set("Cookie", cookieName+"="+old.cookie)
	})
	if a.StatusCode != http.StatusForbidden {
		t.Errorf("got %s, want 403", a.Status)
	}
	s.shows(a.body, "mahalleh-field serve")
}

func TestHeaders(t *testing.T) {
	s := newOpen(t)
	static, err := formview.StaticURL("mahalleh.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.prefix() + "/", "/elsewhere", static} {
		a := s.ask(http.MethodGet, "", nil, func(r *http.Request) { r.URL.Path = path })
		csp := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %q", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: the policy %q has a hole", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		want := "no-store"
		if path == static {
			want = "public, max-age=31536000, immutable"
		}
		if got := a.Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control is %q, want %q", path, got, want)
		}
	}
}

func TestStaticIsCompressed(t *testing.T) {
	s := newScreen(t)
	at, err := formview.StaticURL("mahalleh.css")
	if err != nil {
		t.Fatal(err)
	}
	for accepts, want := range map[string]string{"gzip, br": "gzip", "gzip;q=0": "", "": ""} {
		a := s.ask(http.MethodGet, "", nil, func(r *http.Request) {
			r.URL.Path = at
			r.Header.Set("Accept-Encoding", accepts)
		})
		if got := a.Header.Get("Content-Encoding"); a.StatusCode != 200 || got != want {
			t.Errorf("asked for %q: got %s compressed by %q, want %q", accepts, a.Status, got, want)
		}
	}
}

// TestTooMuchIsRefused: a body without end is cut off, and nothing changes.
func TestTooMuchIsRefused(t *testing.T) {
	s := newOpen(t)
	a := s.ask(http.MethodPost, "/settings/look", url.Values{"lang": {"fa"}, "size": {"200"}, "more": {strings.Repeat("x", maxBody)}})
	if a.StatusCode != http.StatusRequestEntityTooLarge || s.prefs.get().Size == 200 {
		t.Errorf("got %s, want 413 and nothing changed", a.Status)
	}
}

// TestLockedShowsNothing: while the screen is locked every address shows the
// lock, and takes nothing.
func TestLockedShowsNothing(t *testing.T) {
	s := newOpen(t)
	s.clock.pass(s.opt.Idle + DefaultIdle)
	for _, rt := range s.routes() {
		if rt.need == needNothing || strings.Contains(rt.pattern, "{") {
			continue
		}
		method, path, _ := strings.Cut(rt.pattern, " ")
		var form url.Values
		if method == http.MethodPost {
			form = url.Values{}
		}
		a := s.ask(method, path, form)
		locked := a.StatusCode == 200 && strings.Contains(a.body, `name="passphrase"`) || a.StatusCode == 303 && a.Header.Get("Location") == s.prefix()+"/lock"
		if !locked {
			t.Errorf("%s: got %s, want the lock\n%s", rt.pattern, a.Status, a.body)
		}
	}
}

// TestBeforeEnrolment: every address leads to the start.
func TestBeforeEnrolment(t *testing.T) {
	s := newScreen(t)
	for _, path := range []string{"/", "/settings", "/sync", "/lock"} {
		a := s.ask(http.MethodGet, path, nil)
		if got := a.Header.Get("Location"); got != s.prefix()+"/start" {
			t.Errorf("GET %s: got %s to %q, want the start", path, a.Status, got)
		}
	}
}
