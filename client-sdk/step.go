package clientsdk

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// StepError is the rule for which a step from state to state is not taken. Its
// message says what to do.
type StepError struct{ workflow.Finding }

// Error returns the English text, for logs.
func (e *StepError) Error() string {
	return fmt.Sprintf("rule %s (%s): %s", e.Rule, e.Source, e.Message.En)
}

// Step puts the state of a saved record to another one, to be saved together with
// the draft's other fields in one change. Whether it may be taken is asked when the
// draft is saved: with what the other fields say then.
func (d *Draft) Step(field, to string) error {
	doing := "step " + field
	f, err := d.settable(field)
	if err != nil {
		return err
	}
	if f.Type != schemas.TypeState {
		return told(doing, refuse(ErrUnknownField, nil, "field", field))
	}
	v, err := d.c.stateOf(d.form, f, to)
	if err != nil {
		return told(doing, err)
	}
	d.forgetTyped(f)
	d.now.Fields[f.ID] = v
	return nil
}

// Steps are the states that the form's state field may be put to: those in which a
// record may begin, or, of one that has a state, those into which this person may step
// from where it stood when the form was opened. Whether a rule forbids the step shows
// when it is taken. A form that has no steps gives "".
func (d *Draft) Steps() (field string, to []string) {
	m, ok := workflow.Of(d.form.Name)
	if !ok {
		return "", nil
	}
	f, ok := d.form.FieldByName(m.Field)
	if !ok {
		return "", nil
	}
	stood := d.before.Fields[f.ID].Code()
	if stood == "" {
		return m.Field, slices.Clone(m.First)
	}
	actor := d.c.actor(d.home())
	for _, s := range m.Next(stood) {
		if actor.May(s.Who) {
			to = append(to, s.To)
		}
	}
	return m.Field, to
}

// stateOf reads a state as a person names it.
func (c *Client) stateOf(form *schemas.Form, f *schemas.Field, to string) (schemas.Value, error) {
	v, err := schemas.ParseInput(form, c.forms, f, to)
	if err != nil {
		return v, err
	}
	for _, p := range schemas.CheckValue(f, c.forms, v, int32(c.Today())) {
		if p.Level == schemas.LevelError {
			return v, &schemas.FieldError{Path: f.Name, Message: p.Message}
		}
	}
	if v.IsEmpty() {
		return v, refuse(ErrInvalid, errors.New("no state given"), "field", f.Name)
	}
	return v, nil
}

// MayStep asks the guards of a step without taking it: it returns the warnings that
// the person would be given, or ErrStepRefused.
func (c *Client) MayStep(ctx context.Context, id syncproto.RecordID, field, to string) ([]schemas.Problem, error) {
	doing := "look at a step of " + field
	h, form, err := c.open(ctx, id)
	if err != nil {
		return nil, told(doing, err)
	}
	f, ok := form.FieldByName(field)
	if !ok || f.Type != schemas.TypeState {
		return nil, told(doing, refuse(ErrUnknownField, nil, "field", field))
	}
	v, err := c.stateOf(form, f, to)
	if err != nil {
		return nil, told(doing, err)
	}
	verdict := c.judgeStep(ctx, form, f, h.State, v)
	if err := refusal(verdict); err != nil {
		return nil, told(doing, err)
	}
	return warned(form, verdict), nil
}

// judgeStep asks the guards of a step that changes nothing else.
func (c *Client) judgeStep(ctx context.Context, form *schemas.Form, f *schemas.Field, s *syncproto.RecordState, to schemas.Value) workflow.Verdict {
	before := merge.Content(form, s)
	after := before.Clone()
	after.Fields[f.ID] = to
	if of, ok := snapshotFieldsOf(form); ok && of.approves(before, after) {
		// It will be written when the step is taken.
		if snapshot, _, known, err := c.frozenNow(ctx, c.placeOf(s.Home), of.read(before).Number); err == nil && known {
			of.write(after, snapshot)
		}
	}
	return c.judge(ctx, form, s, s.Home, before, after, nil)
}

