package dashboard

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"mahalleh/server/access"
)

// TestStrangersSeeNothing: every address leads to the page of signing in.
func TestStrangersSeeNothing(t *testing.T) {
	k := newKit(t)
	b := k.stranger()
	for _, r := range k.routes() {
		if r.need == needNothing {
			continue
		}
		method, to, _ := strings.Cut(r.pattern, " ")
		to = strings.NewReplacer("{$}", "", "{id}", "D01", "{number}", "102").Replace(to)
		a := b.ask(method, to, nil)
		if a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, `name="password"`) {
			t.Errorf("%s: %s", r.pattern, a.Status)
		}
		b.hides(a.body, "پیرسرا")
	}
}

func TestSecondFactorIsAskedFor(t *testing.T) {
	k := newKit(t)
	_, err := k.server.Admin().AddPerson(t.Context(), "زهرا")
	k.must(err)
	_, _, err = k.server.Admin().Grant(t.Context(), "زهرا", "province", "گیلان")
	k.must(err)
	secret, _, err := k.Signer.Invite(t.Context(), "زهرا")
	k.must(err)
	b := k.stranger()
	b.post("/invite", "secret", secret, "password", password, "again", password)
	for _, r := range k.routes() {
		method, to, _ := strings.Cut(r.pattern, " ")
		to = strings.NewReplacer("{$}", "", "{id}", "D01", "{number}", "102").Replace(to)
		if r.need != needSigned {
			continue
		}
		if a := b.ask(method, to, nil); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/second" {
			t.Errorf("%s: %s %s", r.pattern, a.Status, a.Header.Get("Location"))
		}
	}
	b.setFactor()
	k.shows(b.get("/"), "Guilan")
	// From then on a password alone is not enough.
	k.ms += time.Hour.Milliseconds()
	other := k.stranger()
	if a := other.post("/signin", "name", "زهرا", "password", password, "to", "/"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a code: %s", a.Status)
	}
	other.factor = b.factor
	if a := other.post("/signin", "name", "زهرا", "password", password, "code", other.code(), "to", "/account"); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/account" {
		t.Errorf("with its code: %s %s", a.Status, a.Header.Get("Location"))
	}
}

// TestForeignOrigin: what another site's page asks is refused before anything of
// it is looked at.
func TestForeignOrigin(t *testing.T) {
	k := newKit(t)
	b := k.as(access.County, "101")
	for name, change := range map[string]func(*http.Request){
		"foreign origin":     func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"no origin":          func(r *http.Request) { r.Header.Del("Origin") },
		"null origin":        func(r *http.Request) { r.Header.Set("Origin", "null") },
		"other port":         func(r *http.Request) { r.Header.Set("Origin", "http://"+host+":81") },
		"same site, not own": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"cross site":         func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
	} {
		for _, to := range []string{"/signout", "/account/end", "/signin", "/language", "/active"} {
			if a := b.ask(http.MethodPost, to, url.Values{"lang": {"fa"}}, change); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %s: %s", name, to, a.Status)
			}
		}
	}
	for name, change := range map[string]func(*http.Request){
		"a script elsewhere": func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "cors")
		},
		"with its origin": func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
	} {
		if a := b.ask(http.MethodGet, "/", nil, change); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
	// A link elsewhere may lead here.
	link := func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
	}
	if a := b.ask(http.MethodGet, "/", nil, link); a.StatusCode != http.StatusOK {
		t.Errorf("a link: %s", a.Status)
	}
	for _, header := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"} {
		if got := b.ask(http.MethodGet, "/", nil).Header.Get(header); got != "" {
			t.Errorf("%s: %s", header, got)
		}
	}
}

func TestHeadersAndCookies(t *testing.T) {
	k := newKit(t)
	secret := func() string {
		s, _, err := k.Signer.Invite(t.Context(), "زهرا")
		k.must(err)
		return s
	}
	_, err := k.server.Admin().AddPerson(t.Context(), "زهرا")
	k.must(err)
	tls := func(r *http.Request) {
		r.RemoteAddr = "127.0.0.1:9"
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("Origin", "https://"+host)
	}
	for name, x := range map[string]struct {
		change func(*http.Request)
		cookie string
		secure bool
	}{
		"plain":       {func(*http.Request) {}, sessionCookie, false},
		"a proxy":     {tls, hostPrefix + sessionCookie, true},
		"a pretender": {func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, sessionCookie, false},
	} {
		a := k.stranger().ask(http.MethodPost, "/invite", url.Values{"secret": {secret()}, "password": {password}, "again": {password}}, x.change)
		found := false
		for _, c := range a.Cookies() {
			if c.Name == x.cookie {
				found = true
				if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != x.secure || c.Path != "/" || c.Domain != "" {
					t.Errorf("%s: %+v", name, c)
				}
			}
		}
		if !found {
			t.Errorf("%s: no cookie %s among %v", name, x.cookie, a.Cookies())
		}
		h := a.Header
		if h.Get("Cache-Control") != "no-store" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: %v", name, h)
		}
	}
}

