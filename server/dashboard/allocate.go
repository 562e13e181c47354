package dashboard

import (
	"errors"
	"fmt"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/store"
)

type allocateData struct {
	taskData
	Amount, Reason string
	// Least is the credit that is required, "" where none is.
	Least string
}

var (
	// errNoAmount: nobody said how much is allocated.
	errNoAmount = errors.New("no amount was given")
	// errBelow: less than required is allocated, and no reason was given.
	errBelow = errors.New("less than the required credit is allocated without a reason")
)

// least is the credit that a line requires: what stands in it, or for the groups of the
// elder community networks what the province has set. False where none is.
func (x *task) least() (int64, bool) {
	if v := x.subject.value("required_rial"); !v.IsEmpty() {
		return v.Int(), true
	}
	if x.subject.value("programme").Code() == "elder_network" && x.subject.value("item").Code() == "group_formation" {
		return x.settings.Money.FloorRial, true
	}
	return 0, false
}

func (v *visit) showAllocate(failed error) error {
	x, _, err := v.openTask(lineForm)
	if err != nil {
		return err
	}
	var d allocateData
	if d.taskData, err = v.taskData("/allocate", x, actAllocate, actRefuse, actDefer); err != nil {
		return err
	}
	d.warn(failed)
	d.Amount, d.Reason = v.value("amount"), v.value("below")
	field, _ := x.subject.form.FieldByName("allocated_rial")
	t := &formview.Teller{Words: v.words, Lists: v.forms}
	if v.r.Method == "GET" {
		d.Amount = t.Typed(field, x.subject.value("approved_rial"))
		d.Reason = x.subject.value("below_required_reason").Text()
	}
	if least, is := x.least(); is {
		d.Least = v.words.Money(least)
	}
	if err := v.read(func(_ store.Reader, view *access.View) error {
		d.Facts = v.facts(view, x.subject, "programme", "item", "jalali_year", "approved_rial", "allocated_rial", "required_rial", "basis")
		return nil
	}); err != nil {
		return err
	}
	return v.showTask("allocate", v.say("office_task.allocate", texts.Args{"place": d.Place.Name}), x, d, failed)
}

// allocate writes that a meeting allocated a credit: the decision, what the line says now,
// and the transaction; all of it, or nothing.
func (v *visit) allocate() error {
	x, _, err := v.openTask(lineForm)
	if err != nil {
		return err
	}
	w, err := v.begin()
	if err != nil {
		return err
	}
	act, err := v.decideTask(w, x, "allocate_budget", actAllocate)
	switch {
	case err != nil:
	case act == actAllocate:
		err = v.allocation(w, x)
	default:
		err = v.untouched(x)
	}
	return v.sendTask(w, x, "task_"+act, err, v.showAllocate)
}

// allocation writes what is allocated into the line.
func (v *visit) allocation(w *writing, x *task) error {
	form := x.subject.form
	field, _ := form.FieldByName("allocated_rial")
	amount, err := schemas.ParseTyped(form, v.forms, field, v.value("amount"))
	if err != nil {
		return &typedError{v.label(field.Label), err}
	}
	if amount.IsEmpty() {
		return errNoAmount
	}
	reason, err := v.typed(form, "below_required_reason", v.value("below"))
	if err != nil {
		return err
	}
	step := map[string]schemas.Value{"allocated_rial": amount}
	if least, is := x.least(); is && amount.Int() < least {
		if reason.IsEmpty() {
			return errBelow
		}
		step["required_rial"], step["below_required_reason"] = schemas.IntValue(least), reason
	}
	if err := w.edit(x.subject.state.Record, v.value("seen"), func(form *schemas.Form, r *schemas.Record) error { return put(form, r, step) }); err != nil {
		return err
	}
	more := amount.Int() - x.subject.value("allocated_rial").Int()
	txn, ok := v.forms.FormByName("budget_txn")
	if !ok {
		return fmt.Errorf("there is no form budget_txn")
	}
	if more > 0 {
		w.create(txn, x.subject.place.ID, func(r *schemas.Record) error {
			return put(txn, r, map[string]schemas.Value{"line_id": schemas.RefValue(x.subject.id()), "kind": schemas.CodeValue("allocate"), "amount_rial": schemas.IntValue(more), "on": x.meeting.value("held_on")})
		})
	}
	return nil
}
