package formview

import (
	"slices"
	"strings"

	"mahalleh/schemas"
)

// Source is what a form being filled in is drawn from. It is only read.
type Source struct {
	Form *schemas.Form
	// Values are what stands in the form now, Assessment and Problems what the form
	// says of them, Offers what it proposes for empty fields.
	Values     schemas.Record
	Assessment *schemas.Assessment
	Problems   []schemas.Problem
	Offers     map[schemas.FieldID]schemas.Value
	// Typed is the text of a field that cannot be read as its value, "" if there is
	// none. Row counts from 0 and is -1 for a field of the record. It may be nil.
	Typed func(f *schemas.Field, row int) string
	// RowOffers are the offers for a row of a list. It may be nil.
	RowOffers func(list *schemas.Field, row int) map[schemas.FieldID]schemas.Value
	// RowKeys name the rows of a list as they stand: a row that moves keeps its
	// name. It may be nil, then rows are named by where they stand.
	RowKeys func(list *schemas.Field) []string
	// Steps are the states into which a state field may step from where it stands.
	Steps map[schemas.FieldID][]string
	// Others are texts that another page gave to fields that this page gave another
	// text, by path.
	Others map[string]Other
	// Choices are the records that a reference may point to, those that a person
	// most likely means first. It may be nil.
	Choices func(f *schemas.Field) []Choice
	// Found are the choices to show of long ones, by path: what a search found.
	Found map[string]Search
	// Makes are the forms of which a reference may point to a new record, with the
	// words for making one. It may be nil.
	Makes func(f *schemas.Field) []Choice
	// Dropped are the lists of which a row was taken out just now and may be put back.
	Dropped map[schemas.FieldID]bool
	// Said is what somebody who looked at the record wrote of a question, by path.
	Said map[string]string
	// Strict: the form was to be saved and was not. What is missing is told beside
	// its field then, as mistakes always are.
	Strict bool
}

// Other is what two pages gave one field: Stands is what another page gave it,
// Refused what this page wanted there.
type Other struct{ Stands, Refused string }

// Choice is one record or code to choose.
type Choice struct{ Text, Label string }

// Search is what somebody searched a choice for, and the choices that fit.
type Search struct {
	Text    string
	Choices []Choice
	// More says that more fit than are shown.
	More bool
}

// Form is a form as a page shows it.
type Form struct {
	Name, Label string
	Sections    []*Section
	// Errors are what must be mended before the record can be sent, Notes what a
	// person should know; each leads to its field.
	Errors, Notes []Remark
	// Filled of Total fields that the dossier needs have a value.
	Filled, Total int
	Strict        bool
	// Folds: the form is so long that each section is opened by itself.
	Folds bool

	byPath map[string]*Field
}

// Tells reports whether there is something to say above the form.
func (f *Form) Tells() bool {
	return len(f.Notes) > 0 || f.Strict && len(f.Errors) > 0
}

// longForm is how many questions, those of rows included, a form may have that is
// shown with all of its sections open.
const longForm = 20

// Field is one question as a page shows it: its place on the page, which it has
// also while it is not asked, and, if it is asked, its control.
type Field struct {
	// Path names the field in what a page sends: "size", or "members.3.sex" in the
	// row of that key. ID is the part of the page, Control the element to focus.
	Path, ID, Control string
	Name              string
	Widget            Widget
	Asked             bool
	Label, Hint, Unit string
	Purpose           string
	// Need is "always", "submit" or "optional".
	Need      string
	Sensitive bool
	// Text is what stands in the control, Shown how a person reads it where that
	// says more: words of money, a date in words. Shown is what a field that is
	// only read shows.
	Text, Shown string
	Options     []Option
	// Few: the options are so few and short that they stand in one line.
	Few bool
	// Clears: a choice may be taken back.
	Clears bool
	// Chosen is the label of what is chosen in a long choice; Long choices are
	// searched, Searched is what for.
	Chosen   string
	Long     bool
	Searched string
	More     bool
	Problems []Remark
	// Offer is what the form proposes, Meant what a text that cannot be read may
	// mean.
	Offer *Choice
	Meant []Choice
	Other *Other
	// Said is what somebody who looked at the record wrote of it.
	Said string
	Rows []*Row
	// Full: no more rows may be added.
	Full bool
	// Dropped: a row was taken out and may be put back.
	Dropped bool
	Files   []string
	// Makes are the forms of which a record may be made to be chosen here.
	Makes []Choice
	// Consent is the control of the consent that it waits for, "" if it waits for none.
	Consent, ConsentLabel string

	// Decimal: a number may have a fraction.
	Decimal bool
}

// Row is one row of a repeated part.
type Row struct {
	// Path is "members.3", ID its part of the page.
	Path, ID, Key string
	// N counts from 1; Last is the last one's.
	N           int
	First, Last bool
	Fields      []*Field `json:"-"` // parts of their own
}

