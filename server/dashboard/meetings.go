package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
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
