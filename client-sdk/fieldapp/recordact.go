package fieldapp

import (
	"encoding/hex"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
)

// askData is what is asked before a record is deleted or takes a step.
type askData struct {
	// Act is where the answer goes, Button what it says, To the state.
	Act, Button, To string
	What            string
	Warnings        []string
	Most            int
	Danger          bool
}

func (v *visit) askDelete() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	title, err := v.recordTitle(id)
	if err != nil {
		return err
	}
	p := v.page("ask", v.say("screen_records.delete.title", nil))
	p.Back, p.Nav = "/record/"+id.String(), nil
	p.Data = askData{Act: p.Back + "/delete", Button: v.say("screen_records.delete.do", nil), Danger: true, Most: clientsdk.MaxReason,
		What: v.say("screen_records.delete.what", texts.Args{"title": v.titled(title)})}
	return v.render(p)
}

func (v *visit) deleteRecord() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	title, err := v.recordTitle(id)
	if err != nil {
		return err
	}
	if _, err := v.c.Delete(v.ctx(), id, v.value("reason")); err != nil {
		return err
	}
	v.events.tell(eventRecords)
	v.tellNext(formview.Notice{Level: formview.Done, Text: v.say("screen_records.delete.done", texts.Args{"title": v.titled(title)}),
		Hint: v.say("screen_records.delete.hint", nil), To: "/trash", Label: v.say("screen_records.trash", nil)})
	return v.redirect("/records")
}

func (v *visit) restoreRecord() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	if _, err := v.c.Restore(v.ctx(), id, ""); err != nil {
		return err
	}
	title, err := v.recordTitle(id)
	if err != nil {
		return err
	}
	v.events.tell(eventRecords)
	v.done("screen_records.restored", texts.Args{"title": v.titled(title)})
	return v.redirect(v.cameFrom("/record/" + id.String()))
}

// undoChange opens the record's form with a change taken back, for the person to
// look at and save.
func (v *visit) undoChange() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(v.r.PathValue("change"))
	if err != nil || len(raw) != len(syncproto.ChangeID{}) {
		return errNoPage
	}
	change := syncproto.ChangeID(raw)
	d, err := v.c.Undo(v.ctx(), id, change)
	if err != nil {
		return err
	}
	v.tellNext(formview.Notice{Level: formview.Info, Text: v.say("screen_records.undone", nil)})
	return v.goOn(d, true, "")
}

func (v *visit) askStep() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	r, err := v.c.Record(v.ctx(), id)
	if err != nil {
		return err
	}
	to := v.value("to")
	m, f, err := stateField(r)
	if err != nil {
		return err
	}
	warnings, err := v.c.MayStep(v.ctx(), id, m.Field, to)
	if err != nil {
		return err
	}
	tell := v.reader()
	title, err := v.recordTitle(id)
	if err != nil {
		return err
	}
	p := v.page("ask", v.say("screen_records.step.title", nil))
	p.Back, p.Nav = "/record/"+id.String(), nil
	d := askData{Act: p.Back + "/step", To: to, Button: v.say("screen_records.step.do", nil), Most: clientsdk.MaxReason,
		What: v.say("screen_records.step.what", texts.Args{"title": v.titled(title), "from": tell.Shown(f, r.Values.Fields[f.ID]), "to": tell.Code(f.List, to)})}
	for _, w := range warnings {
		d.Warnings = append(d.Warnings, v.words.In(w.Message))
	}
	p.Data = d
	return v.render(p)
}

// stateField is the field of a record that steps.
func stateField(r *clientsdk.Record) (*workflow.Machine, *schemas.Field, error) {
	if r.Form == nil {
		return nil, nil, errNoPage
	}
	m, ok := workflow.Of(r.Form.Name)
	if !ok {
		return nil, nil, errNoPage
	}
	f, ok := r.Form.FieldByName(m.Field)
	if !ok {
		return nil, nil, errNoPage
	}
	return m, f, nil
}

func (v *visit) takeStep() error {
	id, err := v.recordID()
	if err != nil {
		return err
	}
	r, err := v.c.Record(v.ctx(), id)
	if err != nil {
		return err
	}
	m, f, err := stateField(r)
	if err != nil {
		return err
	}
	to := v.value("to")
	if _, err := v.c.Transition(v.ctx(), id, m.Field, to, v.value("reason")); err != nil {
		return err
	}
	v.events.tell(eventRecords)
	v.done("screen_records.step.done", texts.Args{"state": v.reader().Code(f.List, to)})
	return v.redirect("/record/" + id.String())
}
