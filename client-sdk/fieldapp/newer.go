package fieldapp

import (
	"slices"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
)

// newer says that a draft's form has a later revision by now, and what is asked
// otherwise in it; nil if it has none.
func (v *visit) newer(begun *schemas.Form) *formview.Notice {
	latest, ok := v.c.Forms().Form(begun.ID)
	if !ok || latest.Revision <= begun.Revision {
		return nil
	}
	n := &formview.Notice{Level: formview.Info, Text: v.say("screen_form.newer", nil)}
	var added, gone, otherwise []string
	for _, f := range latest.Fields() {
		switch was, is := begun.Field(f.ID); {
		case !is:
			added = append(added, v.words.In(f.Label))
		case !alike(f, was):
			otherwise = append(otherwise, v.words.In(f.Label))
		}
	}
	for _, f := range begun.Fields() {
		if _, is := latest.Field(f.ID); !is {
			gone = append(gone, v.words.In(f.Label))
		}
	}
	var said []string
	for _, x := range []struct {
		key    texts.Key
		fields []string
	}{{"screen_form.newer_added", added}, {"screen_form.newer_otherwise", otherwise}, {"screen_form.newer_gone", gone}} {
		if len(x.fields) > 0 {
			said = append(said, v.say(x.key, texts.Args{"fields": strings.Join(x.fields, v.say("view_form.value.comma", nil))}))
		}
	}
	n.Hint = strings.Join(said, " ")
	return n
}

// alike reports whether two revisions of a field ask the same in the same words.
func alike(a, b *schemas.Field) bool {
	return a.Label == b.Label && a.Hint == b.Hint && a.Type == b.Type && a.List == b.List && a.Required == b.Required && a.RequiredWhen == b.RequiredWhen &&
		a.Relevant == b.Relevant && a.ByProgram == b.ByProgram && a.Min.Equal(b.Min) && a.Max.Equal(b.Max) && a.Pattern == b.Pattern && a.MaxLength == b.MaxLength &&
		slices.EqualFunc(a.Constraints, b.Constraints, func(x, y schemas.Constraint) bool { return x.Expr == y.Expr && x.Level == y.Level }) &&
		slices.EqualFunc(a.Fields, b.Fields, func(x, y *schemas.Field) bool { return x.ID == y.ID && alike(x, y) })
}
