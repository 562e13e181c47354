package hub

import (
	"errors"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// lacksConsent says that a change would put into a record what may not be kept without
// the person's consent (class S3, article 58), while the record names none, or one
// that was withdrawn or is another person's. Devices refuse to save that; who writes
// their own client is told here. What already stands in the record when its consent
// goes stays, until it is erased.
func (w *work) lacksConsent(ch *syncproto.Change, t *touched) (bool, error) {
	form, known := w.h.packages.Form(schemas.FormID(ch.Header.Form))
	if !known || form.Consent == 0 || !slices.ContainsFunc(ch.Ops, func(op syncproto.Op) bool { return tellsSensitive(form, &op) }) {
		return false, nil
	}
	s := t.state.Clone()
	if res, err := merge.Apply(s, ch, w); err != nil || res.Outcome == syncproto.Parked || res.Outcome == syncproto.Quarantined {
		return false, err // something else keeps it out
	}
	after := merge.Content(form, s)
	if !form.Consented(after) {
		return true, nil
	}
	records := &consents{w: w}
	problems := workflow.Named(w.h.packages, form, schemas.ID(s.Record), after, records)
	return slices.ContainsFunc(problems, func(p schemas.Problem) bool {
		return p.Rule == schemas.RuleConsent && p.Level == schemas.LevelError
	}), records.err
}

// tellsSensitive reports whether an operation puts a value of class S3 or above.
func tellsSensitive(form *schemas.Form, op *syncproto.Op) bool {
	id := op.Field
	if op.Sub >= syncproto.FirstFormField {
		id = op.Sub
	}
	f, ok := form.Field(schemas.FieldID(id))
	if !ok || f.Sensitivity < schemas.S3 {
		return false
	}
	switch op.Kind {
	case syncproto.OpSetRemove, syncproto.OpItemRemove, syncproto.OpAttachRemove:
		return false
	}
	return !op.Value.IsNone() || op.Kind == syncproto.OpItemPut
}

// givesConsent reports whether a change says something of the consent that its record
// stands on.
func (w *work) givesConsent(ch *syncproto.Change) bool {
	form, known := w.h.packages.Form(schemas.FormID(ch.Header.Form))
	return known && form.Consent != 0 && slices.ContainsFunc(ch.Ops, func(op syncproto.Op) bool { return op.Field == uint32(form.Consent) })
}

// consents are the records that a consent is judged with.
type consents struct {
	w   *work
	err error
}

// Record implements workflow.Records.
func (c *consents) Record(id schemas.ID) (schemas.Record, bool) {
	t, err := c.w.record(syncproto.RecordID(id))
	if err != nil {
		c.err = errors.Join(c.err, err)
		return schemas.Record{}, false
	}
	form, known := c.w.h.packages.Form(schemas.FormID(t.state.Form))
	if !known || !t.state.Exists() || !merge.Alive(t.state) {
		return schemas.Record{}, false
	}
	return merge.Content(form, t.state), true
}
