package dashboard

import (
	"cmp"
	"slices"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/store"
)

// reasonRow is a section that may be sent back: why, and which record and question of it.
type reasonRow struct {
	Code, Label, Text  string
	Records, Questions []option
}

// Before the names of what a section's reason is about; see reasonPrefix.
const recordPrefix, questionPrefix = "record.", "question."

// mostRecords is how many records of a section are offered; whoever means another one
// says so in the reason.
const mostRecords = 300

// reasonRows are the sections with what of them may be pointed at.
func (v *visit) reasonRows(x *deciding) (all []reasonRow, err error) {
	err = v.read(func(_ store.Reader, view *access.View) error {
		for _, code := range workflow.DossierSections {
			row := reasonRow{Code: code, Label: v.code("DOSSIERSECTION", code), Text: v.value(reasonPrefix + code)}
			forms := workflow.SectionForms[code]
			for _, name := range forms {
				form, ok := v.forms.FormByName(name)
				if !ok {
					continue
				}
				of := ""
				if len(forms) > 1 {
					of = v.label(form.Label) + " · "
				}
				for _, f := range form.Fields() {
					if f.Asked() && !slices.ContainsFunc(row.Questions, func(o option) bool { return o.Value == f.Name }) {
						row.Questions = append(row.Questions, option{f.Name, of + v.label(f.Label), v.value(questionPrefix+code) == f.Name})
					}
				}
				records, err := v.filedAt(view, name, x.dossier.place)
				if err != nil {
					return err
				}
				for _, r := range records[:min(len(records), mostRecords)] {
					id := r.state.Record.String()
					row.Records = append(row.Records, option{id, of + cmp.Or(v.title(view, r.state), id[:8]), v.value(recordPrefix+code) == id})
				}
			}
			slices.SortStableFunc(row.Records, func(a, b option) int { return strings.Compare(a.Label, b.Label) })
			all = append(all, row)
		}
		return nil
	})
	return all, err
}

// pointed is what the reason of a section points at: a record of its forms at the
// place, and a question of theirs; both may be empty.
func (v *visit) pointed(x *deciding, code string) (record, question schemas.Value, err error) {
	forms := workflow.SectionForms[code]
	if id := v.value(recordPrefix + code); id != "" {
		err = v.read(func(_ store.Reader, view *access.View) error {
			r, err := v.open(view, id, forms...)
			if err == nil && r.place.ID != x.dossier.place.ID {
				err = store.ErrNotFound
			}
			if err == nil {
				record, forms = schemas.RefValue(r.id()), []string{r.form.Name}
			}
			return err
		})
		if err != nil {
			return record, question, err
		}
	}
	name := v.value(questionPrefix + code)
	if name == "" {
		return record, question, nil
	}
	for _, of := range forms {
		if form, ok := v.forms.FormByName(of); ok {
			if f, ok := form.FieldByName(name); ok && f.Asked() {
				return record, schemas.TextValue(f.Name), nil
			}
		}
	}
	return record, question, errBadRequest
}

// returnedRow is what was sent back before, with what was answered.
type returnedRow struct{ Section, On, Words, Question, Answer string }

// returnedBefore are the reasons of the dossier, the latest first.
func (v *visit) returnedBefore(dossier *filed) (all []returnedRow) {
	rows := dossier.rows("returned")
	slices.SortStableFunc(rows, func(a, b map[string]schemas.Value) int { return cmp.Compare(b["on"].Date(), a["on"].Date()) })
	for _, r := range rows {
		code := r["section"].Code()
		x := returnedRow{Section: v.code("DOSSIERSECTION", code), On: v.words.Date(jalali.Day(r["on"].Date())), Words: r["reason"].Text(), Answer: r["answer"].Text()}
		for _, of := range workflow.SectionForms[code] {
			form, known := v.forms.FormByName(of)
			if !known || x.Question != "" {
				continue
			}
			if f, ok := form.FieldByName(r["field"].Text()); ok {
				x.Question = v.label(f.Label)
			}
		}
		all = append(all, x)
	}
	return all
}
