package dashboard

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/report"
	"mahalleh/server/store"
)

// need says who may ask a route.
type need uint8

const (
	// needSigned, the ordinary: somebody is signed in, as their roles want it.
	needSigned need = iota
	// needPassword: also before the second factor is set up.
	needPassword
	// needNothing: everybody. It shows nothing of anybody.
	needNothing
)

// route is one address of the pages.
type route struct {
	// pattern is as http.ServeMux reads it.
	pattern string
	handle  func(*visit) error
	need    need
	// quiet: no person need have done anything for this to be asked.
	quiet bool
}

// routes are all addresses; each page's file has its own.
func (a *App) routes() []route {
	return slices.Concat(
		[]route{
			{pattern: "GET /events", handle: (*visit).getEvents, quiet: true},
			{pattern: "POST /active", handle: func(v *visit) error { v.w.WriteHeader(http.StatusNoContent); return nil }},
			{pattern: "GET /", handle: func(*visit) error { return errNoPage }, quiet: true},
			{pattern: "POST /", handle: func(*visit) error { return errNoPage }, quiet: true},
		},
		a.overviewRoutes(),
		a.neighbourhoodsRoutes(),
		a.neighbourhoodRoutes(),
		a.mapRoutes(),
		a.needsRoutes(),
		a.takeRoutes(),
		a.viewsRoutes(),
		a.conflictsRoutes(),
		a.asideRoutes(),
		a.signinRoutes(),
		a.accountRoutes(),
		a.peopleRoutes(),
		a.meetingsRoutes(),
		a.decideRoutes(),
		a.tasksRoutes(),
		a.devicesRoutes(),
		a.likelyRoutes(),
	)
}

// nav are the places that the navigation leads to: first those of every meeting.
func (v *visit) nav() (links []formview.Link) {
	add := func(is bool, name, to string, label texts.Key) {
		if is {
			links = append(links, formview.Link{Name: name, To: to, Label: v.say(label, nil)})
		}
	}
	add(true, "overview", "/", "office.nav.overview")
	add(v.single, "neighbourhoods", "/neighbourhoods", "office.nav.neighbourhoods")
	add(true, "needs", "/needs", "office_needs.nav")
	add(v.single, "meetings", "/meetings", "office_meet.nav")
	add(v.single, "map", "/map", "office_map.nav")
	add(v.single, "conflicts", "/conflicts", "screen_records.conflicts_title")
	add(v.supervises, "asides", "/aside", "decide.aside_title")
	add(v.single, "take", "/take", "office_take.nav")
	add(v.steward, "people", "/people", "office_people.nav")
	add(true, "account", "/account", "office.nav.account")
	return links
}

// visit is one request.
type visit struct {
	*App
	w     http.ResponseWriter
	r     *http.Request
	words *formview.Words
	// who is signed in, and session how; zero where nobody need be.
	who     store.Person
	session store.Session
	// single says that some place is shown to them by itself, not only in sums.
	single bool
	// steward says that they look after people and devices.
	steward bool
	// supervises says that they decide about changes that were set aside.
	supervises bool
	// unproved says that a second factor has yet to be set up.
	unproved bool
}

// The errors of requests that no page of ours sends, and of those that find nobody.
var (
	errBadRequest = errors.New("the request cannot be read")
	errTooMuch    = errors.New("the request is too large")
	errNoPage     = errors.New("there is no such page")
	errDiffer     = errors.New("the two passwords differ")
)

// page makes a handler of a route.
func (a *App) page(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{App: a, w: w, r: r, words: a.words[languageOf(r)]}
		if err := v.answer(rt); err != nil && r.Context().Err() == nil {
			v.failed(err)
		}
	})
}

func (v *visit) answer(rt route) error {
	if err := v.readForm(); err != nil {
		return err
	}
	if rt.need == needNothing {
		return rt.handle(v)
	}
	switch in := v.signedIn(); {
	case !in:
		return v.askToSignIn()
	case v.unproved && rt.need != needPassword:
		return v.redirect("/second")
	}
	if !rt.quiet {
		if err := v.Signer.Seen(v.ctx(), v.session); err != nil {
			return err
		}
	}
	return rt.handle(v)
}

func (v *visit) readForm() error {
	if err := v.r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return errTooMuch
		}
		return errBadRequest
	}
	n := 0
	for _, all := range v.r.Form {
		n += len(all)
	}
	if n > maxValues {
		return errTooMuch
	}
	return nil
}

