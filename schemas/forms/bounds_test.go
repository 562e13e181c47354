package forms_test

import (
	"fmt"
	"regexp"
	"testing"
)

// TestFormsMatchTables holds number, compartment, merge rule and names of every form
// against the reviewed table, in both directions.
func TestFormsMatchTables(t *testing.T) {
	forms := readForms(t)
	for _, r := range readTable(t, "forms.tsv") {
		form, ok := forms[r["form"]]
		if !ok {
			t.Errorf("%s: no form %s", r["line"], r["form"])
			continue
		}
		delete(forms, form.Name)
		for column, got := range map[string]string{"id": fmt.Sprint(form.ID), "compartment": form.Compartment, "merge": form.Merge,
			"label_fa": form.Label.Fa, "label_en": form.Label.En} {
			if got != r[column] {
				t.Errorf("%s: %s: %s is %q, want %q", r["line"], form.Name, column, got, r[column])
			}
		}
	}
	for name := range forms {
		t.Errorf("form %s is not in the table", name)
	}
}

var (
	longest = regexp.MustCompile(`(?:^|; )max (\d+)(?:;|$)`)
	between = regexp.MustCompile(`^([\d.]+)-([\d.]+)(?:[ ;]|$)`)
	atLeast = regexp.MustCompile(`^>= ([\d.]+)(?:[ ;]|$)`)
	sinceOn = regexp.MustCompile(`^(\d{4}) to (?:this|the next) Jalali year`)
	lenient = regexp.MustCompile(`^[^;]*(warns|flag|\(prop\))`)
)

// TestBoundsOfTranscription checks that lengths and bounds are those of the table. What the
// table says to warn of only is a rule, no bound.
func TestBoundsOfTranscription(t *testing.T) {
	fields := describe(readForms(t))
	seen := 0
	for _, r := range readTable(t, "fields.tsv") {
		k := key(r["form"], r["item_of"], r["field"])
		field := fields[k].field
		bound := func(what string, got any, want string) {
			if seen++; fmt.Sprint(got) != want {
				t.Errorf("%s: %s: %s is %v, want %s", r["line"], k, what, got, want)
			}
		}
		says := r["validation"]
		switch field.Type {
		case "text", "long_text":
			if m := longest.FindStringSubmatch(says); m != nil && field.Pattern == "" {
				bound("length", field.MaxLength, m[1])
			} else if m == nil && field.MaxLength != 0 && field.Name != "national_id" {
				t.Errorf("%s: %s has at most %d letters, the table says nothing of it", r["line"], k, field.MaxLength)
			}
		case "integer", "decimal", "money", "jalali_year":
			if lenient.MatchString(says) && field.Type != "money" {
				continue
			}
			if m := between.FindStringSubmatch(says); m != nil {
				bound("the least", field.Min, m[1])
				bound("the most", field.Max, m[2])
			}
			for _, expr := range []*regexp.Regexp{atLeast, sinceOn} {
				if m := expr.FindStringSubmatch(says); m != nil {
					bound("the least", field.Min, m[1])
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("%d bounds were read from the table, want a hundred", seen)
	}
}
