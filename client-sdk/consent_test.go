package clientsdk

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// TestSensitiveFieldsNeedTheirPersonsConsent: what is sensitive of a person is kept on the
// device as a draft alone, which is never sent, unless the record names the person's own
// consent and it stands.
func TestSensitiveFieldsNeedTheirPersonsConsent(t *testing.T) {
	d := newDevice(t)
	zahra := d.record("person", `{"full_name": "زهرا کریمی", "consent_id": "019bc6a0-0102-7000-8000-000000000102"}`)
	ali := d.record("person", `{"full_name": "علی احمدی", "consent_id": "019bc6a0-0102-7000-8000-000000000103"}`)
	consent := func(person syncproto.RecordID, more string) string {
		return d.record("consent", `{"person_id": "`+person.String()+`", "purposes": ["referral"], "text_version": "1", "given_on": "2026-01-01", "method": "signed"`+more+`}`).String()
	}
	own, theirs, withdrawn := consent(zahra, ""), consent(ali, ""), consent(zahra, `, "withdrawn_on": "2026-02-01"`)
	for _, test := range []struct {
		name, consent string
		saved         bool
		fa, en        string
	}{
		{"no consent", `null`, false, "رضایت به ارجاع", "Consent to the referral"},
		{"their own", `"` + own + `"`, true, "", ""},
		{"another person's", `"` + theirs + `"`, false, "از شخص دیگری است. رضایت همین شخص را برگزینید", "is another person's. Choose this person's consent"},
		{"withdrawn", `"` + withdrawn + `"`, false, "پس گرفته شده است", "was withdrawn and is none any more"},
		{"one that has not come here", `"019bc6a0-0102-7000-8000-000000000199"`, true, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			draft := d.begin("referral", `{"person_ref": "`+zahra.String()+`", "from": "019bc6a0-0801-7000-8000-000000000801", "to_org_id": "019bc6a0-0801-7000-8000-000000000802",
				"reason": "دیابت", "consent_id": `+test.consent+`}`)
			r, err := draft.Save(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if r.Saved != test.saved {
				t.Fatalf("saved %v: %s", r.Saved, sayAll(r.Problems))
			}
			form, _ := d.forms.FormByName("referral")
			i := slices.IndexFunc(r.Problems, func(p schemas.Problem) bool {
				return p.Field == form.Consent && p.Level >= schemas.LevelIncomplete && strings.Contains(p.Message.Fa, test.fa) && strings.Contains(p.Message.En, test.en)
			})
			if test.saved != (i < 0) {
				t.Errorf("said %s", sayAll(r.Problems))
			}
		})
	}

	// Where a missing consent would warn, a wrong one warns.
	r := d.mustSave(d.begin("key_person", `{"full_name": "سکینه", "kind": "trusted", "person_id": "`+zahra.String()+`", "consent_id": "`+withdrawn+`"}`))
	if !slices.ContainsFunc(r.Problems, func(p schemas.Problem) bool {
		return p.Rule == schemas.RuleConsent && p.Level == schemas.LevelWarning && strings.Contains(p.Message.En, "withdrawn")
	}) {
		t.Errorf("a key person on a withdrawn consent: %s", sayAll(r.Problems))
	}

	// Taken back after it was relied on: the record says so, and no edit of it is sent.
	relied := d.record("referral", `{"person_ref": "`+zahra.String()+`", "from": "019bc6a0-0801-7000-8000-000000000801", "to_org_id": "019bc6a0-0801-7000-8000-000000000802",
		"reason": "دیابت", "consent_id": "`+own+`"}`)
	id, err := syncproto.ParseID(own)
	if err != nil {
		t.Fatal(err)
	}
	d.edit(syncproto.RecordID(id), "withdrawn_on", "2026-03-01")
	refused := func(problems []schemas.Problem) bool {
		return slices.ContainsFunc(problems, func(p schemas.Problem) bool { return p.Rule == schemas.RuleConsent && p.Level == schemas.LevelError })
	}
	if !refused(d.get(relied).Problems) {
		t.Error("the record does not say that its consent was withdrawn")
	}
	edit := d.open(relied)
	d.set(edit, "feedback", "پذیرفته شد")
	if r, err := edit.Save(ctx); err != nil || r.Saved || !refused(r.Problems) {
		t.Errorf("an edit of it is saved: %v, %v", r.Saved, err)
	}
}

// TestASettlementNeedsConsent: to choose no consent, or one that was withdrawn, is no way
// to keep what is sensitive.
func TestASettlementNeedsConsent(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	zahra := d.record("person", `{"full_name": "زهرا کریمی", "consent_id": "019bc6a0-0102-7000-8000-000000000102"}`)
	consent := func(more string) string {
		return d.record("consent", `{"person_id": "`+zahra.String()+`", "purposes": ["referral"], "text_version": "1", "given_on": "2026-01-01", "method": "signed"`+more+`}`).String()
	}
	first, second, withdrawn := consent(""), consent(""), consent(`, "withdrawn_on": "2026-02-01"`)
	id := d.record("referral", `{"person_ref": "`+zahra.String()+`", "from": "019bc6a0-0801-7000-8000-000000000801", "to_org_id": "019bc6a0-0801-7000-8000-000000000802",
		"reason": "دیابت", "consent_id": "`+first+`"}`)
	o.sync(d)
	d.edit(id, "consent_id", second)
	o.other(d, id, "ali", map[string]string{"consent_id": withdrawn})
	o.sync(d)
	for name, choice := range map[string]Choice{"none": NewValue(schemas.Value{}), "the withdrawn one": Theirs()} {
		_, err := d.Settle(ctx, id, "consent_id", choice, "")
		var bad *schemas.FieldError
		if !errors.As(err, &bad) || bad.Path != "consent_id" {
			t.Errorf("settled on %s: %v", name, err)
		}
	}
	if _, err := d.Settle(ctx, id, "consent_id", Mine(), ""); err != nil {
		t.Errorf("settled on the one that stands: %v", err)
	}
}
