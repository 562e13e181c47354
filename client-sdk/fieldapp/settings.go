package fieldapp

import (
	"net/http"
	"slices"
	"strconv"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
)

func (a *App) settingsRoutes() []route {
	return []route{
		{pattern: "GET /settings", handle: (*visit).getSettings},
		{pattern: "POST /settings/look", handle: (*visit).setLook},
		{pattern: "POST /settings/pin", handle: (*visit).setPIN},
		{pattern: "POST /settings/passphrase", handle: (*visit).setPassphrase},
	}
}

// settingsData is what a person may choose.
type settingsData struct {
	Size            int
	Sizes           []sizeOption
	HasPIN, Tours   bool
	Least, LeastPIN int
	// About is the device: what the office asks for on the telephone.
	Person, Place, Device string
	Addresses             []string
	Forms                 uint32
}

type sizeOption struct {
	Size   int
	Chosen bool
}

func (v *visit) getSettings() error { return v.showSettings(http.StatusOK, nil) }

func (v *visit) showSettings(status int, failed error) error {
	p := v.page("settings", v.say("screen.nav.settings", nil))
	who := v.c.Person()
	d := settingsData{Size: v.prefs.get().Size, HasPIN: v.gate.hasPIN(), Tours: v.tours, Least: clientsdk.MinPassphrase, LeastPIN: clientsdk.MinPIN,
		Person: v.words.Embed(who.Name), Place: v.words.In(who.PlaceName), Device: who.Device.String(), Addresses: who.Addresses, Forms: v.c.Forms().Version}
	for _, size := range formview.TextSizes {
		d.Sizes = append(d.Sizes, sizeOption{size, size == d.Size})
	}
	p.Data = d
	if failed != nil {
		p.Notices = append(p.Notices, v.explain(failed))
	}
	return v.renderAs(status, p)
}

// setLook sets language and text size.
func (v *visit) setLook() error {
	lang, err := texts.ParseLang(v.value("lang"))
	size, bad := strconv.Atoi(v.value("size"))
	if err != nil || bad != nil || !slices.Contains(formview.TextSizes, size) {
		return errBadRequest
	}
	if err := v.prefs.set(func(p *preference) { p.Lang, p.Size = lang, size }); err != nil {
		return err
	}
	v.words = v.App.words[lang]
	v.done("screen.settings.saved", nil)
	return v.redirect("/settings")
}

// setPIN sets the PIN for the rest of this run of the program.
func (v *visit) setPIN() error {
	if err := v.c.SetPIN(persian.ToASCIIDigits(v.value("new_pin"))); err != nil {
		return v.showSettings(http.StatusUnprocessableEntity, err)
	}
	if !v.tours {
		v.gate.setPIN(true)
	}
	v.done("screen.settings.pin_set", nil)
	return v.redirect("/settings")
}

// setPassphrase replaces the passphrase. Whoever found the screen open must not
// be able to take the device over: the old one is asked for, and a wrong one
// counts like one at the lock.
func (v *visit) setPassphrase() error {
	if v.tours {
		return v.redirect("/settings")
	}
	if v.value("passphrase") != v.value("again") {
		return v.showSettings(http.StatusUnprocessableEntity, errDiffer)
	}
	err := v.c.Unlock(v.ctx(), clientsdk.Credentials{Passphrase: v.value("old")})
	if err == nil {
		err = v.c.SetCredentials(v.ctx(), clientsdk.Credentials{Passphrase: v.value("passphrase")})
	}
	if err != nil {
		return v.showSettings(http.StatusUnprocessableEntity, err)
	}
	v.done("screen.settings.passphrase_set", nil)
	return v.redirect("/settings")
}
