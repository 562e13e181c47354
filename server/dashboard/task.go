package dashboard

import (
	"errors"
	"fmt"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func (a *App) tasksRoutes() []route {
	return []route{
		{pattern: "GET /allocate/{id}", handle: func(v *visit) error { return v.showAllocate(nil) }},
		{pattern: "POST /allocate/{id}", handle: (*visit).allocate},
		{pattern: "GET /renew/{id}", handle: func(v *visit) error { return v.showRenew(nil) }},
		{pattern: "POST /renew/{id}", handle: (*visit).renew},
	}
}

const (
	lineForm      = "budget_line"
	agreementForm = "agreement"
)

// What a meeting does with a credit or an agreement that it decides on.
const (
	actAllocate = "allocate"
	actRenew    = "renew"
	actRefuse   = "refuse"
)

// taskResults are the results of decisions by the acts.
var taskResults = map[string]string{actAllocate: "approved", actRenew: "approved", actRefuse: "rejected", actDefer: "deferred"}

// task is a record that a meeting decides on.
type task struct {
	council
	settings indicators.Settings
}

// offices are the roles that decide on money and agreements.
var offices = []access.Role{access.County, access.Province}

// decidesOn reports whether the reader may decide on a record of that form at a place: an
// office that may write it, and decisions beside it.
func (v *visit) decidesOn(r store.Reader, view *access.View, f *filed) (bool, error) {
	decision, _ := v.forms.FormByName(decisionForm)
	if !mayWrite(view, f.form, f.place.ID) || !mayWrite(view, decision, f.place.ID) {
		return false, nil
	}
	roles, err := v.access.RolesAt(r, v.who.ID, f.place.ID, v.now())
	return slices.ContainsFunc(roles, func(role access.Role) bool { return slices.Contains(offices, role) }), err
}

// openTask reads the record of the address. Who may not decide on it finds no page.
func (v *visit) openTask(form string) (*task, *looked, error) {
	_, l, err := v.lookAround(form)
	if err != nil {
		return nil, nil, err
	}
	x := &task{settings: l.settings}
	err = v.read(func(r store.Reader, view *access.View) error {
		x.council = council{}
		if x.subject, err = v.open(view, v.r.PathValue("id"), form); err != nil {
			return err
		}
		may, err := v.decidesOn(r, view, x.subject)
		if err != nil {
			return err
		}
		if !may {
			return store.ErrNotFound
		}
		return v.convene(view, &x.council)
	})
	return x, l, err
}

// taskData is what the pages of tasks have in common.
type taskData struct {
	ballotData
	ID, Form, Seen string
	Place          crumb
	Facts          []named
	Acts           []option
	// Warnings are to be read before, Accept names them.
	Warnings []formview.Notice
	Accept   string
}

func (v *visit) taskData(to string, x *task, acts ...string) (taskData, error) {
	d := taskData{ID: x.subject.state.Record.String(), Seen: seenOf(x.subject.state), Place: crumb{x.subject.place.Number, v.placeName(x.subject.place), true}}
	d.ballotData = v.ballot(to+"/"+d.ID, &x.council)
	for _, act := range acts {
		d.Acts = append(d.Acts, option{act, v.words.Catalogue().Member(taskFamily, act, nil), act == v.value("act")})
	}
	var err error
	d.Form, err = v.newForm()
	return d, err
}

const taskFamily texts.Family = "office_task.act"

// noQuorum names the warning that too few were present.
const noQuorum = "quorum"

// warnedError says what has to be read before it is decided.
type warnedError struct {
	accept  string
	notices []formview.Notice
}

func (e *warnedError) Error() string        { return errWarned.Error() }
func (e *warnedError) Is(target error) bool { return target == errWarned }

// facts are fields of the record with their labels.
func (v *visit) facts(view *access.View, f *filed, fields ...string) (all []named) {
	t := v.teller(view)
	for _, name := range fields {
		if x, ok := f.form.FieldByName(name); ok {
			if text := t.Shown(x, f.rec.Fields[x.ID]); text != "" {
				all = append(all, named{v.label(x.Label), text})
			}
		}
	}
	return all
}

// showTask shows the page of a task, with why it was not decided.
func (v *visit) showTask(name, title string, x *task, d any, failed error) error {
	p := v.page(name, title)
	p.Back, p.Data, p.Live = fmt.Sprintf("/meetings?place=%d", x.subject.place.Number), d, false
	if x.meeting != nil {
		p.Back = "/meeting/" + x.meeting.state.Record.String()
	}
	return v.renderFailed(p, failed)
}

// warn puts what has to be read into the page.
func (d *taskData) warn(failed error) {
	if w, is := errors.AsType[*warnedError](failed); is {
		d.Warnings, d.Accept = w.notices, w.accept
	}
}

// decideTask writes the decision of a task into what is done, and says which act it is.
// more are warnings beside that of a missing quorum.
func (v *visit) decideTask(w *writing, x *task, kind, approve string, more ...workflow.Finding) (act string, err error) {
	act = v.value("act")
	if taskResults[act] == "" || act != approve && act != actRefuse && act != actDefer {
		return "", errNoAct
	}
	if x.meeting == nil {
		return "", errNoMeeting
	}
	decision, err := v.decisionOf(&x.council, kind, taskResults[act], x.subject.place.NameFa)
	if err != nil {
		return "", err
	}
	warned := &warnedError{}
	if act == approve {
		warned.accept = acceptOf(more)
		for _, f := range more {
			warned.notices = append(warned.notices, formview.Notice{Level: formview.Warning, Text: v.label(f.Message), Hint: v.say("screen.rule", texts.Args{"rule": f.Rule, "source": string(f.Source)})})
		}
		if d := v.ballot("", &x.council); x.committee != nil && !d.Met {
			warned.accept += " " + noQuorum
			warned.notices = append(warned.notices, formview.Notice{Level: formview.Warning, Text: d.Quorum, Hint: v.say("office_meet.not_met", nil)})
		}
		if len(warned.notices) > 0 && v.value("accept") != warned.accept {
			return "", warned
		}
	}
	form, _ := v.forms.FormByName(decisionForm)
	w.create(form, x.subject.place.ID, func(r *schemas.Record) error {
		r.Fields = decision.Clone().Fields
		return nil
	})
	return act, nil
}

// untouched wants that what is decided on, and not written, is as the page showed it.
func (v *visit) untouched(x *task) error {
	if v.value("seen") != seenOf(x.subject.state) {
		return hub.ErrChanged
	}
	return nil
}

// sendTask writes what was decided, or shows the page again.
func (v *visit) sendTask(w *writing, x *task, word string, failed error, show func(error) error) error {
	if failed == nil {
		failed = w.do()
	}
	switch {
	case saidOnPage(failed):
		return show(failed)
	case failed != nil:
		return failed
	}
	v.Moved()
	return v.done(word, "/meeting/"+x.meeting.state.Record.String())
}

// taskRow is something that a meeting may decide on.
type taskRow struct {
	To, Title, Place, Stands string
	Late                     bool
}

// mostTasks bounds how many of a kind a page lists.
const mostTasks = 50

// ending are agreements of a place, and what lies in it, that end soon or are over, and
// that no other followed; those that end first come first. meeting is that in which they
// would be decided on, "" for none.
func (v *visit) ending(r store.Reader, view *access.View, l *looked, meeting string) ([]taskRow, error) {
	followed := map[indicators.ID]bool{}
	type ends struct {
		on     jalali.Day
		record indicators.ID
	}
	var all []ends
	settings := workflow.SettingsOf(&l.settings)
	for i := range l.summaries {
		for _, a := range l.summaries[i].Agreements {
			followed[a.RenewedFrom] = true
			if workflow.AgreementState(a.End, v.today(), settings) != "active" {
				all = append(all, ends{a.End, a.Record})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b ends) int { return int(a.on) - int(b.on) })
	var rows []taskRow
	for _, a := range all {
		if followed[a.record] || len(rows) == mostTasks {
			continue
		}
		f, err := v.open(view, syncproto.RecordID(a.record).String(), agreementForm)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if f.value("state").Code() != "active" {
			continue
		}
		to, err := v.taskTo(r, view, "/renew/", f, meeting)
		if err != nil {
			return nil, err
		}
		now := workflow.AgreementState(a.on, v.today(), settings)
		rows = append(rows, taskRow{To: to, Title: v.title(view, f.state), Place: v.placeName(f.place), Late: now == "expired",
			Stands: v.code("AGREEMENTSTATE", now) + v.say("office.comma", nil) + " " + v.words.Left(a.on, v.today())})
	}
	return rows, nil
}

// taskTo is the address of a task, "" for who may not decide it.
func (v *visit) taskTo(r store.Reader, view *access.View, path string, f *filed, meeting string) (string, error) {
	may, err := v.decidesOn(r, view, f)
	if err != nil || !may {
		return "", err
	}
	to := path + f.state.Record.String()
	if meeting != "" {
		to += "?meeting=" + meeting
	}
	return to, nil
}

// credits are lines of this year and later of which not all that was approved is
// allocated.
func (v *visit) credits(r store.Reader, view *access.View, l *looked, meeting string) ([]taskRow, error) {
	day, err := v.today().Date()
	if err != nil {
		return nil, err
	}
	var rows []taskRow
	for i := range l.summaries {
		for _, b := range l.summaries[i].Budget {
			if b.Year < int64(day.Year()) || b.Allocated >= b.Approved || len(rows) == mostTasks {
				continue
			}
			f, err := v.open(view, syncproto.RecordID(b.Record).String(), lineForm)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			approved, allocated := f.value("approved_rial").Int(), f.value("allocated_rial").Int()
			if allocated >= approved {
				continue
			}
			to, err := v.taskTo(r, view, "/allocate/", f, meeting)
			if err != nil {
				return nil, err
			}
			rows = append(rows, taskRow{To: to, Title: v.title(view, f.state), Place: v.placeName(f.place),
				Stands: v.say("office_task.of", texts.Args{"allocated": v.words.Money(allocated), "approved": v.words.Money(approved)})})
		}
	}
	return rows, nil
}
