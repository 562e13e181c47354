package fieldapp

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
)

// need says what must be so before a route answers. Zero, the ordinary, is a device
// that is enrolled and unlocked; otherwise the visitor is shown how to get there.
type need uint8

// needNothing: also before the device is enrolled, and while it is locked. Such a
// route shows nothing of what is sealed.
const needNothing need = 1

// route is one address of the screen.
type route struct {
	// pattern is as http.ServeMux reads it: "GET /record/{id}".
	pattern string
	handle  func(*visit) error
	need    need
	// quiet: a person need not have done anything for this to be asked, so it
	// does not keep the screen from locking.
	quiet bool
}

// visit is one request of the device's own person.
type visit struct {
	*App
	w http.ResponseWriter
	r *http.Request
	// words write in the person's language.
	words *formview.Words
	// c is the device's client, unlocked unless the route says needNothing, where
	// it may be nil too.
	c *clientsdk.Client
	// tours: c is that of a tour, and nothing is kept.
	tours bool
}

// page makes a handler of a route: the lock, the form's text, and errors.
func (a *App) page(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{App: a, w: w, r: r, words: a.words[a.prefs.get().Lang], c: a.device()}
		open := v.c != nil && !v.c.Locked() && !a.gate.shut()
		if t := a.touring(); t != nil && v.c == nil {
			v.c, v.tours, open = t.Client, true, true
		}
		if v.c != nil && !open && a.gate.fell() {
			a.hide()
		}
		if open && !rt.quiet {
			a.gate.touch()
		}
		err := v.answer(rt, open)
		if err != nil && r.Context().Err() == nil {
			v.failed(err)
		}
	})
}

func (v *visit) answer(rt route, open bool) error {
	if err := v.r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return errTooMuch
		}
		return errBadRequest
	}
	for name, values := range v.r.Form {
		// Browsers send text; what is none would stand broken in a page.
		if !utf8.ValidString(name) || slices.ContainsFunc(values, func(s string) bool { return !utf8.ValidString(s) }) {
			return errBadRequest
		}
	}
	switch {
	case open || rt.need == needNothing:
		return rt.handle(v)
	case v.c == nil:
		return v.redirect("/start")
	case v.r.Method == http.MethodPost:
		// What was sent is not taken while the screen is locked; the page that
		// sent it is still there after unlocking, by going back.
		return v.redirect("/lock")
	default:
		return v.showLock(http.StatusOK, nil)
	}
}

// The errors of requests that no page of ours sends.
var (
	errBadRequest = errors.New("the request cannot be read")
	errTooMuch    = errors.New("the request is too large")
	errNoPage     = errors.New("there is no such page")
	errDiffer     = errors.New("the two passphrases differ")
)

// ctx is the request's.
func (v *visit) ctx() context.Context { return v.r.Context() }

// say is a text in the person's language.
func (v *visit) say(key texts.Key, args texts.Args) string { return v.words.Say(key, args) }

// value is one value of the form or the address, cut at what is reasonable
// only by maxBody.
func (v *visit) value(name string) string { return v.r.Form.Get(name) }

// isPart reports whether htmx asks for a part of a page.
func (v *visit) isPart() bool { return v.r.Header.Get("HX-Request") == "true" }

// page is a page with everything but its data.
func (v *visit) page(name, title string) *formview.Page {
	p := v.bare(name, title)
	p.Nav, p.Live = v.nav(), true
	if v.tours {
		p.Notices = append(p.Notices, v.tourNotice())
	}
	return p
}

// bare is a page without navigation, for where there is nowhere to go yet.
func (v *visit) bare(name, title string) *formview.Page {
	return &formview.Page{Words: v.words, Name: name, Prefix: v.prefix(), Title: title, Size: v.prefs.get().Size}
}

func (a *App) prefix() string { return "/" + a.keys.place }

// render shows a whole page, with what was left to say.
func (v *visit) render(p *formview.Page) error { return v.renderAs(http.StatusOK, p) }

