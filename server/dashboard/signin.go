package dashboard

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/store"
)

func (a *App) signinRoutes() []route {
	return []route{
		{pattern: "GET /signin", handle: (*visit).getSignIn, need: needNothing},
		{pattern: "POST /signin", handle: (*visit).signIn, need: needNothing},
		{pattern: "GET /invite", handle: (*visit).getInvite, need: needNothing},
		{pattern: "POST /invite", handle: (*visit).acceptInvite, need: needNothing},
		{pattern: "POST /language", handle: (*visit).setLanguage, need: needNothing},
		{pattern: "GET /second", handle: (*visit).getSecond, need: needPassword},
		{pattern: "POST /second", handle: (*visit).setSecond, need: needPassword},
		{pattern: "POST /signout", handle: (*visit).signOut, need: needPassword},
	}
}

// signinData is what the page of signing in shows.
type signinData struct {
	Name, To string
	Kept     *keptForm
}

// keptForm is a form that was sent when its session was over: what was typed is
// kept on the page and sent again after signing in.
type keptForm struct {
	Action string
	Values []keptValue
}

type keptValue struct {
	Name, Value string
	// Typed says that a person wrote it, so that it is shown.
	Typed bool
}

// keptPrefix stands before the names of kept values in the form of signing in.
const keptPrefix = "kept."

// typedNames are the values that people write themselves.
var typedNames = []string{"reason", "value"}

func kept(action string, names func(string) (string, bool), v *visit) *keptForm {
	k := &keptForm{Action: local(action)}
	for name, values := range v.r.PostForm {
		plain, ok := names(name)
		for _, value := range values {
			if ok {
				k.Values = append(k.Values, keptValue{plain, value, slices.Contains(typedNames, plain)})
			}
		}
	}
	slices.SortStableFunc(k.Values, func(a, b keptValue) int { return strings.Compare(a.Name, b.Name) })
	return k
}

// askToSignIn is what everybody sees who is not signed in.
func (v *visit) askToSignIn() error {
	if v.isPart() {
		// Not away from what is typed: the page says it, the person goes on.
		v.w.Header().Set("HX-Retarget", "#notices")
		v.w.Header().Set("HX-Reswap", "innerHTML")
		v.w.Header().Set("Mahalleh-Part", "notice")
		v.w.WriteHeader(http.StatusUnauthorized)
		p := v.bare("failed", "")
		p.Data = formview.Notice{Level: formview.Warning, Text: v.say("office.signin.over", nil), To: "/signin", Label: v.say("office.signin.go", nil)}
		return v.pages.Part(v.w, "notice", p)
	}
	d := signinData{To: v.r.URL.RequestURI()}
	if v.r.Method == http.MethodPost {
		d.Kept = kept(v.r.URL.Path, func(name string) (string, bool) { return name, true }, v)
		d.To = "/"
	}
	return v.showSignIn(http.StatusUnauthorized, d, nil)
}

func (v *visit) showSignIn(status int, d signinData, failed error) error {
	p := v.bare("signin", v.say("office.signin.title", nil))
	p.Data = d
	switch {
	case failed != nil:
		p.Notices = []formview.Notice{v.explain(failed)}
	case d.Kept != nil:
		p.Notices = []formview.Notice{{Level: formview.Warning, Text: v.say("office.signin.kept", nil)}}
	}
	return v.renderAs(status, p)
}

func (v *visit) getSignIn() error {
	if v.signedIn() {
		return v.redirect("/")
	}
	return v.showSignIn(http.StatusOK, signinData{To: local(v.value("to"))}, nil)
}

func (v *visit) browser() access.Browser {
	return access.Browser{Address: addressOf(v.r), Agent: v.r.UserAgent()}
}

func (v *visit) signIn() error {
	d := signinData{Name: v.value("name"), To: local(v.value("to"))}
	if action := v.value("action"); action != "" {
		d.Kept = kept(action, func(name string) (string, bool) { return strings.CutPrefix(name, keptPrefix) }, v)
	}
	token, err := v.Signer.SignIn(v.ctx(), d.Name, v.value("password"), v.value("code"), v.browser())
	if status := statusOf(err); err != nil && status != http.StatusInternalServerError {
		v.Log.Info("somebody could not sign in", "from", addressOf(v.r), "why", err)
		return v.showSignIn(status, d, err)
	}
	if err != nil {
		return err
	}
	v.setToken(token)
	if d.Kept != nil {
		p := v.bare("resume", v.say("office.signin.resume", nil))
		p.Data = d.Kept
		return v.render(p)
	}
	return v.redirect(d.To)
}

func (v *visit) setToken(token string) {
	v.setCookie(v.sessionName(), token, int(access.SessionLong.Seconds()))
}

// setLanguage changes the language of this browser.
func (v *visit) setLanguage() error {
	lang, err := texts.ParseLang(v.value("lang"))
	if err != nil {
		return errBadRequest
	}
	v.setCookie(langCookie, string(lang), 365*24*60*60)
	return v.redirect(local(v.value("to")))
}

