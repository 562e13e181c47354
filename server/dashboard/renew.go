package dashboard

import (
	"errors"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

type renewData struct {
	taskData
	Number, Signed, Start, Amount string
	// Followed is the agreement that follows this one already, "" if none does.
	Followed, FollowedTitle string
}

// errFollowed: another agreement follows this one already.
var errFollowed = errors.New("another agreement follows this one")

// follower is the agreement at the same place that follows this one, nil if none does.
func (v *visit) follower(x *task) (f *filed, title string, err error) {
	err = v.read(func(_ store.Reader, view *access.View) error {
		f = nil
		all, err := v.filedAt(view, agreementForm, x.subject.place)
		for _, a := range all {
			if a.value("renewed_from_id").Ref() == x.subject.id() {
				f, title = a, v.title(view, a.state)
			}
		}
		return err
	})
	return f, title, err
}

func (x *task) over(today jalali.Day) bool {
	end := x.subject.value("end_on")
	return x.subject.value("state").Code() == "active" && !end.IsEmpty() &&
		workflow.AgreementState(jalali.Day(end.Date()), today, workflow.SettingsOf(&x.settings)) == "expired"
}

func (v *visit) showRenew(failed error) error {
	x, _, err := v.openTask(agreementForm)
	if err != nil {
		return err
	}
	var d renewData
	if d.taskData, err = v.taskData("/renew", x, actRenew, actRefuse, actDefer); err != nil {
		return err
	}
	d.warn(failed)
	d.Number, d.Signed, d.Start, d.Amount = v.value("number"), v.value("signed_on"), v.value("start_on"), v.value("amount")
	if v.r.Method == "GET" {
		d.Signed = v.words.ShortDate(v.today())
		if end := x.subject.value("end_on"); !end.IsEmpty() {
			d.Start = v.words.ShortDate(jalali.Day(end.Date()) + 1)
		}
		amount, _ := x.subject.form.FieldByName("amount_rial")
		d.Amount = (&formview.Teller{Words: v.words, Lists: v.forms}).Typed(amount, x.subject.value("amount_rial"))
	}
	f, title, err := v.follower(x)
	if err != nil {
		return err
	}
	if f != nil {
		d.Followed, d.FollowedTitle = f.state.Record.String(), title
	}
	if err := v.read(func(_ store.Reader, view *access.View) error {
		d.Facts = v.facts(view, x.subject, "number", "programme", "party_org_id", "start_on", "end_on", "amount_rial", "delivered_count", "confirmed_result", "confirmed_on", "basis_performance_score", "basis_need_score")
		return nil
	}); err != nil {
		return err
	}
	return v.showTask("renew", v.say("office_task.renew", texts.Args{"place": d.Place.Name}), x, d, failed)
}

// renew writes that a meeting renewed an agreement: the decision, the new agreement and,
// where the old one is over, its step; all of it, or nothing.
func (v *visit) renew() error {
	x, _, err := v.openTask(agreementForm)
	if err != nil {
		return err
	}
	w, err := v.begin()
	if err != nil {
		return err
	}
	act, err := v.value("act"), error(nil)
	var next schemas.Record
	var warnings []workflow.Finding
	if act == actRenew {
		if next, err = v.nextAgreement(x); err == nil {
			warnings, err = v.judgeNext(x, next)
		}
	}
	if err == nil {
		act, err = v.decideTask(w, x, "renew_agreement", actRenew, warnings...)
	}
	over := act == actRenew && x.over(v.today())
	if err == nil && !over {
		err = v.untouched(x)
	}
	if err == nil && act == actRenew {
		id := w.create(x.subject.form, x.subject.place.ID, func(r *schemas.Record) error {
			r.Fields = next.Clone().Fields
			return nil
		})
		var f *filed
		if f, _, err = v.follower(x); err == nil && f != nil && f.state.Record != id {
			err = errFollowed
		}
	}
	if err == nil && over {
		err = w.edit(x.subject.state.Record, v.value("seen"), func(form *schemas.Form, r *schemas.Record) error {
			return put(form, r, map[string]schemas.Value{"state": schemas.CodeValue("renewed")})
		})
	}
	return v.sendTask(w, x, "task_"+act, err, v.showRenew)
}

// nextAgreement is the agreement of the next year: with the same party, for the same
// commitments, to the end of its year.
func (v *visit) nextAgreement(x *task) (schemas.Record, error) {
	form := x.subject.form
	next := schemas.Record{Form: form.ID, Fields: map[schemas.FieldID]schemas.Value{}}
	values := map[string]schemas.Value{"renewed_from_id": schemas.RefValue(x.subject.id()), "state": schemas.CodeValue("draft")}
	for _, name := range []string{"kind", "programme", "party_org_id"} {
		values[name] = x.subject.value(name)
	}
	for field, typed := range map[string]string{"number": "number", "signed_on": "signed_on", "start_on": "start_on"} {
		value, err := v.typed(form, field, v.value(typed))
		if err != nil {
			return next, err
		}
		values[field] = value
	}
	amount, _ := form.FieldByName("amount_rial")
	value, err := schemas.ParseTyped(form, v.forms, amount, v.value("amount"))
	if err != nil {
		return next, &typedError{v.label(amount.Label), err}
	}
	values["amount_rial"] = value
	if start := values["start_on"]; !start.IsEmpty() {
		clock, err := workflow.AgreementClock(jalali.Day(start.Date()), workflow.SettingsOf(&x.settings))
		if err != nil {
			return next, &typedError{v.say("office_task.start", nil), err}
		}
		values["end_on"] = schemas.DateValue(int32(clock.Due))
	}
	var rows []map[string]schemas.Value
	for _, row := range x.subject.rows("deliverables") {
		rows = append(rows, map[string]schemas.Value{"commitment": row["commitment"], "target_count": row["target_count"], "state": schemas.CodeValue("not_started")})
	}
	values["deliverables"] = rowsOf(form, "deliverables", rows)
	return next, put(form, &next, values)
}

// judgeNext asks the programme's rules of the new agreement before it is written: those of
// the day on which it is signed.
func (v *visit) judgeNext(x *task, next schemas.Record) ([]workflow.Finding, error) {
	m, _ := workflow.Of(agreementForm)
	after := next.Clone()
	if err := put(x.subject.form, &after, map[string]schemas.Value{"state": schemas.CodeValue("signed")}); err != nil {
		return nil, err
	}
	verdict := workflow.Judge(m, &workflow.Case{Forms: v.forms, Before: next, After: after, To: "signed", Settings: workflow.SettingsOf(&x.settings), Today: v.today(),
		Records: recordBeside{x.subject}, Actor: workflow.Actor{Office: true}})
	if f, refused := verdict.Refused(); refused {
		return nil, &hub.RefusedError{Record: x.subject.state.Record, Reason: syncproto.FirstRule, Finding: f}
	}
	return verdict.Warnings(), nil
}

// recordBeside is the one record that a rule looks at.
type recordBeside struct{ f *filed }

func (r recordBeside) Record(id schemas.ID) (schemas.Record, bool) {
	return r.f.rec, id == r.f.id()
}
