package fieldapp

import (
	"cmp"
	"encoding/hex"
	"errors"
	"slices"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

// returnedData is what a reviewer wrote of a section.
type returnedData struct {
	// Dossier and Row name it, to answer it.
	Dossier, Row       string
	Section, Words, On string
	By                 string
	// What is the record and the question that it is about, "" for all of the section;
	// Answer what was answered.
	What, Answer string
	// To is where it is mended: form what is recorded there, record and field what is
	// to be mended, if the reviewer said so.
	To, form string
	record   syncproto.RecordID
	field    string
}

// The states of a dossier that was sent back, and of one that is worked on again.
const sentBack, takenUp = "returned", "collecting"

// returnedList is the list of a dossier in which reviewers write.
const returnedList = "returned"

// returned is what the reviewer wrote when a neighbourhood's dossier was sent back
// last: what asks for something still, and what was answered or marked as seen.
func (v *visit) returned(n *clientsdk.Neighbourhood) (open, seen []returnedData, err error) {
	d := n.Summary.Dossier
	if d == nil || d.Returns == 0 || d.Status != sentBack && d.Status != takenUp {
		return nil, nil, nil
	}
	r, err := v.c.Record(v.ctx(), syncproto.RecordID(d.Record))
	if err != nil || r.Form == nil {
		return nil, nil, err
	}
	list, ok := r.Form.FieldByName(returnedList)
	if !ok {
		return nil, nil, nil
	}
	rows := r.Values.Fields[list.ID].Items()
	at := func(row schemas.Item, name string) schemas.Value {
		for _, f := range list.Fields {
			if f.Name == name {
				return row.Fields[f.ID]
			}
		}
		return schemas.Value{}
	}
	last := int32(0)
	for _, row := range rows {
		last = max(last, at(row, "on").Date())
	}
	marked := v.prefs.get().Seen
	for _, row := range rows {
		if at(row, "on").Date() != last {
			continue
		}
		section := at(row, "section").Code()
		x := returnedData{Dossier: r.ID.String(), Row: hex.EncodeToString(row.ID[:]), Section: v.codeLabel(sectionList, section), Words: v.words.Embed(at(row, "reason").Text()),
			On: v.words.Date(jalali.Day(last)), Answer: v.words.Embed(at(row, "answer").Text()), form: sectionForm(indicators.Section(section)),
			record: syncproto.RecordID(at(row, "record_id").Ref()), field: at(row, "field").Text()}
		if by := at(row, "by").Ref(); by != (schemas.ID{}) {
			if x.By, err = v.c.Label(v.ctx(), syncproto.RecordID(by), v.words.Lang()); err != nil {
				return nil, nil, err
			}
			x.By = v.words.Embed(x.By)
		}
		if err := v.mendAt(n.Place, &x); err != nil {
			return nil, nil, err
		}
		if x.Answer != "" || slices.Contains(marked, x.Row) {
			seen = append(seen, x)
		} else {
			open = append(open, x)
		}
	}
	return open, seen, nil
}

// mendAt finds where a section is mended: the record and the question that the
// reviewer named; else the record of a section that has one, at what is missing there;
// else the list of its records.
func (v *visit) mendAt(place syncproto.PlaceID, x *returnedData) error {
	x.To = listing{Form: x.form}.address()
	form, ok := v.c.Forms().FormByName(x.form)
	if !ok {
		return nil
	}
	if !x.record.IsZero() {
		r, err := v.c.Record(v.ctx(), x.record)
		switch {
		case errors.Is(err, clientsdk.ErrNotFound):
			return nil // it is not on this device, or gone
		case err != nil:
			return err
		case r.Form == nil || r.Deleted || r.Erased:
			return nil
		}
		form = r.Form
		if x.What, err = v.recordTitle(r.ID); err != nil {
			return err
		}
		x.form = form.Name
	} else {
		page, err := v.c.List(v.ctx(), clientsdk.Query{Form: x.form, Scopes: []syncproto.ScopeID{syncproto.ScopeOf(place, string(form.Compartment))}, Max: 2})
		if err != nil {
			return err
		}
		if len(page.Rows) != 1 {
			x.What = v.question(form, x.field)
			return nil
		}
		x.record = page.Rows[0].ID
	}
	if q := v.question(form, x.field); x.What == "" {
		x.What = q
	} else if q != "" {
		x.What += " · " + q
	}
	x.To = "/edit/" + x.record.String() + "?" + query("then", "/", "at", cmp.Or(x.field, atMissing))
	return nil
}

// question is the label of a form's field, "" for none.
func (v *visit) question(form *schemas.Form, field string) string {
	if f, ok := form.FieldByName(field); ok {
		return v.words.In(f.Label)
	}
	return ""
}

// reviewed are the reviewer's words on what is recorded with a form, to have them at
// hand where it is mended: those on a question of the record are said there, all others
// above it. record is zero for a list. They are those of the last count: nothing waits
// for them.
func (v *visit) reviewed(form string, record syncproto.RecordID) (above []formview.Notice, said map[string]string, err error) {
	said = map[string]string{}
	for _, n := range v.counts.last(v.c) {
		open, _, err := v.returned(&n)
		if err != nil {
			return nil, nil, err
		}
		for _, x := range open {
			if x.form != form || !record.IsZero() && !x.record.IsZero() && x.record != record {
				continue
			}
			words := v.say("screen.today.reviewer", texts.Args{"section": x.Section, "day": x.On})
			if !record.IsZero() && x.record == record && x.field != "" {
				said[x.field] = words + ": " + x.Words
				continue
			}
			above = append(above, formview.Notice{Level: formview.Warning, Text: words, Hint: x.Words})
		}
	}
	return above, said, nil
}

// answerReturned writes what was done about the reviewer's words into the dossier,
// where the reviewer reads it.
func (v *visit) answerReturned() error {
	dossier, err := clientsdk.ParseRecordID(v.value("dossier"))
	if err != nil {
		return errBadRequest
	}
	d, err := v.c.Edit(v.ctx(), dossier)
	if err != nil {
		return err
	}
	rows, _ := d.Value(returnedList)
	row := slices.IndexFunc(rows.Items(), func(x schemas.Item) bool { return hex.EncodeToString(x.ID[:]) == v.value("row") })
	if row < 0 {
		return errBadRequest
	}
	if err := d.SetTyped(clientsdk.Spot{List: returnedList, Row: row, Field: "answer"}, v.value("answer")); err != nil {
		return err
	}
	r, err := d.Save(v.ctx())
	if err != nil {
		return err
	}
	if !r.Saved { // something else of the dossier must be mended first: its form says what
		return v.redirect(draftAddress(r.Draft) + "?" + query("then", "/"))
	}
	v.events.tell(eventRecords, eventDrafts)
	v.done("screen.today.answered", nil)
	return v.redirect("/?counted=1")
}

// maxSeen bounds how many marks are kept; a dossier has ten sections.
const maxSeen = 200

// markSeen marks what a reviewer wrote as read. It is this person's own mark on
// this device; that the dossier is worked on again is a step of its record.
func (v *visit) markSeen() error {
	row := v.value("row")
	if raw, err := hex.DecodeString(row); err != nil || len(raw) != len(schemas.ID{}) {
		return errBadRequest
	}
	err := v.prefs.set(func(p *preference) {
		if !slices.Contains(p.Seen, row) {
			p.Seen = append(p.Seen, row)
		}
		p.Seen = p.Seen[max(0, len(p.Seen)-maxSeen):]
	})
	if err != nil {
		return err
	}
	return v.redirect("/")
}
