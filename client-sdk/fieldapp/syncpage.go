package fieldapp

import (
	"errors"
	"net/http"
	"strings"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/syncer"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

func (a *App) syncRoutes() []route {
	return []route{
		{pattern: "GET /sync", handle: (*visit).getSync},
		{pattern: "GET /sync/state", handle: (*visit).getSyncState, quiet: true},
		{pattern: "POST /sync/now", handle: (*visit).syncNow},
		{pattern: "POST /sync/pause", handle: (*visit).syncPause},
		{pattern: "POST /sync/code", handle: (*visit).syncCode},
	}
}

// phases are the texts of phases.
const phases texts.Family = "field.phase"

// syncData is the page of the sync.
type syncData struct {
	// Phase says what it does, Moving whether something goes over the line now.
	Phase           string
	Moving, Paused  bool
	Up, Left        uint64
	Down            uint64
	BytesUp         uint64
	BytesDown       uint64
	All             uint64 // sent and to be sent, for the bar
	Wait            string
	Sent, Received  uint64
	Caught, Contact string

	// Recorded and Held are what the device recorded and the server holds; Proof
	// says that they are the same, and Code and When name the receipt.
	Recorded, Held uint64
	Pending        uint64
	Bytes          uint64
	Proof          bool
	Code, When     string
	// Safe are changes that a verified backup of the server holds.
	Safe uint64

	// NewCode asks for another enrolment code, with what was typed.
	NewCode bool
	Typed   string

	News    []asideData
	Settled []asideData
	Aside   []asideData
}

func (v *visit) getSync() error { return v.showSync(http.StatusOK, "", nil) }

// getSyncState shows how it stands anew, after it moved on.
func (v *visit) getSyncState() error {
	p, err := v.syncPage("", nil)
	if err != nil {
		return err
	}
	return v.part("state", p)
}

func (v *visit) showSync(status int, typed string, failed error) error {
	p, err := v.syncPage(typed, failed)
	if err != nil {
		return err
	}
	return v.renderAs(status, p)
}

func (v *visit) syncPage(typed string, failed error) (*formview.Page, error) {
	s, err := v.c.Status(v.ctx())
	if err != nil {
		return nil, err
	}
	p := v.page("sync", v.say("screen.nav.sync", nil))
	now := v.sync.view()
	if v.tours {
		now = syncView{}
	}
	d := &syncData{Phase: v.catalogued(phases, now.Progress.Phase.String(), nil), Paused: v.prefs.get().Paused,
		Up: now.Progress.ChangesUp, Left: now.Progress.ChangesLeft, Down: now.Progress.RecordsDown, BytesUp: now.Progress.BytesUp, BytesDown: now.Progress.BytesDown,
		All: now.Progress.ChangesUp + now.Progress.ChangesLeft, Sent: now.Sent, Received: now.Received,
		Caught: v.words.Minute(now.Caught), Contact: v.words.Minute(s.LastContact),
		Recorded: s.Received + s.Pending, Held: s.Received, Pending: s.Pending, Bytes: s.PendingBytes, Safe: s.BackupSafe, Typed: typed}
	d.Moving = now.Running && now.Progress.Phase != syncer.Idle && now.Progress.Phase != syncer.Waiting
	if now.Progress.Phase == syncer.Waiting && now.Running {
		d.Wait = v.words.Span(time.Duration(now.Progress.Wait) * time.Millisecond)
	}
	if !now.Running {
		d.Phase = v.say("screen.sync.still", nil)
	}
	// The receipt follows a moment after what it is about.
	d.Proof = s.Pending == 0 && s.Received > 0
	if s.Receipt != nil {
		d.Code, d.When = s.Receipt.Code, v.words.Minute(s.Receipt.Time)
	}
	if failed == nil {
		failed = now.why()
	}
	if failed != nil {
		p.Notices = append(p.Notices, v.whyNot(failed))
	}
	d.NewCode = !s.Person.Confirmed && isCodeError(failed)
	p.Notices = append(p.Notices, v.alarms(&s)...)
	for i := range s.Troubles {
		d.Aside = append(d.Aside, v.aside(&s.Troubles[i]))
	}
	p.Data = d
	return p, v.addNews(d, &now)
}

// whyNot says why there is no connection. That there is no line is nobody's
// mistake, and is said as such.
func (v *visit) whyNot(err error) formview.Notice {
	n := v.explain(err)
	if errors.Is(err, clientsdk.ErrNoNetwork) || errors.Is(err, clientsdk.ErrNotReachable) || errors.Is(err, clientsdk.ErrBusy) {
		n.Level = formview.Info
	}
	return n
}

// isCodeError reports whether another enrolment code would help.
func isCodeError(err error) bool {
	for _, kind := range []error{clientsdk.ErrBadCode, clientsdk.ErrUsedCode, clientsdk.ErrMistypedCode, clientsdk.ErrOtherCode} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// addNews adds what became of changes, those that a person should look at, and
// conflicts that others settled.
func (v *visit) addNews(d *syncData, now *syncView) error {
	for i := range now.News {
		x := &now.News[i]
		if x.Record.IsZero() || x.Outcome == syncproto.Duplicate {
			continue
		}
		n, err := v.news(x.Record)
		if err != nil {
			return err
		}
		n.Said = v.verdict(x)
		d.News = append(d.News, n)
	}
	for i := range now.Settled {
		x := &now.Settled[i]
		if x.By.Mine {
			continue
		}
		n, err := v.news(x.Record)
		if err != nil {
			return err
		}
		name := x.By.Name
		if name == "" {
			name = v.say("screen.sync.somebody", nil)
		}
		n.Said = []string{v.say("screen.sync.settled", texts.Args{"who": name, "field": v.fieldLabel(x.Label, x.Path)})}
		d.Settled = append(d.Settled, n)
	}
	return nil
}

func (v *visit) news(id syncproto.RecordID) (n asideData, err error) {
	n.To = "/record/" + id.String()
	n.Title, err = v.c.Label(v.ctx(), id, v.words.Lang())
	if errors.Is(err, clientsdk.ErrNotFound) || errors.Is(err, clientsdk.ErrLeaseOver) {
		err = nil
	}
	n.Title = v.titled(n.Title)
	return n, err
}

func (v *visit) syncNow() error {
	if err := v.prefs.set(func(p *preference) { p.Paused = false }); err != nil {
		return err
	}
	if !v.tours {
		v.sync.nudge()
	}
	return v.redirect("/sync")
}

// syncPause holds the sync, or lets it go on, until a person says otherwise.
func (v *visit) syncPause() error {
	pause := v.value("pause") == "yes"
	if err := v.prefs.set(func(p *preference) { p.Paused = pause }); err != nil {
		return err
	}
	if !v.tours {
		v.sync.nudge()
	}
	return v.redirect("/sync")
}

// syncCode gives a device whose code the server refused another one.
func (v *visit) syncCode() error {
	code := strings.TrimSpace(v.value("code"))
	if err := v.c.TakeCode(v.ctx(), code); err != nil {
		return v.showSync(http.StatusUnprocessableEntity, code, err)
	}
	v.sync.nudge()
	v.done("screen.sync.code_taken", nil)
	return v.redirect("/sync")
}
