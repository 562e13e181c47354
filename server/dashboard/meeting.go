package dashboard

import (
	"fmt"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

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
