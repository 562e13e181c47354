package schemas_test

import (
	"strings"
	"testing"

	. "mahalleh/schemas"
	"mahalleh/schemas/forms"
)

// TestRepeats holds two ballots and two blocks against one another.
func TestRepeats(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	read := func(form *Form, text string) Record {
		t.Helper()
		r, err := DecodeJSON(form, pkg, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	const round = `"round_id": "019bc6a0-0102-7000-8000-000000000102"`
	for _, test := range []struct {
		name, form, first, second string
		want                      bool
	}{
		{"the same code", "block", `{"code": "B01"}`, `{"code": "B01"}`, true},
		{"the same in another spelling", "block", `{"code": "B01"}`, `{"code": "b۰۱"}`, true},
		{"another code", "block", `{"code": "B01"}`, `{"code": "B02"}`, false},
		{"empty in one", "block", `{"code": "B01"}`, `{}`, false},
		{"empty in both", "block", `{}`, `{}`, false},
		{"all fields", "ballot", `{` + round + `, "voter_token": "abcdefgh"}`, `{` + round + `, "voter_token": "abcdefgh"}`, true},
		{"one of two fields", "ballot", `{` + round + `, "voter_token": "abcdefgh"}`, `{` + round + `, "voter_token": "abcdefgi"}`, false},
		{"a correction", "ballot", `{` + round + `, "voter_token": "abcdefgh"}`,
			`{` + round + `, "voter_token": "abcdefgh", "corrects_id": "01000000-0000-0000-0000-000000000000"}`, false},
		{"a form without such fields", "asset", `{"title_fa": "سالن"}`, `{"title_fa": "سالن"}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			form, ok := pkg.FormByName(test.form)
			if !ok {
				t.Fatalf("no form %s", test.form)
			}
			a, b := read(form, test.first), read(form, test.second)
			for _, got := range []bool{Repeats(form, ID{1}, a, ID{2}, b), Repeats(form, ID{2}, b, ID{1}, a)} {
				if got != test.want {
					t.Errorf("got %v, want %v", got, test.want)
				}
			}
			if test.want && !meet(FileKeys(form, a), LookKeys(form, b)) {
				t.Error("the index would not find one by the other")
			}
		})
	}
	ballot, _ := pkg.FormByName("ballot")
	p := Repeated(ballot, ID{2})
	if p.Level != LevelWarning || p.Rule != RuleRepeated || p.Record != (ID{2}) || !strings.Contains(p.Message.Fa, "«نوبت اولویت‌بندی»، «کد تصادفی رأی‌دهنده»") ||
		!strings.Contains(p.Message.En, "“Prioritisation round”, “Random token of the voter”") || !Sendable([]Problem{p}) {
		t.Errorf("the warning is %+v", p)
	}
}
