package schemas

import "slices"

// Rule names what a problem is about.
type Rule string

// The rules.
const (
	RuleRequired   Rule = "required"
	RuleType       Rule = "type"
	RuleRange      Rule = "range"
	RuleLength     Rule = "length"
	RulePattern    Rule = "pattern"
	RuleList       Rule = "list"
	RuleEntries    Rule = "entries"
	RulePlace      Rule = "place"
	RuleConstraint Rule = "constraint"
	RuleConsent    Rule = "consent"
	RuleRepeated   Rule = "repeated"   // nothing tells it from another record; see Repeats
	RuleAmong      Rule = "among"      // a rule over it and another record; see Among
	RuleExpression Rule = "expression" // a rule that could not be checked
	RuleStep       Rule = "step"       // a guard of a step from state to state; see schemas/workflow
)

// Problem is one thing wrong with a record.
type Problem struct {
	Field   FieldID   // the field, in rows the field of the row
	Others  []FieldID // further fields that a record-wide rule speaks of
	Item    ID        // id of the row; zero outside rows and for a row without id
	Row     int       // number of the row from 1; 0 outside rows
	Rule    Rule
	Level   Level
	Record  ID   // the other record that RuleRepeated and RuleAmong speak of; zero otherwise
	Message Text // which field, what is wrong and what to do
}

// judge collects the problems of one record.
type judge struct {
	*evaluation
	problems []Problem
}

func (j *judge) fields() {
	for _, field := range j.form.fields {
		j.row = nil
		j.field(field, &j.root, 0, ID{})
		items := j.root.fields[field.ID].Items()
		for i := range j.rows[field.index] {
			j.row = &j.rows[field.index][i]
			for _, column := range field.Fields {
				j.field(column, j.row, i+1, items[i].ID)
			}
		}
	}
	j.row = nil
}

// field judges one field of the record or of a row.
func (j *judge) field(field *Field, state *rowState, row int, item ID) {
	if !state.relevant[field.index] {
		return
	}
	first := len(j.problems)
	value := state.fields[field.ID]
	if field.Type == TypeComputed {
		value = fromExpr(state.values[field.index], field.Result)
	} else {
		need := j.need(field, row)
		switch {
		case !value.IsEmpty():
			j.problems = append(j.problems, checkValue(field, j.lists, value, j.env.Today, need)...)
		case need == RequiredAlways:
			j.problems = append(j.problems, Problem{Rule: RuleRequired, Level: LevelIncomplete, Message: say(msgRequiredAlways, labelArg(field.Label))})
		case need == RequiredSubmit:
			j.problems = append(j.problems, Problem{Rule: RuleRequired, Level: LevelMissing, Message: say(msgRequiredSubmit, labelArg(field.Label))})
		}
	}
	if !value.IsEmpty() { // a rule on nothing says nothing
		for _, constraint := range field.Constraints {
			if j.broken(constraint, field, row) {
				j.problems = append(j.problems, Problem{Rule: RuleConstraint, Level: constraint.Level, Message: constraint.Message})
			}
		}
	}
	for i := first; i < len(j.problems); i++ {
		j.problems[i].Field, j.problems[i].Row, j.problems[i].Item = field.ID, row, item
	}
}

// broken says whether a rule is answered with no; no answer counts as kept.
func (j *judge) broken(constraint Constraint, field *Field, row int) bool {
	v := j.run(constraint.program, field, row)
	return !v.IsEmpty() && !v.True()
}

// constraints judges the record-wide rules.
func (j *judge) constraints() {
	for _, constraint := range j.form.Constraints {
		if j.broken(constraint, j.form.byID[constraint.Fields[0]], 0) {
			j.problems = append(j.problems, Problem{Field: constraint.Fields[0], Others: constraint.Fields[1:],
				Rule: RuleConstraint, Level: constraint.Level, Message: constraint.Message})
		}
	}
}

// consent judges whether personal data stands in the record without the person's
// consent: a warning for S2, and from S3 on the law forbids keeping it.
func (j *judge) consent() {
	if j.form.Consent == 0 {
		return
	}
	field := j.form.byID[j.form.Consent]
	if j.root.relevant[field.index] && consented(j.form, j.record) {
		return
	}
	highest, most := MostSensitive(j.form, j.record)
	switch {
	case highest >= S3:
		sensitive := most.Label
		j.problems = append(j.problems, Problem{Field: field.ID, Rule: RuleConsent, Level: LevelError,
			Message: say(msgConsentRefused, labelArg(field.Label), textArg("sensitive", sensitive))})
	case highest == S2:
		j.problems = append(j.problems, Problem{Field: field.ID, Rule: RuleConsent, Level: LevelWarning,
			Message: say(msgConsentWarning, labelArg(field.Label))})
	}
}

func consented(form *Form, record Record) bool {
	given := record.Fields[form.Consent]
	return given.Kind() == KindRef || given.Bool()
}

// Consented says that the record may be kept as far as consent goes: it holds nothing
// of class S3 or above, or names the person's consent. A form that asks for no consent
// holds nothing of a person.
func (f *Form) Consented(record Record) bool {
	highest, _ := MostSensitive(f, record)
	return f.Consent == 0 || highest < S3 || consented(f, record)
}

// MostSensitive returns the highest sensitivity among the filled fields of a record and
// the first field that has it, rows' fields too, the consent apart. What is not asked
// any more counts as long as it stands there: it is kept all the same.
func MostSensitive(form *Form, record Record) (Sensitivity, *Field) {
	highest, most := S0, (*Field)(nil)
	note := func(f *Field, fields map[FieldID]Value) {
		if f.ID != form.Consent && f.Type != TypeList && f.Stored() && !fields[f.ID].IsEmpty() && (most == nil || f.Sensitivity > highest) {
			highest, most = f.Sensitivity, f
		}
	}
	for _, f := range form.fields {
		note(f, record.Fields)
		if f.Type != TypeList {
			continue
		}
		for _, row := range record.Fields[f.ID].Items() {
			for _, column := range f.Fields {
				note(column, row.Fields)
			}
		}
	}
	return highest, most
}

// failures says, once a field, that its rules or its calculation had no answer within the bounds.
func (j *judge) failures() {
	var told []FieldID
	for _, f := range j.failed {
		if slices.Contains(told, f.field.ID) {
			continue
		}
		told = append(told, f.field.ID)
		j.problems = append(j.problems, Problem{Field: f.field.ID, Row: f.row, Rule: RuleExpression, Level: LevelWarning,
			Message: say(msgNotComputable, labelArg(f.field.Label))})
	}
}
