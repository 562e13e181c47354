package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/dashboard"
	"mahalleh/server/store"
)

//go:embed setup
var setupFiles embed.FS

const (
	// setupValid is how long the link is good; the next start makes another.
	setupValid = time.Hour
	// setupTries is how many wrong secrets are answered and logged one by one per
	// setupWindow. The secret has 130 bits: this is for the log's sake, and must
	// never keep out who has the right one.
	setupTries  = 10
	setupWindow = time.Minute
	// maxSetup bounds what the page sends: two short texts and a secret.
	maxSetup = 4 << 10
)

// setup makes the first administrator, once, for whoever holds the link that
// serve printed. The secret stands behind the link's "#", so that no browser
// sends it anywhere by itself, and no proxy writes it into a log.
type setup struct {
	d      *desk
	now    func() time.Time
	listen netip.AddrPort
	secret string
	hash   [sha256.Size]byte
	pages  map[cli.Lang]*template.Template
	texts  map[cli.Lang]*cli.Catalogue
	until  time.Time

	mu    sync.Mutex
	used  bool
	wrong []time.Time // tries with a wrong secret, within the window
}

// setUp makes a link if nobody is there yet and this machine reaches the
// server's address; nil otherwise.
func (d *desk) setUp(ctx context.Context, now func() time.Time, listen net.Addr) (*setup, error) {
	var people []store.Person
	err := d.view(ctx, func(r store.Reader) (err error) {
		people, err = access.People(r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for people: %w", err)
	}
	at, err := netip.ParseAddrPort(listen.String())
	if err != nil || len(people) > 0 {
		return nil, nil
	}
	switch here := at.Addr().Unmap(); {
	case here.IsUnspecified():
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	case !here.IsLoopback():
		return nil, nil
	}
	s := &setup{d: d, now: now, listen: at, secret: rand.Text(), until: now().Add(setupValid),
		pages: map[cli.Lang]*template.Template{}, texts: map[cli.Lang]*cli.Catalogue{}}
	s.hash = sha256.Sum256([]byte(s.secret))
	page, err := setupFiles.ReadFile("setup/page.html")
	if err != nil {
		return nil, fmt.Errorf("read the set-up page: %w", err)
	}
	for _, lang := range []cli.Lang{cli.Persian, cli.English} {
		texts, err := texts.OpenCatalogue(lang)
		if err != nil {
			return nil, err
		}
		s.texts[lang] = texts
		s.pages[lang], err = template.New("page").Parse(string(page))
		if err != nil {
			return nil, fmt.Errorf("read the set-up page: %w", err)
		}
	}
	return s, nil
}

// link is what serve prints, "" if there is nothing to set up.
func (s *setup) link() string {
	if s == nil {
		return ""
	}
	return "http://" + s.listen.String() + "/setup/#" + s.secret
}

func (s *setup) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /setup/{$}", s.show)
	mux.HandleFunc("GET /setup/{file}", s.file)
	mux.HandleFunc("POST /setup/make", s.make)
	// Other sites' pages cannot ask for anything here, whatever they know.
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		guarded.ServeHTTP(w, r)
	})
}

// setupPage is what the page shows.
type setupPage struct {
	Lang, Other, Dir string
	T                map[string]string
	Provinces        []placeItem
	// Said are the texts that the script needs, as JSON in an attribute.
	Said string
}

// language is the one that the address asks for; Persian without.
func language(r *http.Request) cli.Lang {
	if lang, err := texts.ParseLang(r.URL.Query().Get("lang")); err == nil {
		return lang
	}
	return cli.Persian
}

