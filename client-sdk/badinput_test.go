package clientsdk

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

const budgetLineJSON = `{"programme": "social_health_base", "item": "base_upkeep", "province_code": "01", "jalali_year": 1404,
	"approved_rial": 1500000000, "allocated_rial": 1200000000, "basis": "عملکرد مؤسسه"}`

// TestBadInputAmongRecords: what is wrong between a record and others of the device is
// said with its field, its rule and what to do, in both languages, and warns.
func TestBadInputAmongRecords(t *testing.T) {
	d := newDevice(t)
	line := d.record("budget_line", budgetLineJSON)
	d.record("block", `{"code": "B01"}`)
	for _, test := range []struct {
		name, form, fields, field string
		rule                      schemas.Rule
		fa, en                    string
	}{
		{"a payment of ten times its budget line", "budget_txn", `{"kind": "pay", "line_id": "` + line.String() + `", "amount_rial": 12000000000, "on": "2026-02-01"}`,
			"amount_rial", schemas.RuleAmong, "«مبلغ» درست ده برابر یا یک‌دهم مبلغ ردیف اعتبار (۱۲۰٬۰۰۰٬۰۰۰ تومان) است", "“Amount” is exactly ten times or a tenth of its budget line (120000000 toman)"},
		{"a payment of a tenth of what was approved", "budget_txn", `{"kind": "pay", "line_id": "` + line.String() + `", "amount_rial": 150000000, "on": "2026-02-01"}`,
			"amount_rial", schemas.RuleAmong, "مبلغ را بررسی کنید.", "Check the amount."},
		{"a payment of its own size", "budget_txn", `{"kind": "pay", "line_id": "` + line.String() + `", "amount_rial": 400000000, "on": "2026-02-01"}`, "", "", "", ""},
		{"a code used twice", "block", `{"code": "B۰۱"}`,
			"code", schemas.RuleRepeated, "با همین «کد بلوک» در اینجا هست. اگر هر دو یکی‌اند، یکی را حذف کنید", "has the same “Block code”. If both are one, delete one of them"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := d.mustSave(d.begin(test.form, test.fields))
			form, _ := d.forms.FormByName(test.form)
			said := slices.DeleteFunc(slices.Clone(r.Problems), func(p schemas.Problem) bool { return p.Rule != schemas.RuleAmong && p.Rule != schemas.RuleRepeated })
			if test.field == "" {
				if len(said) > 0 {
					t.Errorf("said %s", sayAll(said))
				}
				return
			}
			if len(said) != 1 {
				t.Fatalf("said %s, want one warning", sayAll(said))
			}
			field, _ := form.Field(said[0].Field)
			if p := said[0]; field.Name != test.field || p.Rule != test.rule || p.Level != schemas.LevelWarning || p.Record == (schemas.ID{}) ||
				!strings.Contains(p.Message.Fa, test.fa) || !strings.Contains(p.Message.En, test.en) {
				t.Errorf("%s: %s, %v: %s / %s", field.Name, p.Rule, p.Level, p.Message.Fa, p.Message.En)
			}
			shown := d.get(r.Record).Problems
			if !slices.ContainsFunc(shown, func(p schemas.Problem) bool { return p.Rule == test.rule && p.Field == field.ID }) {
				t.Errorf("the record itself does not say it: %s", sayAll(shown))
			}
		})
	}
}

// TestAStepThatCameTooLate: a transition on a stale version is set aside, the device
// shows the state that stands, and its author is told which it is.
func TestAStepThatCameTooLate(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("dossier", dossierJSON)
	o.sync(d)
	form, _ := d.forms.FormByName("dossier")
	status, _ := form.FieldByName("status")
	s := o.records[id]
	o.make(s, "ali", syncproto.VerbTransition, []syncproto.Op{merge.TransitionOp(s, status.ID, "suspended"), merge.Presence(s, personOf("ali"), true, false)}, d.clock.now)
	step, err := d.Transition(ctx, id, "status", "collecting", "")
	if err != nil {
		t.Fatal(err)
	}
	o.sync(d)
	if got := d.value(id, "status").Code(); got != "suspended" {
		t.Errorf("the device shows %q, want the state that stands", got)
	}
	all, err := d.History(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(e Entry) bool { return e.Change == step })
	if i < 0 || all[i].Verdict == nil || len(all[i].Verdict.Cells) != 1 {
		t.Fatalf("the step is not in the history, or nothing is told of it: %+v", all)
	}
	list, _ := d.forms.List("DOSSIERSTATUS")
	want, _ := list.Item("suspended")
	c := all[i].Verdict.Cells[0]
	if c.Path != "status" || c.Label != status.Label || c.Reason != syncproto.ReasonNotCurrent || ReasonKey(c.Reason) != "sdk.reason.not_current" || c.Now != want.Label || c.Now.En == "" {
		t.Errorf("told %+v, want that the state is %v now", c, want.Label)
	}
	// The same step again is told before it is sent.
	if _, err := d.Transition(ctx, id, "status", "submitted", ""); !errors.Is(err, ErrStepRefused) {
		t.Errorf("from the state that stands: %v", err)
	}
}
