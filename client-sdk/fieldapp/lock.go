package fieldapp

import (
	"errors"
	"net/http"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/persian"
)

func (a *App) lockRoutes() []route {
	return []route{
		{pattern: "GET /lock", handle: (*visit).getLock, need: needNothing, quiet: true},
		{pattern: "POST /lock", handle: (*visit).unlock, need: needNothing, quiet: true},
		{pattern: "POST /lock/now", handle: (*visit).lockNow, quiet: true},
	}
}

// lockData is what the lock shows: nothing of what is sealed.
type lockData struct {
	// PIN: a PIN opens; otherwise only the passphrase does. NewPIN offers to
	// choose a PIN along with it.
	PIN, NewPIN bool
	LeastPIN    int
	// Unsent counts changes that wait: known without a key, and a reason not to
	// wipe a phone that was found.
	Unsent uint64
}

func (v *visit) getLock() error {
	if v.tours {
		return v.redirect("/")
	}
	if v.c == nil {
		return v.redirect("/start")
	}
	if !v.c.Locked() && !v.gate.shut() {
		return v.redirect("/")
	}
	return v.showLock(http.StatusOK, nil)
}

// showLock shows the lock, with why the last try failed.
func (v *visit) showLock(status int, failed error) error {
	s, err := v.c.Status(v.ctx())
	if err != nil {
		return err
	}
	pin := !v.c.Locked() && v.gate.hasPIN() && v.r.Form.Get("with") != "passphrase"
	p := v.bare("lock", v.say("screen.lock.title", nil))
	p.Data = lockData{PIN: pin, NewPIN: !pin && !v.gate.hasPIN(), LeastPIN: clientsdk.MinPIN, Unsent: s.Pending}
	if failed != nil {
		p.Notices = []formview.Notice{v.explain(failed)}
	}
	if v.isPart() {
		// A part of a page cannot hold the lock: the whole page becomes it.
		return v.redirect("/lock")
	}
	return v.renderAs(status, p)
}

func (v *visit) unlock() error {
	if v.c == nil || v.tours {
		return v.redirect("/start")
	}
	var err error
	if pin := v.value("pin"); pin != "" && !v.c.Locked() {
		err = v.c.UnlockPIN(v.ctx(), persian.ToASCIIDigits(pin))
		if errors.Is(err, clientsdk.ErrNoPIN) {
			// Tried too often: the keys leave the memory, too.
			v.gate.setPIN(false)
			v.sync.halt()
			v.sync.forget()
			v.counts.forget()
			v.drafts.forget()
			err = errors.Join(err, v.c.Lock(v.ctx()))
		}
	} else {
		err = v.c.Unlock(v.ctx(), clientsdk.Credentials{Passphrase: v.value("passphrase")})
		if chosen := v.value("new_pin"); err == nil && chosen != "" {
			if err = v.c.SetPIN(persian.ToASCIIDigits(chosen)); err == nil {
				v.gate.setPIN(true)
			}
		}
	}
	if err != nil {
		return v.showLock(http.StatusUnprocessableEntity, err)
	}
	v.gate.open()
	v.sync.nudge()
	return v.redirect("/")
}

// lockNow locks the screen because a person says so.
func (v *visit) lockNow() error {
	v.gate.close()
	v.hide()
	return v.redirect("/lock")
}