// signedIn looks at the session of the browser's cookie.
func (v *visit) signedIn() bool {
	token := v.token()
	if token == "" {
		return false
	}
	err := v.store.View(v.ctx(), func(r store.Reader) error {
		var err error
		if v.session, v.who, err = v.Signer.Session(r, token); err != nil {
			return err
		}
		view, err := v.access.View(r, v.who.ID)
		if err == nil {
			v.unproved = view.Second() && !v.session.Second
			v.steward = view.Steward()
			v.supervises = supervises(view)
			v.single = slices.ContainsFunc(view.Tops(), func(p store.Place) bool { return view.Single(p.ID) })
		}
		return err
	})
	if err != nil && !errors.Is(err, access.ErrNoSession) && v.ctx().Err() == nil {
		v.Log.Error("a session could not be read", "err", err)
	}
	return err == nil
}

// say is a text in the reader's language.
func (v *visit) say(key texts.Key, args texts.Args) string { return v.words.Say(key, args) }

// value is one value of the form or the address.
func (v *visit) value(name string) string { return v.r.Form.Get(name) }

// isPart reports whether htmx asks for a part of a page.
func (v *visit) isPart() bool { return v.r.Header.Get("HX-Request") == "true" }

// page is a page with everything but its data.
func (v *visit) page(name, title string) *formview.Page {
	p := v.bare(name, title)
	p.Nav, p.Live = v.nav(), true
	return p
}

// bare is a page without navigation, for where there is nowhere to go yet.
func (v *visit) bare(name, title string) *formview.Page {
	return &formview.Page{Words: v.words, Name: name, Title: title}
}

func (v *visit) render(p *formview.Page) error { return v.renderAs(http.StatusOK, p) }

func (v *visit) renderAs(status int, p *formview.Page) error {
	if n, ok := said[cookieValue(v.r, saidCookie)]; ok {
		p.Notices = append([]formview.Notice{{Level: formview.Done, Text: v.say(n, nil)}}, p.Notices...)
		v.setCookie(saidCookie, "", -1)
	}
	var b bytes.Buffer
	if err := v.pages.Render(&b, p); err != nil {
		return err
	}
	v.write(status, b.Bytes())
	return nil
}

// part shows one part of a page by its name, for a page that is open.
func (v *visit) part(part string, p *formview.Page) error {
	var b bytes.Buffer
	if err := v.pages.Part(&b, part, p); err != nil {
		return err
	}
	v.w.Header().Set("Mahalleh-Part", part)
	v.write(http.StatusOK, b.Bytes())
	return nil
}

func (v *visit) write(status int, html []byte) {
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(html) // nobody is left to tell
	}
}

