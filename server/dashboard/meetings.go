package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func (a *App) meetingsRoutes() []route {
	return []route{
		{pattern: "GET /meetings", handle: (*visit).getMeetings},
		{pattern: "GET /committee/{id}/meeting", handle: func(v *visit) error { return v.showNewMeeting(nil) }},
		{pattern: "POST /committee/{id}/meeting", handle: (*visit).makeMeeting},
		{pattern: "GET /meeting/{id}", handle: func(v *visit) error { return v.showMeeting("meeting", nil) }},
		{pattern: "GET /meeting/{id}/pack", handle: func(v *visit) error { return v.showMeeting("pack", nil) }},
		{pattern: "POST /meeting/{id}/minutes", handle: (*visit).writeMinutes},
		{pattern: "POST /meeting/{id}/sign", handle: (*visit).signMinutes},
	}
}

// The forms of committees and what they do.
const (
	committeeForm = "committee"
	meetingForm   = "meeting"
	decisionForm  = "decision"
	dossierForm   = "dossier"
)

type meetingsData struct {
	placeData
	Waiting []waitingRow
	// Ending are agreements to renew, Credits those to allocate.
	Ending, Credits []taskRow
	Committees      []committeeRow
}

// waitingRow is a dossier that a decision is waited for.
type waitingRow struct {
	Record, Name, Status, Percent, Gates string
	Number                               uint32
	Conflicts                            string
	Needs                                []needRow
	// Mine says that a step of it is the reader's to take.
	Mine bool
}

type committeeRow struct {
	ID, Name, Kind, Quorum string
	Members                int
	Meetings               []meetingRow
	// New says that the reader may record a meeting.
	New bool
}

type meetingRow struct{ ID, On, Where string }

// mostMeetings is how many meetings a list shows, newest first.
const mostMeetings = 12

func (v *visit) getMeetings() error {
	l, err := v.look(v.value("place"))
	if err != nil {
		return err
	}
	if !l.single {
		return store.ErrNotFound
	}
	d := meetingsData{placeData: v.placeData(l, "/meetings")}
	err = v.read(func(r store.Reader, view *access.View) error {
		d.Committees = nil
		committees, err := v.filedAt(view, committeeForm, l.place)
		if err != nil {
			return err
		}
		meetings, err := v.filedAt(view, meetingForm, l.place)
		if err != nil {
			return err
		}
		newestFirst(meetings)
		form, _ := v.forms.FormByName(meetingForm)
		t := v.teller(view)
		for _, c := range committees {
			row := committeeRow{ID: c.state.Record.String(), Name: c.value("name").Text(), Kind: t.Code("COMMITTEE", c.value("kind").Code()),
				Quorum: t.Code("QUORUMRULE", c.value("quorum_rule").Code()), Members: len(v.membersOn(view, c, v.today())), New: mayWrite(view, form, l.place.ID)}
			for _, m := range meetings {
				if m.value("committee_id").Ref() == c.id() && len(row.Meetings) < mostMeetings {
					row.Meetings = append(row.Meetings, meetingRow{m.state.Record.String(), v.words.Date(jalali.Day(m.value("held_on").Date())), m.value("place").Text()})
				}
			}
			d.Committees = append(d.Committees, row)
		}
		if d.Waiting, err = v.waiting(r, view, l); err != nil {
			return err
		}
		if d.Ending, err = v.ending(r, view, l, ""); err == nil {
			d.Credits, err = v.credits(r, view, l, "")
		}
		return err
	})
	if err != nil {
		return err
	}
	p := v.page("meetings", v.say("office_meet.title", nil))
	p.Data, p.Live = d, false
	return v.render(p)
}

func newestFirst(meetings []*filed) {
	slices.SortStableFunc(meetings, func(a, b *filed) int {
		return cmp.Or(cmp.Compare(b.value("held_on").Date(), a.value("held_on").Date()), slices.Compare(b.state.Record[:], a.state.Record[:]))
	})
}