// TestOversized: what is longer than any page of ours is refused.
func TestOversized(t *testing.T) {
	k := newKit(t)
	b := k.as(access.County, "101")
	many := url.Values{}
	for range maxValues + 1 {
		many.Add("x", "1")
	}
	for name, x := range map[string]struct {
		a    answer
		want int
	}{
		"address": {b.ask(http.MethodGet, "/?place="+strings.Repeat("1", maxAddress), nil), http.StatusRequestURITooLong},
		"body":    {b.post("/account/end", "session", strings.Repeat("x", maxBody)), http.StatusRequestEntityTooLarge},
		"values":  {b.ask(http.MethodPost, "/account/end", many), http.StatusRequestEntityTooLarge},
		"escape":  {b.ask(http.MethodGet, "/?place=%zz", nil), http.StatusBadRequest},
		"method":  {b.ask(http.MethodDelete, "/", nil), http.StatusMethodNotAllowed},
	} {
		if x.a.StatusCode != x.want {
			t.Errorf("%s: %s, want %d", name, x.a.Status, x.want)
		}
	}
}

// TestSessionEndsInTheMiddle: what was typed into a form whose session is over is
// kept through signing in, and sent again when the person says so.
func TestSessionEndsInTheMiddle(t *testing.T) {
	k := newKit(t)
	b := k.as(access.County, "101")
	k.ms += access.SessionIdle.Milliseconds()
	a := b.post("/account/end", "session", "abc", "reason", `<b>چرا</b> "نه"`)
	if a.StatusCode != http.StatusUnauthorized {
		t.Fatalf("after two hours: %s", a.Status)
	}
	k.shows(a.body, "&lt;b&gt;چرا&lt;/b&gt;", `name="action" value="/account/end"`, `name="kept.session" value="abc"`)
	a = b.post("/signin", "name", "county at 101", "password", "نادرست است", "action", "/account/end", "kept.session", "abc", "kept.reason", "چرا", "to", "/")
	k.shows(a.body, `name="kept.reason" value="چرا"`)
	a = b.post("/signin", "name", "county at 101", "password", password, "action", "/account/end", "kept.session", "abc", "kept.reason", "چرا", "to", "/")
	if a.StatusCode != http.StatusOK {
		t.Fatalf("signing in: %s", a.Status)
	}
	k.shows(a.body, `action="/account/end"`, `name="session" value="abc"`, `name="reason" value="چرا"`)
	k.hides(a.body, "password")
	// What leads elsewhere is not followed.
	a = b.post("/signin", "name", "county at 101", "password", password, "action", "https://evil.example/", "kept.x", "1")
	k.hides(a.body, "evil.example")
	for _, to := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "javascript:alert(1)", "x"} {
		if a := b.post("/signin", "name", "county at 101", "password", password, "to", to); a.Header.Get("Location") != "/" {
			t.Errorf("%s leads to %q", to, a.Header.Get("Location"))
		}
	}
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	k := newKit(t)
	mine := k.as(access.County, "101")
	theirs := k.as(access.County, "104")
	other := k.stranger()
	k.ms += 1000 // the list is by time
	other.post("/signin", "name", "county at 101", "password", password)
	page := mine.get("/account")
	_, rest, _ := strings.Cut(page[strings.Index(page, "<tbody>"):], `name="session" value="`)
	newest, _, _ := strings.Cut(rest, `"`)
	if a := theirs.post("/account/end", "session", newest); a.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else's session: %s", a.Status)
	}
	if other.status("/account") != http.StatusOK {
		t.Error("the session ended")
	}
	if a := mine.post("/account/end", "session", newest); a.StatusCode != http.StatusSeeOther {
		t.Errorf("my own: %s", a.Status)
	}
	if got := other.status("/account"); got != http.StatusUnauthorized {
		t.Errorf("the ended session: %d", got)
	}
	if a := mine.post("/signout"); a.Header.Get("Location") != "/signin" {
		t.Errorf("signing out leads to %q", a.Header.Get("Location"))
	}
	k.shows(mine.get("/signin"), "signed out")
}
