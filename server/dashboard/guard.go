package dashboard

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"mahalleh/schemas/formview"
)

const (
	// maxBody bounds what a page sends: a reason, a choice, a filter.
	maxBody = 64 << 10
	// maxAddress bounds an address; the longest is a table's view.
	maxAddress = 4 << 10
	// maxValues bounds how many values an address or a form has.
	maxValues = 100
)

// policy is the Content-Security-Policy: the server's own files and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard bounds what is asked, and refuses what another site's page asks.
func (a *App) guard(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Not "no-referrer": with that a browser sends no Origin with a form.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if overTLS(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
			h.Set("Allow", "GET, HEAD, POST")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		case len(r.RequestURI) > maxAddress:
			http.Error(w, "address too long", http.StatusRequestURITooLong)
		case !fromOwnPage(r):
			http.Error(w, "asked by another site's page", http.StatusForbidden)
		case strings.HasPrefix(r.URL.Path, formview.StaticPrefix) && r.Method != http.MethodPost:
			serveStatic(w, r)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			pages.ServeHTTP(w, r)
		}
	})
}

// fromOwnPage reports whether one of our own pages asks. What changes something
// must say so; for the rest it is enough that no script of another site asks: a
// link there may lead here.
func fromOwnPage(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	own := false
	if u, err := url.Parse(origin); err == nil && origin != "" {
		own = u.Host == r.Host && (u.Scheme == "http" || u.Scheme == "https")
	}
	if r.Method == http.MethodPost {
		return own && (site == "" || site == "same-origin")
	}
	visit := r.Header.Get("Sec-Fetch-Mode") == "navigate"
	return (origin == "" || own) && (site == "" || site == "same-origin" || site == "none" || visit)
}

// overTLS reports whether the browser came by TLS, to us or to a proxy on this
// machine.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || behindProxy(r) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// behindProxy reports whether a program of this machine asks, which may hand on for
// somebody else.
func behindProxy(r *http.Request) bool {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// addressOf is the network address that asks: an IPv4 address or an IPv6 /64. Of a
// proxy's word only the last counts, the others may have been made up.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if said := r.Header.Get("X-Forwarded-For"); said != "" && behindProxy(r) {
		host = strings.TrimSpace(said[strings.LastIndexByte(said, ',')+1:])
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	if at = at.Unmap().WithZone(""); at.Is6() {
		if p, err := at.Prefix(64); err == nil {
			return p.String()
		}
	}
	return at.String()
}

// serveStatic serves styles, font and scripts, which are the same for everybody.
func serveStatic(w http.ResponseWriter, r *http.Request) {
	asset, ok := formview.Static(strings.TrimPrefix(r.URL.Path, formview.StaticPrefix))
	if !ok {
		http.NotFound(w, r)
		return
	}
	body, h := asset.Body, w.Header()
	h.Set("Content-Type", asset.Type)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if asset.Gzip != nil {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = asset.Gzip
		}
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // nobody is left to tell
	}
}