func (v *visit) renderAs(status int, p *formview.Page) error {
	p.Notices = append(v.takeSaid(), p.Notices...)
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

// redirect leads to another page of the screen, by its address without prefix;
// after a form was sent, so that loading anew does not send it again.
func (v *visit) redirect(to string) error {
	if v.isPart() {
		v.w.Header().Set("HX-Redirect", v.prefix()+to)
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(v.w, v.r, v.prefix()+to, http.StatusSeeOther)
	return nil
}

// tellNext leaves a notice for the next page that is shown.
func (a *App) tellNext(n formview.Notice) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.said = append(a.said, n)
}

func (a *App) takeSaid() []formview.Notice {
	a.mu.Lock()
	defer a.mu.Unlock()
	said := a.said
	a.said = nil
	return said
}

// done leaves the word that something was done for the next page.
func (v *visit) done(key texts.Key, args texts.Args) {
	v.tellNext(formview.Notice{Level: formview.Done, Text: v.say(key, args)})
}

// The texts of what the SDK says. Hints of the commands name commands; where a
// page has something better to say it stands in the screen's own family.
const (
	errorFamily  texts.Family = "field_sdk.error"
	hintFamily   texts.Family = "field_sdk.hint"
	noticeFamily texts.Family = "field_sdk.notice"
	screenHints  texts.Family = "screen.hint"
)

// explain says what an error means and what to do.
func (v *visit) explain(err error) formview.Notice {
	n := formview.Notice{Level: formview.Problem}
	key, args := clientsdk.Explain(err)
	name := key[strings.LastIndexByte(key, '.')+1:]
	all := texts.Args{"dir": v.opt.Dir}
	maps.Copy(all, args)
	n.Text, n.Hint = v.catalogued(errorFamily, name, all), v.catalogued(screenHints, name, all)
	if n.Hint == "" {
		n.Hint = v.catalogued(hintFamily, name, all)
	}
	var field *schemas.FieldError
	var step *clientsdk.StepError
	switch {
	case errors.As(err, &field): // names the field and says what to do
		n.Text, n.Hint = v.words.In(field.Message), ""
	case errors.As(err, &step):
		n.Text, n.Hint = v.words.In(step.Message), v.say("screen.rule", texts.Args{"rule": step.Rule, "source": string(step.Source)})
	case errors.Is(err, errTooMuch):
		n.Text, n.Hint = v.say("screen.failed.too_much", nil), ""
	case errors.Is(err, errBadRequest):
		n.Text, n.Hint = v.say("screen.failed.bad_request", nil), ""
	case errors.Is(err, errNoPage):
		n.Text, n.Hint = v.say("screen.failed.no_page", nil), ""
	case errors.Is(err, errNoChoice):
		n.Text, n.Hint = v.say("screen_records.no_choice", nil), ""
	case errors.Is(err, errMoreValues):
		n.Text, n.Hint = v.say("screen_records.more_values", nil), ""
	case errors.Is(err, errDiffer):
		n.Text, n.Hint = v.say("screen.failed.differ", nil), ""
	}
	return n
}

// catalogued is a family's text, "" if it has none of that name.
func (v *visit) catalogued(family texts.Family, name string, args texts.Args) string {
	key := texts.Key(string(family) + "." + name)
	if !v.words.Catalogue().Has(key) {
		return ""
	}
	return v.say(key, args)
}

// statusOf is the HTTP status of an error.
func statusOf(err error) int {
	switch {
	case errors.Is(err, clientsdk.ErrNotFound), errors.Is(err, errNoPage):
		return http.StatusNotFound
	case errors.Is(err, errTooMuch):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errBadRequest), errors.Is(err, errNoChoice):
		return http.StatusBadRequest
	case errors.Is(err, errMoreValues):
		return http.StatusConflict
	case errors.Is(err, clientsdk.ErrDiskFull):
		return http.StatusInsufficientStorage
	}
	if key, _ := clientsdk.Explain(err); key == "sdk.error.failed" {
		return http.StatusInternalServerError
	}
	return http.StatusUnprocessableEntity
}

// failed shows an error as a page, or as a notice where a part was asked for.
func (v *visit) failed(err error) {
	status, n := statusOf(err), v.explain(err)
	if status == http.StatusInternalServerError {
		v.log.Error("a page failed", "method", v.r.Method, "pattern", v.r.Pattern, "err", err)
	}
	if v.byScript() && status != http.StatusInternalServerError {
		// A form's own script tells it beside the form, which stays as it is; what
		// failed in the program is sent again.
		if err := v.refusePart(n); err == nil {
			return
		}
	}
	p := v.bare("failed", v.say("screen.failed.title", nil))
	p.Back = "/"
	var b bytes.Buffer
	if v.isPart() {
		p.Data = n
		v.w.Header().Set("Mahalleh-Part", "notice")
		// The notices of the page, wherever the part itself would have gone.
		v.w.Header().Set("HX-Retarget", "#notices")
		v.w.Header().Set("HX-Reswap", "innerHTML show:window:top")
		err = v.pages.Part(&b, "notice", p)
	} else {
		p.Notices = []formview.Notice{n}
		err = v.pages.Render(&b, p)
	}
	if err != nil {
		v.log.Error("an error could not be shown", "err", err)
		http.Error(v.w, "the page could not be shown", http.StatusInternalServerError)
		return
	}
	v.write(status, b.Bytes())
}
