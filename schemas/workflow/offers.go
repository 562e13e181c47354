package workflow

import (
	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// Offers are the days that the clocks of the province propose for empty fields of a
// record: when its dossier is due, when an agreement ends, when a request is to be
// answered. They take the place of what the form itself offers, which knows no
// settings; the person may write another day.
func Offers(form *schemas.Form, r schemas.Record, s *Settings) map[schemas.FieldID]schemas.Value {
	offers := map[schemas.FieldID]schemas.Value{}
	for _, o := range dueDays {
		start, due := fieldOf(form, r, o.start), fieldOf(form, r, o.due)
		if o.form != form.Name || start.Kind() != schemas.KindDate || !due.IsEmpty() {
			continue
		}
		clock, err := o.clock(jalali.Day(start.Date()), s)
		if field, ok := form.FieldByName(o.due); ok && err == nil {
			offers[field.ID] = schemas.DateValue(int32(clock.Due))
		}
	}
	return offers
}

var dueDays = []struct {
	form, start, due string
	clock            func(jalali.Day, *Settings) (Clock, error)
}{
	// When the training ended the dossier does not say; who knows it to be later than
	// the assignment writes the later day.
	{"dossier", "assigned_on", "due_on", func(start jalali.Day, s *Settings) (Clock, error) { return DossierClock(0, start, s) }},
	{"agreement", "start_on", "end_on", AgreementClock},
	{"advocacy_request", "sent_on", "reply_due_on", ReplyClock},
}