// waiting are the dossiers of a place and what lies in it that were sent in and not
// decided on, those whose next step is the reader's first.
func (v *visit) waiting(r store.Reader, view *access.View, l *looked) ([]waitingRow, error) {
	var all []waitingRow
	for i := range l.summaries {
		s := &l.summaries[i]
		if s.Dossier == nil || !view.Single(syncproto.PlaceID(s.Place)) {
			continue
		}
		// The report may be a moment behind what was just decided.
		dossier, err := v.open(view, syncproto.RecordID(s.Dossier.Record).String(), dossierForm)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		status := dossier.value("status").Code()
		if status != "submitted" && status != "county_reviewed" {
			continue
		}
		h := hood{}
		h.fill(s, l.figures.Today)
		place := l.names[s.Place]
		row := waitingRow{Record: syncproto.RecordID(s.Dossier.Record).String(), Name: v.placeName(place), Number: place.Number, Status: v.code("DOSSIERSTATUS", status),
			Percent: v.words.Percent(float64(h.Percent) / 1000), Gates: v.words.Number(h.Open), Conflicts: v.words.Number(h.Conflicts), Needs: v.ranked(s)}
		steps, err := v.steps(r, place, status)
		if err != nil {
			return nil, err
		}
		row.Mine = len(steps) > 0
		all = append(all, row)
	}
	slices.SortStableFunc(all, func(a, b waitingRow) int {
		switch {
		case a.Mine == b.Mine:
			return cmp.Compare(a.Number, b.Number)
		case a.Mine:
			return -1
		}
		return 1
	})
	return all, nil
}

// today is the civil day by the server's clock.
func (v *visit) today() jalali.Day { return v.tehran.Day(time.UnixMilli(v.now())) }

// member is somebody who sits in a committee. Whose name the reader may not read is
// known by their seat.
type member struct {
	ID, Name, Seat, Represents string
	Present, secretary         bool
	// Signed says how they signed the minutes, "" if they did not; Mine that it is the
	// reader.
	Signed string
	Mine   bool
}

// label is how a member is called in a list to choose from.
func (m *member) label() string {
	text := m.Seat
	if m.Represents != "" {
		text += " (" + m.Represents + ")"
	}
	if m.Name != "" {
		text = m.Name + " – " + text
	}
	return text
}

// membersOn are the members of a committee on a day.
func (v *visit) membersOn(view *access.View, committee *filed, on jalali.Day) []member {
	t := v.teller(view)
	var all []member
	for _, row := range committee.rows("members") {
		from, to := row["from"], row["to"]
		if !from.IsEmpty() && from.Date() > int32(on) || !to.IsEmpty() && to.Date() < int32(on) {
			continue
		}
		id := row["person_id"].Ref()
		m := member{ID: syncproto.RecordID(id).String(), Seat: t.Code("SEAT", row["seat"].Code()), Represents: row["represents"].Text(), secretary: row["seat"].Code() == "secretary"}
		if person, err := v.open(view, m.ID, "person"); err == nil {
			m.Name = v.title(view, person.state)
		}
		all = append(all, m)
	}
	return all
}

type newMeetingData struct {
	ID, Form                string
	Committee               string
	On, Where, Agenda, Rule string
	Members                 []member
}