// inviteData is what the page of an invitation shows.
type inviteData struct {
	Secret string
	Least  int
}

// getInvite is the page of an invitation. Its secret stands behind the "#", so a
// script of the page takes it from there.
func (v *visit) getInvite() error { return v.showInvite(http.StatusOK, inviteData{}, nil) }

func (v *visit) showInvite(status int, d inviteData, failed error) error {
	p := v.bare("invite", v.say("office.invite.title", nil))
	d.Least = access.MinPassword
	p.Data, p.Scripts = d, []string{"invite.js"}
	if failed != nil {
		p.Notices = []formview.Notice{v.explain(failed)}
	}
	return v.renderAs(status, p)
}

func (v *visit) acceptInvite() error {
	d := inviteData{Secret: v.value("secret")}
	if v.value("password") != v.value("again") {
		return v.showInvite(http.StatusUnprocessableEntity, d, errDiffer)
	}
	token, err := v.Signer.Accept(v.ctx(), d.Secret, v.value("password"), v.browser())
	if status := statusOf(err); err != nil && status != http.StatusInternalServerError {
		return v.showInvite(status, d, err)
	}
	if err != nil {
		return err
	}
	v.setToken(token)
	return v.done("welcome", "/")
}

// secondData is what the page of the second factor shows.
type secondData struct {
	Secret, Spaced, Link string
}

func (v *visit) getSecond() error {
	if !v.unproved {
		return v.redirect("/")
	}
	secret, err := access.NewFactor(rand.Reader)
	if err != nil {
		return err
	}
	return v.showSecond(http.StatusOK, secret, nil)
}

func (v *visit) showSecond(status int, secret string, failed error) error {
	d := secondData{Secret: secret, Link: access.FactorLink(secret, v.who.Name)}
	for i, r := range secret {
		if i > 0 && i%4 == 0 {
			d.Spaced += " "
		}
		d.Spaced += string(r)
	}
	p := v.bare("second", v.say("office.second.title", nil))
	p.Data = d
	if failed != nil {
		p.Notices = []formview.Notice{v.explain(failed)}
	}
	return v.renderAs(status, p)
}

func (v *visit) setSecond() error {
	if !v.unproved {
		return v.redirect("/")
	}
	secret := v.value("secret")
	err := v.Signer.SetFactor(v.ctx(), v.token(), secret, v.value("code"))
	if errors.Is(err, access.ErrWrongCode) {
		return v.showSecond(http.StatusUnprocessableEntity, secret, err)
	}
	if err != nil {
		return err
	}
	return v.done("second_set", "/")
}

func (v *visit) signOut() error {
	if err := v.Signer.SignOut(v.ctx(), v.token()); err != nil {
		return err
	}
	v.setCookie(v.sessionName(), "", -1)
	return v.done("signed_out", "/signin")
}

func (a *App) accountRoutes() []route {
	return []route{
		{pattern: "GET /account", handle: (*visit).getAccount},
		{pattern: "POST /account/end", handle: (*visit).endSession},
	}
}

// accountData is what the page of one's own account shows.
type accountData struct {
	Name     string
	Roles    []roleAt
	Sessions []sessionRow
}

type roleAt struct{ Role, Place string }

type sessionRow struct {
	Name, Agent, Address string
	Made, Seen           time.Time
	This                 bool
}

// roleFamily names the roles in the catalogue.
const roleFamily texts.Family = "mahalleh.role"

func (v *visit) getAccount() error {
	d := accountData{Name: v.who.Name}
	err := v.read(func(r store.Reader, view *access.View) error {
		d.Roles, d.Sessions = nil, nil
		for _, g := range view.Roles {
			place, _ := view.PlaceOf(g.Place)
			d.Roles = append(d.Roles, roleAt{v.words.Catalogue().Member(roleFamily, g.Role, nil), v.placeName(place)})
		}
		all, err := v.Signer.Sessions(r, v.who.ID)
		for i := range all {
			x := &all[i]
			d.Sessions = append(d.Sessions, sessionRow{access.SessionName(x), x.Agent, x.Address, time.UnixMilli(x.Made), time.UnixMilli(x.Seen), x.Token == v.session.Token})
		}
		return err
	})
	if err != nil {
		return err
	}
	p := v.page("account", v.say("office.nav.account", nil))
	p.Data = d
	return v.render(p)
}

func (v *visit) endSession() error {
	x, err := v.Signer.End(v.ctx(), v.value("session"), v.who.ID, v.who.ID)
	if errors.Is(err, access.ErrNoSession) {
		return store.ErrNotFound
	}
	if err != nil {
		return err
	}
	if x.Token == v.session.Token {
		return v.done("signed_out", "/signin")
	}
	return v.done("ended", "/account")
}

// placeName is a place's name in the reader's language.
func (v *visit) placeName(p store.Place) string {
	if !v.words.Persian() && p.NameEn != "" {
		return p.NameEn
	}
	return p.NameFa
}
