package fieldapp

import (
	"net/http"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

func (a *App) startRoutes() []route {
	return []route{
		{pattern: "GET /start", handle: (*visit).getStart, need: needNothing, quiet: true},
		{pattern: "POST /start/lang", handle: (*visit).startLang, need: needNothing, quiet: true},
		{pattern: "POST /start/code", handle: (*visit).startCode, need: needNothing, quiet: true},
		{pattern: "POST /start/enrol", handle: (*visit).startEnrol, need: needNothing, quiet: true},
	}
}

// startData is what the pages of the start show.
type startData struct {
	// Code and Address are what was typed.
	Code, Address string
	// Invited is what the code says, nil before there is one.
	Invited *invited
	Least   int
	// LeastPIN is the least number of digits of a PIN.
	LeastPIN int
}

// invited is an invitation as the page shows it.
type invited struct {
	Person, Place string
	Number        string
	NeedsAddress  bool
	// Forgotten says what happens when the passphrase is forgotten.
	Forgotten string
}

func (v *visit) getStart() error {
	if v.device() != nil {
		return v.redirect("/")
	}
	return v.showStart(http.StatusOK, startData{}, nil)
}

func (v *visit) showStart(status int, d startData, failed error) error {
	d.Least, d.LeastPIN = clientsdk.MinPassphrase, clientsdk.MinPIN
	if v.touring() != nil {
		return v.redirect("/tour")
	}
	title := v.say("screen.start.title", nil)
	if d.Invited != nil {
		title = v.say("screen.start.passphrase_title", nil)
	}
	p := v.bare("start", title)
	p.Scripts = []string{"scan.js"}
	p.Data = d
	if failed != nil {
		p.Notices = []formview.Notice{v.explain(failed)}
	}
	return v.renderAs(status, p)
}

// startLang changes the language before anything else.
func (v *visit) startLang() error {
	lang, err := texts.ParseLang(v.value("lang"))
	if err != nil {
		return errBadRequest
	}
	if err := v.prefs.set(func(p *preference) { p.Lang = lang }); err != nil {
		return err
	}
	return v.redirect("/start")
}

// startCode reads the code, typed or scanned, and says what it is for.
func (v *visit) startCode() error {
	if v.device() != nil {
		return v.redirect("/")
	}
	d := startData{Code: v.code(), Address: v.value("address")}
	var err error
	if d.Invited, err = v.invitation(d.Code); err != nil {
		return v.showStart(http.StatusUnprocessableEntity, d, err)
	}
	return v.showStart(http.StatusOK, d, nil)
}

// code is what was typed or scanned, no longer than a code can be.
func (v *visit) code() string {
	code := strings.TrimSpace(v.value("code"))
	return code[:min(len(code), syncproto.MaxQRText)]
}

func (v *visit) invitation(code string) (*invited, error) {
	i, err := clientsdk.ReadInvitation(code)
	if err != nil {
		return nil, err
	}
	n := i.BeforePassphrase()
	return &invited{Person: i.Person, Place: i.PlaceName, Number: v.words.Digits(i.Code.Number), NeedsAddress: len(i.Addresses) == 0,
		Forgotten: v.catalogued(noticeFamily, n.Key[strings.LastIndexByte(n.Key, '.')+1:], n.Args)}, nil
}

// startEnrol makes the device somebody's own. It needs no network.
func (v *visit) startEnrol() error {
	if v.device() != nil {
		return v.redirect("/")
	}
	d := startData{Code: v.code(), Address: strings.TrimSpace(v.value("address"))}
	var err error
	if d.Invited, err = v.invitation(d.Code); err != nil {
		return v.showStart(http.StatusUnprocessableEntity, d, err)
	}
	if v.value("passphrase") != v.value("again") {
		return v.showStart(http.StatusUnprocessableEntity, d, errDiffer)
	}
	opt := v.opt.SDK
	if d.Address != "" {
		opt.Addresses = []string{d.Address}
	}
	c, err := clientsdk.Enrol(v.ctx(), v.opt.Dir, d.Code, clientsdk.Credentials{Passphrase: v.value("passphrase")}, opt)
	if err != nil {
		return v.showStart(http.StatusUnprocessableEntity, d, err)
	}
	v.setDevice(c)
	if pin := v.value("new_pin"); pin != "" {
		if err := c.SetPIN(persian.ToASCIIDigits(pin)); err != nil {
			v.tellNext(v.explain(err))
		} else {
			v.gate.setPIN(true)
		}
	}
	if err := v.prefs.set(func(*preference) {}); err != nil {
		return err
	}
	v.gate.open()
	v.sync.nudge()
	v.done("screen.start.done", nil)
	return v.redirect("/")
}