// judge asks the guards about a record that is to be saved, with the other records
// that are saved beside it. A record whose state stays as it is takes no step.
func (c *Client) judge(ctx context.Context, form *schemas.Form, s *syncproto.RecordState, home syncproto.ScopeID, before, after schemas.Record, beside map[schemas.ID]schemas.Record) workflow.Verdict {
	m, ok := workflow.Of(form.Name)
	if !ok {
		return workflow.Verdict{}
	}
	f, ok := form.FieldByName(m.Field)
	if !ok || f.Type != schemas.TypeState || after.Fields[f.ID].IsEmpty() || before.Fields[f.ID].Equal(after.Fields[f.ID]) {
		return workflow.Verdict{}
	}
	place := c.placeOf(home)
	var version schemas.ID
	if !workflow.DecidedChanged(form, before, after) {
		version = merge.VersionDecided(form, s)
	}
	return workflow.Judge(m, &workflow.Case{
		Forms: c.forms, ID: schemas.ID(s.Record), Before: before, After: after, To: after.Fields[f.ID].Code(),
		Version: version, FactsOf: func() workflow.Facts { return c.factsOf(ctx, place) },
		Records: recordsHere{ctx, c, beside}, Settings: c.settings(ctx, place), Today: jalali.Day(c.Today()), Actor: c.actor(home),
	})
}

// actor is this device's person as far as guards ask. Before the server has said
// what the person is, nobody asks.
func (c *Client) actor(home syncproto.ScopeID) workflow.Actor {
	_, k := c.known()
	if k.serial == 0 && len(k.grants) == 0 {
		return workflow.Actor{Office: true}
	}
	return workflow.Actor{Roles: workflow.RolesOf(k.grants[home].Role)}
}

// warned are the warnings of a verdict as a form's problems.
func warned(form *schemas.Form, v workflow.Verdict) []schemas.Problem {
	var all []schemas.Problem
	for _, f := range v.Warnings() {
		p := schemas.Problem{Rule: schemas.RuleStep, Level: schemas.LevelWarning, Message: f.Message}
		for i, name := range f.Fields {
			field, ok := form.FieldByName(name)
			switch {
			case !ok:
			case i == 0:
				p.Field = field.ID
			default:
				p.Others = append(p.Others, field.ID)
			}
		}
		all = append(all, p)
	}
	return all
}

// refusal is the error of a verdict that refuses, nil of one that does not.
func refusal(v workflow.Verdict) error {
	f, refused := v.Refused()
	if !refused {
		return nil
	}
	return refuse(ErrStepRefused, &StepError{f}, "rule", f.Rule)
}

// recordsHere are the records that guards look at: those saved beside, then those of
// the device.
type recordsHere struct {
	ctx    context.Context
	c      *Client
	beside map[schemas.ID]schemas.Record
}

func (r recordsHere) Record(id schemas.ID) (schemas.Record, bool) {
	if saved, ok := r.beside[id]; ok {
		return saved, true
	}
	h, err := r.c.store.State(r.ctx, syncproto.RecordID(id))
	if err != nil || !h.State.Exists() || h.State.Erased || !merge.Alive(h.State) {
		return schemas.Record{}, false
	}
	form, ok := r.c.forms.Form(schemas.FormID(h.State.Form))
	if !ok {
		return schemas.Record{}, false
	}
	return merge.Content(form, h.State), true
}

// bindDecision fills in the version that a decision decides on: the subject's as it
// stands here when it is chosen. A subject that is not here leaves it empty.
func (d *Draft) bindDecision(subject schemas.Value) {
	f, ok := d.form.FieldByName("subject_version")
	if !ok {
		return
	}
	delete(d.now.Fields, f.ID)
	h, err := d.c.store.State(context.Background(), syncproto.RecordID(subject.Ref()))
	if subject.IsEmpty() || err != nil || !h.State.Exists() {
		return
	}
	if form, known := d.c.forms.Form(schemas.FormID(h.State.Form)); known {
		v := merge.VersionDecided(form, h.State)
		d.now.Fields[f.ID] = schemas.TextValue(hex.EncodeToString(v[:]))
	}
}
