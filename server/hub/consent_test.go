package hub_test

import (
	"testing"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// sensitive is a value for every field of class S3 of all forms; a form that gets another
// one gets its value here.
var sensitive = map[string]map[string]schemas.Value{
	"household_response": {"disability_types": schemas.CodesValue("physical")},
	"referral":           {"person_ref": ref(syncproto.RecordID{40}), "reason": schemas.TextValue("دیابت"), "feedback": schemas.TextValue("پذیرفته شد")},
}

// A client of somebody's own asks nobody. What is sensitive of a person does not come
// into a record without their consent, with any verb: a create is set aside, and an edit
// waits until the record names the consent.
func TestNothingSensitiveWithoutConsent(t *testing.T) {
	b := newBench(t)
	for _, form := range b.forms.Forms() {
		for _, f := range form.Fields() {
			for _, one := range append([]*schemas.Field{f}, f.Fields...) {
				if one.Sensitivity == schemas.S3 && one.Type != schemas.TypeList && sensitive[form.Name][one.Name].IsEmpty() {
					t.Errorf("%s.%s is sensitive, and this test does not try it", form.Name, one.Name)
				}
			}
		}
	}
	p, q := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	n := byte(50)
	for name, fields := range sensitive {
		form, _ := b.forms.FormByName(name)
		consent, _ := form.Field(form.Consent)
		yes, no := schemas.RefValue(schemas.ID{41}), schemas.Value{}
		if consent.Type == schemas.TypeBoolean {
			yes, no = schemas.BoolValue(true), schemas.BoolValue(false)
		}
		plain := values{"corrects_id": schemas.RefValue(schemas.ID{42})}
		if name == "referral" {
			plain = values{"from": schemas.RefValue(schemas.ID{42})}
		}
		for field, v := range fields {
			t.Run(name+"."+field, func(t *testing.T) {
				at := schemas.FieldID(fieldOfForm(t, b, name, field))
				sees := func(id syncproto.RecordID) bool {
					return !merge.Content(form, b.record(id).State).Fields[at].IsEmpty()
				}
				n++
				s := syncproto.NewRecordState(syncproto.RecordID{n})
				ch := p.fill(name, s, with(plain, values{field: v, consent.Name: no}))
				p.mustPush(uint64(len(p.log)))
				if res := b.row(ch.ID).Result; res.Outcome != syncproto.Quarantined || res.Reason != syncproto.ReasonNoConsent {
					t.Errorf("a record without consent: %+v", res)
				}

				n++
				s = syncproto.NewRecordState(syncproto.RecordID{n})
				p.fill(name, s, with(plain, values{field: v, consent.Name: yes}))
				p.mustPush(uint64(len(p.log)))
				if !sees(s.Record) {
					t.Error("a record with consent was not taken")
				}

				// An edit of a record that names no consent waits, and nothing else does.
				n++
				s = syncproto.NewRecordState(syncproto.RecordID{n})
				p.fill(name, s, plain)
				edit := p.fill(name, s, values{field: v})
				p.mustPush(uint64(len(p.log) - 1))
				if res := b.row(edit.ID).Result; res.Outcome != syncproto.Parked || res.Reason != syncproto.ReasonWaitsConsent || sees(s.Record) {
					t.Fatalf("an edit without consent: %+v, in the record %v", res, sees(s.Record))
				}
				// Another device brings the consent: what waited is taken.
				q.fill(name, b.record(s.Record).State, values{consent.Name: yes})
				q.mustPush(uint64(len(q.log)))
				if res := b.row(edit.ID).Result; res.Outcome == syncproto.Parked || !sees(s.Record) {
					t.Errorf("with the consent: %+v, in the record %v", res, sees(s.Record))
				}
			})
		}
	}
}

// A consent that was withdrawn, or that another person gave, is none.
func TestAConsentIsThePersonsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		consent values
		taken   bool
	}{
		"their own":         {values{"person_id": schemas.RefValue(schemas.ID{60})}, true},
		"another person's":  {values{"person_id": schemas.RefValue(schemas.ID{61})}, false},
		"withdrawn":         {values{"person_id": schemas.RefValue(schemas.ID{60}), "withdrawn_on": schemas.DateValue(20_000)}, false},
		"not received here": {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			p := b.phone(1, "facilitator")
			for _, id := range []byte{60, 61} {
				p.fill("person", syncproto.NewRecordState(syncproto.RecordID{id}), values{"full_name": schemas.TextValue("زهرا")})
			}
			if c.consent != nil {
				p.fill("consent", syncproto.NewRecordState(syncproto.RecordID{62}), c.consent)
			}
			ch := p.fill("referral", syncproto.NewRecordState(syncproto.RecordID{63}), values{"person_ref": schemas.RefValue(schemas.ID{60}),
				"reason": schemas.TextValue("دیابت"), "consent_id": schemas.RefValue(schemas.ID{62})})
			p.mustPush(1)
			if res := b.row(ch.ID).Result; (res.Outcome == syncproto.Applied) != c.taken || !c.taken && res.Reason != syncproto.ReasonNoConsent {
				t.Errorf("%+v, want taken %v", res, c.taken)
			}
		})
	}
}