// Option is one radio button or check box.
type Option struct {
	ID, Text, Label string
	Chosen          bool
	// Gone: the code may not be chosen any more, and still stands there.
	Gone bool
}

// Remark is one thing that the form says, beside its field.
type Remark struct {
	// Level is "error", "incomplete", "missing" or "warning".
	Level, Message string
	// Field is the control that it is about, Label that field's, "" for none.
	Field, Label string
	// Record is another record that it speaks of, "" for none.
	Record string
}

// Held says that the problem keeps the record a draft.
func (p Remark) Held() bool { return p.Level == "error" || p.Level == "incomplete" }

// Field finds a field of the page by its path.
func (f *Form) Field(path string) (*Field, bool) {
	field, ok := f.byPath[path]
	return field, ok
}

// drawing builds a Form.
type drawing struct {
	*Teller
	s   Source
	out *Form
	// consented: the form's consent is given, or it has none.
	consented bool
	// waiting are the fields that wait for consent.
	waiting []*Field
	// why is the purpose told last: it is said once for fields that share it.
	why string
	// problems are those of each field and row.
	problems map[place][]schemas.Problem
	computed schemas.Record
}

// place is where a problem is: a field, in rows with the row's number from 1.
type place struct {
	field schemas.FieldID
	row   int
}

// Draw makes the form that a page shows.
func Draw(t *Teller, s Source) *Form {
	d := &drawing{Teller: t, s: s, problems: map[place][]schemas.Problem{}, computed: s.Assessment.Computed(),
		out: &Form{Name: s.Form.Name, Label: s.Form.Label.In(t.Lang()), Strict: s.Strict, byPath: map[string]*Field{},
			Filled: s.Assessment.Completeness.Filled, Total: s.Assessment.Completeness.Total}}
	consent := s.Values.Fields[s.Form.Consent]
	d.consented = s.Form.Consent == 0 || s.Assessment.Relevant(s.Form.Consent) && (consent.Kind() == schemas.KindRef || consent.Bool())
	for _, p := range s.Problems {
		d.problems[place{p.Field, p.Row}] = append(d.problems[place{p.Field, p.Row}], p)
	}
	sections := consentFirst(s.Form)
	for i, section := range s.Form.Sections {
		d.section(section, sections[i], s.Assessment.Completeness.Sections[i])
	}
	d.fold()
	if consent, ok := s.Form.Field(s.Form.Consent); ok {
		for _, f := range d.waiting {
			f.Consent, f.ConsentLabel = d.out.byPath[consent.Name].Control, consent.Label.In(t.Lang())
		}
	}
	d.summary()
	return d.out
}

// consentFirst are the fields of each section in the order in which they are
// asked: the consent stands before the first personal field, unless it is asked
// only because of what that field says.
func consentFirst(form *schemas.Form) [][]*schemas.Field {
	all := make([][]*schemas.Field, len(form.Sections))
	consent, _ := form.Field(form.Consent)
	placed := consent == nil
	for i, section := range form.Sections {
		for _, f := range section.Fields {
			if f == consent && placed {
				continue
			}
			placed = placed || f == consent
			if !placed && personal(f) && !strings.Contains(consent.Relevant, "${"+f.Name+"}") {
				all[i] = append(all[i], consent)
				placed = true
			}
			all[i] = append(all[i], f)
		}
	}
	return all
}

// personal says that a field, or a column of its rows, is about a natural person.
func personal(f *schemas.Field) bool {
	return f.Sensitivity >= schemas.S2 || slices.ContainsFunc(f.Fields, personal)
}

// summary gathers the problems of the whole form in the order of the page.
func (d *drawing) summary() {
	for _, p := range d.s.Problems {
		if p.Level == schemas.LevelMissing { // counted by completeness, and marked ◐
			continue
		}
		told := d.problem(p)
		if f := d.at(p); f != nil {
			told.Field, told.Label = f.Control, f.Label
			if p.Rule == schemas.RuleRequired {
				told.Message = d.Say("view_form.empty", nil)
			}
		}
		if told.Held() {
			d.out.Errors = append(d.out.Errors, told)
		} else {
			d.out.Notes = append(d.out.Notes, told)
		}
	}
}

// at finds the field of the page that a problem is about.
func (d *drawing) at(p schemas.Problem) *Field {
	f, ok := d.s.Form.Field(p.Field)
	if !ok {
		return nil
	}
	if f.Parent == 0 {
		return d.out.byPath[f.Name]
	}
	list, _ := d.s.Form.Field(f.Parent)
	keys := d.rowKeys(list, p.Row)
	if p.Row < 1 || p.Row > len(keys) {
		return nil
	}
	return d.out.byPath[list.Name+"."+keys[p.Row-1]+"."+f.Name]
}

func (d *drawing) problem(p schemas.Problem) Remark {
	told := Remark{Level: p.Level.String(), Message: p.Message.In(d.Lang())}
	if p.Record != (schemas.ID{}) {
		told.Record = idText(p.Record)
	}
	return told
}
