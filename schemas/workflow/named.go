package workflow

import (
	"strconv"

	"mahalleh/schemas"
	"mahalleh/schemas/persian"
)

// Named says what is wrong between a record and the records that it names, as far as
// they are known: a consent that is no consent to this record, an amount that is ten
// times or a tenth of its budget line. What is not known here is not missing.
func Named(pkg *schemas.Package, form *schemas.Form, id schemas.ID, r schemas.Record, records Records) []schemas.Problem {
	c := &Case{Forms: pkg, ID: id, After: r, Records: records, form: form}
	var all []schemas.Problem
	if p, wrong := c.consent(); wrong {
		all = append(all, p)
	}
	if p, wrong := c.tenfold(); wrong {
		all = append(all, p)
	}
	return all
}

// consent judges the consent record that a record stands on. Article 58 asks for the
// person's own: one that was withdrawn, or that somebody else gave, is none. So it is
// an error where the record holds what may not be kept without consent, and a warning
// where a missing consent would be one.
func (c *Case) consent() (schemas.Problem, bool) {
	field, ok := c.form.Field(c.form.Consent)
	if !ok || field.Type != schemas.TypeReference {
		return schemas.Problem{}, false
	}
	named := c.After.Fields[field.ID]
	held, _ := schemas.MostSensitive(c.form, c.After)
	if named.Kind() != schemas.KindRef || held < schemas.S2 {
		return schemas.Problem{}, false
	}
	given, known := c.other(named.Ref(), "consent")
	if !known {
		return schemas.Problem{}, false
	}
	label := arg{"field", field.Label.Fa, field.Label.In("en")}
	p := schemas.Problem{Field: field.ID, Rule: schemas.RuleConsent, Level: schemas.LevelWarning, Record: named.Ref()}
	if held >= schemas.S3 {
		p.Level = schemas.LevelError
	}
	person := given.value("person_id")
	about, aboutOne := c.subject()
	switch {
	case !given.value("withdrawn_on").IsEmpty():
		p.Message = say(msgConsentWithdrawn, label)
	case aboutOne && person.Kind() == schemas.KindRef && person.Ref() != about:
		p.Message = say(msgConsentOther, label)
	default:
		return schemas.Problem{}, false
	}
	return p, true
}

// subject is the person whom the record is about, false if it is about nobody, or if
// it is not known here whether what it names is a person.
func (c *Case) subject() (schemas.ID, bool) {
	if c.form.Name == "person" {
		return c.ID, true
	}
	for _, f := range c.form.Fields() {
		if v := c.After.Fields[f.ID]; f.Subject && v.Kind() == schemas.KindRef {
			_, known := c.other(v.Ref(), "person")
			return v.Ref(), known
		}
	}
	return schemas.ID{}, false
}

// tenfold finds toman typed for rial: an amount that is exactly ten times or a tenth
// of what its budget line has.
func (c *Case) tenfold() (schemas.Problem, bool) {
	amount, ok := c.form.FieldByName("amount_rial")
	if !ok || c.form.Name != "budget_txn" {
		return schemas.Problem{}, false
	}
	line, known := c.other(c.ref("line_id"), "budget_line")
	if !known {
		return schemas.Problem{}, false
	}
	for _, name := range []string{"allocated_rial", "approved_rial"} {
		if has := line.value(name); persian.TenfoldSlip(c.value("amount_rial").Int(), has.Int()) {
			return schemas.Problem{Field: amount.ID, Rule: schemas.RuleAmong, Level: schemas.LevelWarning, Record: c.ref("line_id"),
				Message: say(msgTenfold, arg{"field", amount.Label.Fa, amount.Label.In("en")},
					arg{"has", persian.FormatToman(has.Int()), strconv.FormatInt(has.Int()/10, 10) + " toman"})}, true
		}
	}
	return schemas.Problem{}, false
}
