package fieldapp

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"net/http"
	"strings"
	"time"

	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
)

const (
	// openPath stands before the secret in the link that the program prints.
	openPath = "/open/"
	// cookieName is the cookie of this start's browser.
	cookieName = "mahalleh"
	// maxBody bounds what a page sends: a form with the longest texts that one
	// change may carry, as a browser escapes them.
	maxBody = 1 << 20
	// maxAddress bounds an address; the longest is a search that was typed.
	maxAddress = 8 << 10
	// headerPatience bounds how long a browser on this very device may take to say
	// what it wants, headerBytes how much it may say before that, and bodyPatience
	// how long all of it may take: whoever says it letter by letter keeps no
	// connection from others.
	headerPatience = 10 * time.Second
	headerBytes    = 32 << 10
	bodyPatience   = 30 * time.Second
)

// policy is the Content-Security-Policy: the program's own files and nothing
// else. A form may go nowhere else, no frame may hold a page, and no script or
// style stands in a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; media-src 'self' blob:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func encode(b []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// same compares secrets without telling by its time how much of one was right.
func same(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// guard decides who may ask. The port is open to every program and every web
// page on the device, and each of these checks is there for one of them.
func (a *App) guard(pages http.Handler) http.Handler {
	place := "/" + a.keys.place
	inside := http.StripPrefix(place, pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Not "no-referrer": with that a browser sends no Origin with a form.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(self), geolocation=(self), microphone=()")
		h.Set("Cache-Control", "no-store")
		switch {
		case r.Host != a.opt.Listen.String():
			// A name that points to this machine is somebody else's page that wants
			// to be taken for ours (DNS rebinding).
			http.Error(w, "this address is not served here", http.StatusMisdirectedRequest)
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
			h.Set("Allow", "GET, HEAD, POST")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		case len(r.RequestURI) > maxAddress:
			http.Error(w, "address too long", http.StatusRequestURITooLong)
		case strings.HasPrefix(r.URL.Path, formview.StaticPrefix) && r.Method != http.MethodPost:
			a.static(w, r)
		case strings.HasPrefix(r.URL.Path, openPath) && r.Method != http.MethodPost:
			a.open(w, r, strings.TrimPrefix(r.URL.Path, openPath))
		case !strings.HasPrefix(r.URL.Path, place+"/") || !a.holdsCookie(r) || !fromOwnPage(r, a.origin()):
			a.closed(w, r)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			inside.ServeHTTP(w, r)
		}
	})
}

func (a *App) holdsCookie(r *http.Request) bool {
	c, err := r.Cookie(cookieName)
	return err == nil && same(c.Value, a.keys.cookie)
}

// fromOwnPage reports whether one of the screen's own pages asks. What changes
// something must say so; for the rest it is enough that the browser does not
// say the contrary. A page on another port of this machine counts as foreign
// ("same-site").
func fromOwnPage(r *http.Request, origin string) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if r.Method == http.MethodPost {
		return r.Header.Get("Origin") == origin && (site == "" || site == "same-origin")
	}
	from := r.Header.Get("Origin")
	return (from == "" || from == origin) && (site == "" || site == "same-origin" || site == "none")
}

// open exchanges the link's secret for the cookie. The page that follows is
// asked for by this one, not by a redirect: a browser that was led here from
// elsewhere would not send a strict cookie with a redirect.
func (a *App) open(w http.ResponseWriter, r *http.Request, secret string) {
	if !same(secret, a.keys.link) {
		a.closed(w, r)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: a.keys.cookie, Path: "/" + a.keys.place + "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	a.plain(w, r, http.StatusOK, "opened", "screen.opened.title")
}

// closed is what everybody sees who is not the browser that the link opened:
// how to open the screen, and nothing else.
func (a *App) closed(w http.ResponseWriter, r *http.Request) {
	a.plain(w, r, http.StatusForbidden, "closed", "screen.closed.title")
}

// plain shows a page to somebody who may be anybody.
func (a *App) plain(w http.ResponseWriter, r *http.Request, status int, name string, title texts.Key) {
	words := a.words[a.prefs.get().Lang]
	var b bytes.Buffer
	err := a.pages.Render(&b, &formview.Page{Words: words, Name: name, Title: words.Say(title, nil), Data: a.prefix() + "/"})
	if err != nil {
		a.log.Error("a page could not be shown", "page", name, "err", err)
		http.Error(w, "the page could not be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // nobody is left to tell
	}
}

// static serves styles, font and scripts, which are the same for everybody.
func (a *App) static(w http.ResponseWriter, r *http.Request) {
	asset, ok := formview.Static(strings.TrimPrefix(r.URL.Path, formview.StaticPrefix))
	if !ok {
		http.NotFound(w, r)
		return
	}
	body := asset.Body
	h := w.Header()
	h.Set("Content-Type", asset.Type)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if asset.Gzip != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = asset.Gzip
		}
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // nobody is left to tell
	}
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" && strings.TrimSpace(quality) != "q=0" {
			return true
		}
	}
	return false
}