func (s *setup) show(w http.ResponseWriter, r *http.Request) {
	lang := language(r)
	t := s.texts[lang]
	p := setupPage{Lang: string(lang), Other: string(cli.English), Dir: "rtl", T: map[string]string{
		"title": t.Text("mahalleh_setup.title", nil), "intro": t.Text("mahalleh_setup.intro", nil), "name": t.Text("mahalleh_setup.name", nil),
		"role": t.Text("mahalleh_setup.role", nil), "national": t.Member("mahalleh.role", string(access.National), nil),
		"province": t.Member("mahalleh.role", string(access.Province), nil), "where": t.Text("mahalleh_setup.where", nil),
		"make": t.Text("mahalleh_setup.make", nil), "noscript": t.Text("mahalleh_setup.noscript", nil), "other": t.Text("mahalleh_setup.other", nil),
		"next": t.Text("mahalleh_setup.next", nil), "invite": t.Text("mahalleh_setup.invite", nil),
	}}
	if lang == cli.English {
		p.Other, p.Dir = string(cli.Persian), "ltr"
	}
	said, err := json.Marshal(map[string]string{"unreachable": t.Text("mahalleh_setup.unreachable", nil), "nolink": t.Text("mahalleh_setup.no_link", nil)})
	if err == nil {
		p.Said = string(said)
		p.Provinces, err = s.provinces(r.Context(), lang)
	}
	var b bytes.Buffer
	if err == nil {
		err = s.pages[lang].Execute(&b, p)
	}
	if err != nil {
		s.d.log.Error("the set-up page could not be shown", "err", err)
		http.Error(w, t.Text("mahalleh_setup.failed", nil), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // nobody is left to tell
}

func (s *setup) provinces(ctx context.Context, lang cli.Lang) (list []placeItem, err error) {
	err = s.d.view(ctx, func(r store.Reader) error {
		list = nil
		all, err := r.Places()
		if err != nil {
			return err
		}
		for _, p := range byNumber(all) {
			if p.Kind != store.PlaceProvince {
				continue
			}
			item := placeItem{Number: p.Number, NameFa: p.NameFa}
			if lang == cli.English {
				item.NameFa = p.NameEn
			}
			list = append(list, item)
		}
		return nil
	})
	return list, err
}

// file serves the page's script and style.
func (s *setup) file(w http.ResponseWriter, r *http.Request) {
	kind := map[string]string{"setup.js": "text/javascript; charset=utf-8", "setup.css": "text/css; charset=utf-8"}[r.PathValue("file")]
	b, err := setupFiles.ReadFile("setup/" + r.PathValue("file"))
	if kind == "" || err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(b)
}

// first is what the page asks for.
type first struct {
	Secret   string `json:"secret"`
	Name     string `json:"name"`
	Role     string `json:"role"`
	Province string `json:"province"`
}

// madeFirst is what it is told: a text, and on success what to do next.
type madeFirst struct {
	Text     string   `json:"text"`
	Commands []string `json:"commands,omitempty"`
	// Invite is where the administrator chooses a password for the pages.
	Invite string `json:"invite,omitempty"`
}

// errSetup are the ways in which setting up is refused.
var (
	errSetupSecret = errors.New("the secret is not the link's")
	errSetupOver   = errors.New("the link is used up or too old")
	errSetupTries  = errors.New("too many wrong secrets")
)

func (s *setup) make(w http.ResponseWriter, r *http.Request) {
	t := s.texts[language(r)]
	say := func(status int, m madeFirst) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		enc := json.NewEncoder(w)
		_ = enc.Encode(m) // nobody is left to tell
	}
	var q first
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSetup))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil || dec.Decode(&struct{}{}) != io.EOF || r.Header.Get("Content-Type") != "application/json" {
		say(http.StatusBadRequest, madeFirst{Text: t.Text("mahalleh_setup.failed", nil)})
		return
	}
	who, where, err := s.take(r.Context(), q)
	switch {
	case err == nil:
		m := madeFirst{Text: t.Text("mahalleh_setup.made", cli.Args{"name": who.Name}), Commands: nextSteps(who, where)}
		// Without one, mahalleh person invite makes another.
		if secret, _, err := s.d.signer().Invite(r.Context(), who.ID.String()); err != nil {
			s.d.log.Error("the first administrator could not be invited", "err", err)
		} else {
			m.Invite = dashboard.InvitePath + secret
		}
		say(http.StatusOK, m)
	case errors.Is(err, errSetupTries):
		say(http.StatusTooManyRequests, madeFirst{Text: t.Text("mahalleh_setup.tries", nil)})
	case errors.Is(err, errSetupSecret):
		say(http.StatusForbidden, madeFirst{Text: t.Text("mahalleh_setup.wrong", nil)})
	case errors.Is(err, errSetupOver), errors.Is(err, access.ErrNotFirst):
		say(http.StatusGone, madeFirst{Text: t.Text("mahalleh_setup.over", nil)})
	default:
		e := told(err)
		if e.Code == cli.Failure {
			s.d.log.Error("the first administrator could not be made", "err", err)
		}
		say(http.StatusUnprocessableEntity, madeFirst{Text: t.Text(e.Key, e.Args) + " " + t.Text(e.Hint, nil)})
	}
}

// take uses the link up, if everything about it is right. The secret is looked
// at first: whoever has another learns nothing else.
func (s *setup) take(ctx context.Context, q first) (store.Person, store.Place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	given := sha256.Sum256([]byte(q.Secret))
	if subtle.ConstantTimeCompare(given[:], s.hash[:]) != 1 {
		return store.Person{}, store.Place{}, s.refuse(now)
	}
	if s.used || !now.Before(s.until) {
		return store.Person{}, store.Place{}, errSetupOver
	}
	place := "1"
	switch q.Role {
	case string(access.National):
	case string(access.Province):
		place = q.Province
	default:
		return store.Person{}, store.Place{}, &access.UnknownRoleError{Asked: q.Role, Roles: []access.Role{access.National, access.Province}}
	}
	made, g, err := s.d.server.Admin().First(ctx, q.Name, q.Role, place)
	if errors.Is(err, access.ErrNotFirst) {
		s.used = true
	}
	if err != nil {
		return made, store.Place{}, err
	}
	s.used = true
	s.d.changed()
	s.d.log.Info("the first administrator was made; the link is used up", "person", made.ID)
	var where store.Place
	err = s.d.view(ctx, func(r store.Reader) (err error) {
		where, err = r.Place(g.Place)
		return err
	})
	return made, where, err
}

// refuse answers a wrong secret.
func (s *setup) refuse(now time.Time) error {
	fresh := s.wrong[:0]
	for _, at := range s.wrong {
		if now.Sub(at) < setupWindow {
			fresh = append(fresh, at)
		}
	}
	if s.wrong = fresh; len(s.wrong) >= setupTries {
		return errSetupTries
	}
	s.wrong = append(s.wrong, now)
	s.d.log.Warn("somebody tried to set the server up with a wrong secret")
	return errSetupSecret
}

// nextSteps are commands to go on with, for the operator at this machine.
func nextSteps(who store.Person, where store.Place) []string {
	in := "PROVINCE"
	if where.Kind == store.PlaceProvince {
		in = number(where)
	}
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(who.Name) + `"`
	return []string{
		"mahalleh enrol " + quoted + " --place " + number(where),
		`mahalleh place add "پیرسرا" --in ` + in,
		`mahalleh person add "مریم رضایی"`,
		`mahalleh grant add "مریم رضایی" facilitator --place 101`,
		`mahalleh enrol "مریم رضایی" --place 101`,
		"mahalleh backup /srv/backups --rotate",
	}
}
