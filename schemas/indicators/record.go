package indicators

import (
	"fmt"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// ID names a record, a person or a place. As text it is 22 characters.
type ID [16]byte

// MarshalText makes it 22 characters, or none for no id.
func (x ID) MarshalText() ([]byte, error) { return []byte(id(x)), nil }

// UnmarshalText reads what MarshalText wrote.
func (x *ID) UnmarshalText(b []byte) error {
	*x = (&parts{string(b)}).id()
	if len(b) > 0 && *x == (ID{}) {
		return fmt.Errorf("%.40q is no id", b)
	}
	return nil
}

// Record is one record as it stands, as the figures see it. Device and server
// make it by the same function from the state that both hold.
type Record struct {
	ID ID
	// Version is what was applied last: with the id it names the content.
	Version ID
	// Form is nil for a form that is not known here; such a record counts nothing.
	Form   *schemas.Form
	Values schemas.Record
	// Gone says that the record was deleted. Of one that was erased, Form is nil.
	Gone bool
	// Hands are those whose words still stand in it, and when each wrote last.
	Hands []Hand
	// Made is when its oldest words that still stand were written, Unix
	// milliseconds of the author's corrected clock; 0 if not known.
	Made      int64
	Conflicts []Conflict
	// Judged is what the form said of it on the day it was last written.
	Judged Verdict
}

// Hand is one author of what stands in a record.
type Hand struct {
	Person ID
	Time   int64 // Unix milliseconds
}

// Conflict is one field of a record for which several values wait for a person.
type Conflict struct {
	// Field is 0 where the conflict is about whether the record is there.
	Field schemas.FieldID
	// Since is when the second of its values was written, Unix milliseconds.
	Since int64
}

// Verdict is what a form says of a record.
type Verdict struct {
	// Needed counts the fields without which a record is sent, but a dossier is not
	// full (◐), Filled those of them that are filled, Missing all that was not there
	// when it was sent all the same.
	Needed, Filled, Missing int64
	Warnings                int64
}

// Judge asks the form about the record, as of the day it was last written, and
// leaves out the values that the form does not ask for. Rules that look at the
// place's boundary are not asked: it stands in another record.
func (r *Record) Judge(lists schemas.Lists) {
	if r.Form == nil || r.Gone {
		return
	}
	a := schemas.Assess(r.Form, lists, r.Values, schemas.Env{Today: int32(r.written())})
	r.Judged = Verdict{}
	lacking := map[schemas.FieldID]bool{}
	for _, p := range a.Problems {
		switch p.Level {
		case schemas.LevelMissing:
			r.Judged.Missing++
			lacking[p.Field] = true
		case schemas.LevelWarning:
			r.Judged.Warnings++
		}
	}
	for _, f := range r.Form.Fields() {
		switch {
		case f.Stored() && !a.Relevant(f.ID):
			delete(r.Values.Fields, f.ID)
		case f.Required == schemas.RequiredSubmit:
			r.Judged.Needed++
			if !lacking[f.ID] {
				r.Judged.Filled++
			}
		}
	}
}

// written is the day of the newest words in it.
func (r *Record) written() jalali.Day {
	var last int64
	for _, h := range r.Hands {
		last = max(last, h.Time)
	}
	return dayOf(last)
}

// dayOf is the civil day in Tehran. Summer time ended before any record was
// written, so no history of the zone is needed.
func dayOf(ms int64) jalali.Day { return jalali.Tehran{}.Day(time.UnixMilli(ms)) }

// monthOf is a day's Jalali month as year*100+month, 0 for a day outside of the
// calendar's range.
func monthOf(d jalali.Day) int64 {
	date, err := d.Date()
	if err != nil {
		return 0
	}
	return int64(date.Year())*100 + int64(date.Month())
}

// reader reads a record's values by the names of its form's fields. What the
// form does not have, or is empty, is a zero.
type reader struct {
	*Record
	counts counting
}

func (r *reader) value(name string) schemas.Value {
	f, ok := r.Form.FieldByName(name)
	if !ok {
		return schemas.Value{}
	}
	return r.Values.Fields[f.ID]
}

func (r *reader) code(name string) string { return r.value(name).Code() }
func (r *reader) int(name string) int64   { return r.value(name).Int() }
func (r *reader) bool(name string) bool   { return r.value(name).Bool() }
func (r *reader) ref(name string) ID      { return r.value(name).Ref() }
func (r *reader) text(name string) string { return r.value(name).Text() }

// has reports whether a field is filled.
func (r *reader) has(name string) bool { return !r.value(name).IsEmpty() }

// optional is a number as a key's part: empty if the field is.
func (r *reader) optional(name string) part {
	if v := r.value(name); !v.IsEmpty() {
		return num(v.Int())
	}
	return ""
}

// day is a date, 0 if the field is empty.
func (r *reader) day(name string) jalali.Day { return jalali.Day(r.value(name).Date()) }

// date is a day as a key's part: empty if the field is.
func (r *reader) date(name string) part {
	if v := r.value(name); !v.IsEmpty() {
		return num(int64(v.Date()))
	}
	return ""
}

// row is one row of a list field.
type row struct {
	list *schemas.Field
	item schemas.Item
}

func (r *reader) rows(name string) []row {
	f, ok := r.Form.FieldByName(name)
	if !ok {
		return nil
	}
	items := r.Values.Fields[f.ID].Items()
	all := make([]row, len(items))
	for i, item := range items {
		all[i] = row{f, item}
	}
	return all
}

func (w row) value(name string) schemas.Value {
	f, ok := w.list.FieldByName(name)
	if !ok {
		return schemas.Value{}
	}
	return w.item.Fields[f.ID]
}

func (w row) date(name string) part {
	if v := w.value(name); !v.IsEmpty() {
		return num(int64(v.Date()))
	}
	return ""
}
