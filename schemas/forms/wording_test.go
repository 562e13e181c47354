package forms

import (
	"regexp"
	"testing"

	"mahalleh/schemas"
)

// TestMessagesSayWhatToDo: a rule that is broken must say what to do about it, in
// polite imperatives and full sentences.
func TestMessagesSayWhatToDo(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	request := regexp.MustCompile(`(کنید|بردارید|بدهید|بنویسید|برگزینید|برسانید|بکشید|بگیرید|بخواهید)\.$`)
	english := regexp.MustCompile(`(^|[.] |or )(Check|Remove|Choose|Give|Write|Change|Score|Bring|Draw|Copy|Clear|Ask|ask)[^.]*\.$`)
	found := 0
	judge := func(where string, constraints []schemas.Constraint) {
		for _, constraint := range constraints {
			found++
			if !request.MatchString(constraint.Message.Fa) || !english.MatchString(constraint.Message.En) {
				t.Errorf("%s: %q, %q do not end in what to do", where, constraint.Message.Fa, constraint.Message.En)
			}
		}
	}
	for _, form := range pkg.Forms() {
		judge(form.Name, form.Constraints)
		for _, rule := range form.Among {
			judge(form.Name+" among "+rule.Name, []schemas.Constraint{{Message: rule.Message}})
		}
		for _, field := range form.Fields() {
			judge(form.Name+"."+field.Name, field.Constraints)
			for _, column := range field.Fields {
				judge(form.Name+"."+field.Name+"."+column.Name, column.Constraints)
			}
		}
	}
	if found == 0 {
		t.Error("no rules found")
	}
}

// TestLabelsOfListsDiffer: people choose by label, and input may name a code by it.
func TestLabelsOfListsDiffer(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pkg.Lists() {
		list, _ := pkg.List(name)
		seen := make(map[string]string)
		for _, item := range list.Items {
			for _, label := range []string{"fa " + item.Label.Fa, "en " + item.Label.En} {
				if other, ok := seen[label]; ok {
					t.Errorf("%s: %s and %s are both called %q", name, other, item.Code, label[3:])
				}
				seen[label] = item.Code
			}
		}
	}
}

// TestFieldsOfFormsDiffer: two questions of one form must not look the same.
func TestFieldsOfFormsDiffer(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	differ := func(where string, fields []*schemas.Field) {
		seen := make(map[string]string)
		for _, field := range fields {
			for _, label := range []string{"fa " + field.Label.Fa, "en " + field.Label.En} {
				if other, ok := seen[label]; ok {
					t.Errorf("%s: %s and %s are both called %q", where, other, field.Name, label[3:])
				}
				seen[label] = field.Name
			}
		}
	}
	for _, form := range pkg.Forms() {
		differ(form.Name, form.Fields())
		for _, field := range form.Fields() {
			differ(form.Name+"."+field.Name, field.Fields)
		}
	}
}