func (v *visit) showNewMeeting(failed error) error {
	d := newMeetingData{ID: v.r.PathValue("id"), On: v.value("held_on"), Where: v.value("where"), Agenda: v.value("agenda")}
	var back uint32
	err := v.read(func(_ store.Reader, view *access.View) error {
		c, err := v.open(view, d.ID, committeeForm)
		if err != nil {
			return err
		}
		form, _ := v.forms.FormByName(meetingForm)
		if !mayWrite(view, form, c.place.ID) {
			return store.ErrNotFound
		}
		t := v.teller(view)
		back, d.Committee, d.Rule = c.place.Number, c.value("name").Text(), t.Code("QUORUMRULE", c.value("quorum_rule").Code())
		d.Members = v.membersOn(view, c, v.today())
		for i := range d.Members {
			d.Members[i].Present = slices.Contains(v.r.PostForm["present"], d.Members[i].ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if d.On == "" {
		d.On = v.words.ShortDate(v.today())
	}
	if d.Form, err = v.newForm(); err != nil {
		return err
	}
	p := v.page("meeting_new", v.say("office_meet.new", nil))
	p.Back, p.Data, p.Live = fmt.Sprintf("/meetings?place=%d", back), d, false
	return v.renderFailed(p, failed)
}

// typed reads a value as a person typed it into a field of a form.
func (v *visit) typed(form *schemas.Form, field, text string) (schemas.Value, error) {
	f, ok := form.FieldByName(field)
	if !ok {
		return schemas.Value{}, errBadRequest
	}
	value, err := schemas.ParseInput(form, v.forms, f, text)
	if err != nil {
		return value, &typedError{v.label(f.Label), err}
	}
	return value, nil
}

// typedError says which field was typed in a way that cannot be read.
type typedError struct {
	field string
	err   error
}

func (e *typedError) Error() string { return e.field + ": " + e.err.Error() }
func (e *typedError) Unwrap() error { return e.err }

func (v *visit) makeMeeting() error {
	var committee *filed
	var present []schemas.ID
	err := v.read(func(_ store.Reader, view *access.View) (err error) {
		committee, err = v.open(view, v.r.PathValue("id"), committeeForm)
		if err != nil {
			return err
		}
		present = nil
		for _, m := range v.membersOn(view, committee, v.today()) {
			if slices.Contains(v.r.PostForm["present"], m.ID) {
				id, err := syncproto.ParseID(m.ID)
				if err != nil {
					return err
				}
				present = append(present, schemas.ID(id))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	form, _ := v.forms.FormByName(meetingForm)
	on, err := v.typed(form, "held_on", v.value("held_on"))
	if err != nil {
		return v.showNewMeeting(err)
	}
	where, err := v.typed(form, "place", v.value("where"))
	if err != nil {
		return v.showNewMeeting(err)
	}
	var agenda []map[string]schemas.Value
	for line := range strings.Lines(v.value("agenda")) {
		if line = strings.TrimSpace(line); line != "" {
			agenda = append(agenda, map[string]schemas.Value{"item": schemas.TextValue(line)})
		}
	}
	w, err := v.begin()
	if err != nil {
		return err
	}
	id := w.create(form, committee.place.ID, func(r *schemas.Record) error {
		return put(form, r, map[string]schemas.Value{"committee_id": schemas.RefValue(committee.id()), "held_on": on, "place": where,
			"agenda": rowsOf(form, "agenda", agenda), "present_ids": schemas.RefsValue(present...)})
	})
	if err := w.do(); err != nil {
		if saidOnPage(err) {
			return v.showNewMeeting(err)
		}
		return err
	}
	return v.done("meeting_made", "/meeting/"+id.String())
}

type meetingData struct {
	ID, Form, Seen  string
	Committee, Kind string
	On, Where       string
	Agenda          []string
	Members         []member
	Guests          int
	Quorum          string
	Met             bool
	Minutes         string
	Decisions       []decisionRow
	Waiting         []waitingRow
	Ending, Credits []taskRow
	Mine            bool
	CommitteeID     string
	PlaceName       string
	Writable        bool
	// Unsigned are those who were present and have yet to sign; Today is when.
	Unsigned []member
	Today    string
	// SignForm names the form of signatures: the page has two.
	SignForm string
}

type decisionRow struct {
	ID, Kind, Subject, Text, Result string
	For, Against, Abstain           int
	Opinions                        []named
	Due                             string
}

// showMeeting is a meeting with what was decided in it, or the pack that is printed
// for it.
func (v *visit) showMeeting(page string, failed error) error {
	var d meetingData
	var place store.Place
	err := v.read(func(r store.Reader, view *access.View) error {
		m, err := v.open(view, v.r.PathValue("id"), meetingForm)
		if err != nil {
			return err
		}
		place = m.place
		form, _ := v.forms.FormByName(decisionForm)
		t := v.teller(view)
		on := jalali.Day(m.value("held_on").Date())
		d = meetingData{ID: m.state.Record.String(), Seen: seenOf(m.state), On: v.words.Date(on), Where: m.value("place").Text(), Minutes: m.value("minutes").Text(),
			PlaceName: v.placeName(m.place), Writable: mayWrite(view, m.form, m.place.ID), Mine: mayWrite(view, form, m.place.ID)}
		for _, row := range m.rows("agenda") {
			d.Agenda = append(d.Agenda, row["item"].Text())
		}
		v.sitting(view, t, m, &d)
		d.Today = v.words.ShortDate(v.today())
		if err := v.signers(r, m, &d); err != nil {
			return err
		}
		inside := view.Inside(m.place.ID)
		decisions, err := v.filedAt(view, decisionForm, inside...)
		if err != nil {
			return err
		}
		for _, x := range decisions {
			if x.value("meeting_id").Ref() == m.id() {
				d.Decisions = append(d.Decisions, v.decisionRow(view, x))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l, err := v.look(v.words.Digits(place.Number))
	if err != nil {
		return err
	}
	err = v.read(func(r store.Reader, view *access.View) (err error) {
		if d.Waiting, err = v.waiting(r, view, l); err != nil {
			return err
		}
		if d.Ending, err = v.ending(r, view, l, d.ID); err == nil {
			d.Credits, err = v.credits(r, view, l, d.ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	if d.Form, err = v.newForm(); err == nil {
		d.SignForm, err = v.newForm()
	}
	if err != nil {
		return err
	}
	title := v.say("office_meet.of", texts.Args{"committee": d.Committee, "on": d.On})
	p := v.page(page, title)
	p.Back, p.Data, p.Live = fmt.Sprintf("/meetings?place=%d", place.Number), d, false
	if page == "pack" {
		p.Back = "/meeting/" + d.ID
	}
	return v.renderFailed(p, failed)
}

// sitting says who sat there, as far as the committee is known to the reader.
func (v *visit) sitting(view *access.View, t *formview.Teller, m *filed, d *meetingData) {
	present := m.value("present_ids").Refs()
	d.Guests = len(present)
	c, err := v.open(view, syncproto.RecordID(m.value("committee_id").Ref()).String(), committeeForm)
	if err != nil {
		return
	}
	d.CommitteeID, d.Committee, d.Kind = c.state.Record.String(), c.value("name").Text(), t.Code("COMMITTEE", c.value("kind").Code())
	if d.Committee == "" {
		d.Committee = d.Kind
	}
	d.Members = v.membersOn(view, c, jalali.Day(m.value("held_on").Date()))
	for i := range d.Members {
		id, err := syncproto.ParseID(d.Members[i].ID)
		if d.Members[i].Present = err == nil && slices.Contains(present, schemas.ID(id)); d.Members[i].Present {
			d.Guests--
		}
	}
	there, needed := workflow.Quorum(v.forms, m.rec, c.rec)
	d.Met = there >= needed
	d.Quorum = v.say("office_meet.quorum", texts.Args{"present": there, "members": len(d.Members), "needed": needed})
}

func (v *visit) decisionRow(view *access.View, x *filed) decisionRow {
	t := v.teller(view)
	row := decisionRow{ID: x.state.Record.String(), Kind: t.Code("DECISION", x.value("kind").Code()), Result: t.Code("DECISIONRESULT", x.value("result").Code()),
		Text: x.value("text").Text(), Subject: t.Record(x.value("subject_ref").Ref())}
	if subject, err := v.open(view, syncproto.RecordID(x.value("subject_ref").Ref()).String(), dossierForm); err == nil {
		row.Subject = v.placeName(subject.place) // its own title is a number and a state
	}
	for _, vote := range x.rows("votes") {
		switch vote["vote"].Code() {
		case "for":
			row.For++
		case "against":
			row.Against++
		default:
			row.Abstain++
		}
		if opinion := vote["opinion"].Text(); opinion != "" {
			row.Opinions = append(row.Opinions, named{t.Code("VOTE", vote["vote"].Code()), opinion})
		}
	}
	if due := x.value("due_on"); !due.IsEmpty() {
		row.Due = v.words.Date(jalali.Day(due.Date()))
	}
	return row
}

func (v *visit) writeMinutes() error {
	id, err := syncproto.ParseID(v.r.PathValue("id"))
	if err != nil {
		return store.ErrNotFound
	}
	w, err := v.begin()
	if err != nil {
		return err
	}
	err = w.edit(syncproto.RecordID(id), v.value("seen"), func(form *schemas.Form, r *schemas.Record) error {
		if form.Name != meetingForm {
			return store.ErrNotFound
		}
		text, err := v.typed(form, "minutes", v.value("minutes"))
		if err != nil {
			return err
		}
		return put(form, r, map[string]schemas.Value{"minutes": text})
	})
	if err == nil {
		err = w.do()
	}
	switch {
	case saidOnPage(err):
		return v.showMeeting("meeting", err)
	case err != nil:
		return err
	}
	return v.done("minutes", "/meeting/"+v.r.PathValue("id"))
}