// redirect leads to another page, after a form was sent, so that loading anew does
// not send it again.
func (v *visit) redirect(to string) error {
	if v.isPart() {
		v.w.Header().Set("HX-Redirect", to)
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// said are the words that the next page may be left with, by what stands in the
// cookie: nothing that a stranger could choose.
var said = map[string]texts.Key{
	"signed_out": "office.said.signed_out",
	"ended":      "office.said.ended",
	"second_set": "office.said.second_set",
	"welcome":    "office.said.welcome",

	"meeting_made":    "office_meet.said.made",
	"minutes":         "office_meet.said.minutes",
	"decided_approve": "office_meet.said.approve",
	"decided_return":  "office_meet.said.return",
	"decided_review":  "office_meet.said.review",
	"decided_defer":   "office_meet.said.defer",

	"person_added":    "office_people.said.added",
	"person_disabled": "office_people.said.disabled",
	"person_enabled":  "office_people.said.enabled",
	"role_given":      "office_people.said.given",
	"role_ended":      "office_people.said.ended",
	"device_lost":     "office_people.said.lost",
	"device_revoked":  "office_people.said.revoked",

	"view_kept":       "office_views.kept",
	"view_dropped":    "office_views.dropped",
	"settled":         "decide.said.settled",
	"settled_already": "screen_records.settled_already",
	"assigned":        "decide.said.assigned",

	"signed": "office_meet.said.signed",

	"task_allocate": "office_task.said.allocate",
	"task_renew":    "office_task.said.renew",
	"task_refuse":   "office_task.said.refuse",
	"task_defer":    "office_task.said.defer",

	"united":    "office_likely.said.united",
	"apart":     "office_likely.said.apart",
	"separated": "office_likely.said.separated",

	"aside_decided":         "decide.said.aside_decided",
	"aside_decided_already": "decide.said.aside_already",
}

// done leaves a word for the next page and leads there.
func (v *visit) done(word, to string) error {
	v.setCookie(saidCookie, word, 60)
	return v.redirect(to)
}

// explain says what an error means and what to do.
func (v *visit) explain(err error) formview.Notice {
	n := formview.Notice{Level: formview.Problem}
	var wait *access.WaitError
	if n, is := v.explainWriting(err); is {
		return n
	}
	if n, is := v.explainChoice(err); is {
		return n
	}
	switch {
	case errors.As(err, &wait):
		n.Text = v.say("office.failed.wait", texts.Args{"span": v.words.Span(wait.Wait)})
	case errors.Is(err, access.ErrWrongPassword):
		n.Text, n.Hint = v.say("office.failed.wrong", nil), v.say("office.failed.wrong_hint", nil)
	case errors.Is(err, access.ErrWrongCode):
		n.Text, n.Hint = v.say("office.failed.code", nil), v.say("office.failed.code_hint", nil)
	case errors.Is(err, access.ErrNoInvitation):
		n.Text, n.Hint = v.say("office.failed.invitation", nil), v.say("office.failed.invitation_hint", nil)
	case errors.Is(err, access.ErrWeakPassword):
		n.Text = v.say("office.failed.weak", texts.Args{"least": access.MinPassword})
	case errors.Is(err, errDiffer):
		n.Text = v.say("office.failed.differ", nil)
	case errors.Is(err, errTooMuch):
		n.Text = v.say("office.failed.too_much", nil)
	case errors.Is(err, errViews):
		n.Text, n.Hint = v.say("office_views.cannot", nil), v.say("office_views.cannot_hint", nil)
	case errors.Is(err, report.ErrBuilding):
		n.Level, n.Text = formview.Info, v.say("office.failed.building", nil)
	case refused(err):
		n = v.explainRefused(err)
	case statusOfMeeting(err) != 0:
		n = v.explainMeeting(err)
	case errors.Is(err, errBadRequest):
		n.Text = v.say("office.failed.bad_request", nil)
	case notThere(err):
		n.Text, n.Hint = v.say("office.failed.no_page", nil), v.say("office.failed.no_page_hint", nil)
	default:
		n.Text, n.Hint = v.say("office.failed.failed", nil), v.say("office.failed.failed_hint", nil)
	}
	return n
}

// statusOf is the HTTP status of an error; 500 is what nobody foresaw.
func statusOf(err error) int {
	var wait *access.WaitError
	if status := statusOfWriting(err); status != 0 {
		return status
	}
	switch {
	case errors.As(err, &wait):
		return http.StatusTooManyRequests
	case errors.Is(err, errTooMuch):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, report.ErrBuilding):
		return http.StatusServiceUnavailable
	case errors.Is(err, errBadRequest):
		return http.StatusBadRequest
	case statusOfMeeting(err) != 0:
		return statusOfMeeting(err)
	case errors.Is(err, access.ErrBeyond):
		return http.StatusForbidden
	case refused(err), errors.Is(err, access.ErrWrongPassword), errors.Is(err, access.ErrWrongCode), errors.Is(err, access.ErrWeakPassword), errors.Is(err, errDiffer), errors.Is(err, errViews):
		return http.StatusUnprocessableEntity
	case errors.Is(err, access.ErrNoInvitation):
		return http.StatusGone
	case notThere(err):
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

// failed shows an error as a page, or as a notice where a part was asked for.
func (v *visit) failed(err error) {
	status, n := statusOf(err), v.explain(err)
	if status == http.StatusInternalServerError {
		v.Log.Error("a page failed", "method", v.r.Method, "pattern", v.r.Pattern, "err", err)
	}
	p := v.bare("failed", v.say("office.failed.title", nil))
	var b bytes.Buffer
	if v.isPart() {
		p.Data = n
		v.w.Header().Set("Mahalleh-Part", "notice")
		v.w.Header().Set("HX-Retarget", "#notices")
		v.w.Header().Set("HX-Reswap", "innerHTML")
		err = v.pages.Part(&b, "notice", p)
	} else {
		p.Notices = []formview.Notice{n}
		err = v.pages.Render(&b, p)
	}
	if err != nil {
		v.Log.Error("an error could not be shown", "err", err)
		http.Error(v.w, "the page could not be shown", http.StatusInternalServerError)
		return
	}
	v.write(status, b.Bytes())
}

const (
	// langCookie keeps the language that a browser chose, saidCookie a word for its
	// next page.
	langCookie = "mahalleh-lang"
	saidCookie = "mahalleh-said"
	// sessionCookie keeps a session's token; over TLS the prefix keeps other hosts
	// from setting it.
	sessionCookie = "mahalleh-session"
	hostPrefix    = "__Host-"
)

func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// languageOf is the language that the browser chose, Persian otherwise.
func languageOf(r *http.Request) texts.Lang {
	if lang, err := texts.ParseLang(cookieValue(r, langCookie)); err == nil {
		return lang
	}
	return texts.Persian
}

func (v *visit) setCookie(name, value string, seconds int) {
	http.SetCookie(v.w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: overTLS(v.r), SameSite: http.SameSiteLaxMode})
}

func (v *visit) sessionName() string {
	if overTLS(v.r) {
		return hostPrefix + sessionCookie
	}
	return sessionCookie
}

func (v *visit) token() string { return cookieValue(v.r, v.sessionName()) }

// local is an address of these pages, "/" for anything else that was asked for.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, "\\") {
		return "/"
	}
	return to
}
