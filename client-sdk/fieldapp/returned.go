package fieldapp

import (
	"encoding/hex"
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
	Row                string
	Section, Words, On string
	By                 string
	// To is where it is mended, form what is recorded there.
	To, form string
}

// The states of a dossier that was sent back, and of one that is worked on again.
const sentBack, takenUp = "returned", "collecting"

// returned is what the reviewer wrote when a neighbourhood's dossier was sent back
// last, without and with what the person has marked as seen.
func (v *visit) returned(n *clientsdk.Neighbourhood) (open, seen []returnedData, err error) {
	d := n.Summary.Dossier
	if d == nil || d.Returns == 0 || d.Status != sentBack && d.Status != takenUp {
		return nil, nil, nil
	}
	r, err := v.c.Record(v.ctx(), syncproto.RecordID(d.Record))
	if err != nil || r.Form == nil {
		return nil, nil, err
	}
	list, ok := r.Form.FieldByName("returned")
	if !ok {
		return nil, nil, nil
	}
	rows := r.Values.Fields[list.ID].Items()
	at := func(row schemas.Item, name string) schemas.Value {
		f, _ := list.FieldByName(name)
		if f == nil {
			return schemas.Value{}
		}
		return row.Fields[f.ID]
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
		x := returnedData{Row: hex.EncodeToString(row.ID[:]), Section: v.codeLabel(sectionList, section), Words: v.words.Embed(at(row, "reason").Text()),
			On: v.words.Date(jalali.Day(last)), form: sectionForms[indicators.Section(section)]}
		if by := at(row, "by").Ref(); by != (schemas.ID{}) {
			if x.By, err = v.c.Label(v.ctx(), syncproto.RecordID(by), v.words.Lang()); err != nil {
				return nil, nil, err
			}
			x.By = v.words.Embed(x.By)
		}
		if x.To, err = v.mendAt(n.Place, x.form); err != nil {
			return nil, nil, err
		}
		if slices.Contains(marked, x.Row) {
			seen = append(seen, x)
		} else {
			open = append(open, x)
		}
	}
	return open, seen, nil
}

// mendAt is where a section is mended: the form of its record where it has one, at
// what is missing there, and the list of its records where it has several. The
// dossier names sections, not records or fields.
func (v *visit) mendAt(place syncproto.PlaceID, form string) (string, error) {
	list := listing{Form: form}.address()
	f, ok := v.c.Forms().FormByName(form)
	if !ok {
		return list, nil
	}
	page, err := v.c.List(v.ctx(), clientsdk.Query{Form: form, Scopes: []syncproto.ScopeID{syncproto.ScopeOf(place, string(f.Compartment))}, Max: 2})
	if err != nil || len(page.Rows) != 1 {
		return list, err
	}
	return "/edit/" + page.Rows[0].ID.String() + "?" + query("then", "/"), nil
}

// reviewed are the reviewer's words on what is recorded with a form, to have them at
// hand where it is mended. They are those of the last count: nothing waits for them.
func (v *visit) reviewed(form string) ([]formview.Notice, error) {
	var all []formview.Notice
	for _, n := range v.counts.last(v.c) {
		open, _, err := v.returned(&n)
		if err != nil {
			return nil, err
		}
		for _, x := range open {
			if x.form == form {
				all = append(all, formview.Notice{Level: formview.Warning, Text: v.say("screen.today.reviewer", texts.Args{"section": x.Section, "day": x.On}), Hint: x.Words})
			}
		}
	}
	return all, nil
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
