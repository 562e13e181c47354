package formview

import (
	"errors"
	"slices"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
)

// MaxFound is how many choices a search shows.
const MaxFound = 50

// fewLetters is how long the labels of a few options may be together to stand in one
// line of a phone.
const fewLetters = 22

// options are what may be chosen, with what is chosen.
func (d *drawing) options(out *Field, f *schemas.Field, row int, v schemas.Value) {
	chosen := strings.Fields(out.Text)
	var all []Choice
	switch f.Type {
	case schemas.TypeBoolean:
		all = []Choice{{answerYes, d.Say("view_form.value.yes", nil)}, {answerNo, d.Say("view_form.value.no", nil)}}
	case schemas.TypeInteger:
		for n := f.Min.Int(); n <= f.Max.Int(); n++ {
			text := d.Digits(n)
			all = append(all, Choice{text, text})
		}
	case schemas.TypeCode, schemas.TypeCodes:
		all = d.codes(f.List, d.above(f, row))
	case schemas.TypeState:
		if all = d.steps(out, f, v); len(all) == 0 || len(all) == 1 && all[0].Text == v.Code() {
			out.Widget, out.Shown = WidgetRead, d.Shown(f, v)
			return
		}
	case schemas.TypeReference, schemas.TypeReferences:
		out.Long = true
		if d.s.Choices != nil {
			all = d.s.Choices(f)
		}
		if d.s.Makes != nil && (len(chosen) == 0 || f.Type == schemas.TypeReferences) {
			out.Makes = d.s.Makes(f)
		}
	}
	short := shortChoice
	if out.Widget == WidgetMany {
		short = shortSet
	}
	out.Long = out.Long || len(all) > short
	if found, ok := d.s.Found[out.Path]; ok && out.Long {
		all, out.Searched, out.More = found.Choices, found.Text, found.More
	}
	var labels []string
	for _, text := range chosen {
		if i := slices.IndexFunc(all, func(c Choice) bool { return c.Text == text }); i >= 0 {
			labels = append(labels, all[i].Label)
			continue
		}
		// What stands there stays to be seen: an old code, a record that the search
		// did not find.
		label := d.label(f, text)
		labels = append(labels, label)
		out.Options = append(out.Options, Option{Text: text, Label: label, Chosen: true, Gone: f.List != "" && len(d.s.Found) == 0})
	}
	for _, c := range all {
		out.Options = append(out.Options, Option{Text: c.Text, Label: c.Label, Chosen: slices.Contains(chosen, c.Text)})
	}
	for i := range out.Options {
		out.Options[i].ID = out.Control + "-" + persian.ToASCIIDigits(out.Options[i].Text)
	}
	if !out.Long && len(out.Options) > 0 {
		out.Control = out.Options[0].ID
	}
	letters := 0
	for _, o := range out.Options {
		letters += len([]rune(o.Label))
	}
	out.Few = !out.Long && len(out.Options) <= longestScale && letters <= fewLetters
	out.Clears = out.Widget == WidgetOne && out.Text != "" && out.Need != "always" && f.Type != schemas.TypeState
	out.Chosen = strings.Join(labels, d.Say("view_form.value.comma", nil))
}

func (d *drawing) label(f *schemas.Field, text string) string {
	if f.List != "" {
		return d.Code(f.List, text)
	}
	if id, err := readID(text); err == nil {
		return d.Record(id)
	}
	return text
}

// above are the codes, by list, that the form's other fields hold: a list that
// hangs below one of them is shown as far as it hangs below that code.
func (d *drawing) above(f *schemas.Field, row int) map[string]string {
	held := map[string]string{}
	note := func(fields []*schemas.Field, values map[schemas.FieldID]schemas.Value) {
		for _, other := range fields {
			if code := values[other.ID].Code(); code != "" && other.Type == schemas.TypeCode && other.List != f.List {
				held[other.List] = code
			}
		}
	}
	note(d.s.Form.Fields(), d.s.Values.Fields)
	if list, ok := d.s.Form.Field(f.Parent); ok && row >= 0 {
		note(list.Fields, d.s.Values.Fields[list.ID].Items()[row].Fields)
	}
	return held
}

// codes are the codes of a list that may be chosen today, below the codes that are
// held.
func (t *Teller) codes(list string, held map[string]string) []Choice {
	l, ok := t.Lists.List(list)
	if !ok {
		return nil
	}
	all := make([]Choice, 0, len(l.Items))
	for _, item := range l.Items {
		if above := held[item.ParentList]; above != "" && item.Parent != "" && above != item.Parent {
			continue
		}
		if item.ReplacedBy == "" && item.ValidTo.IsEmpty() {
			all = append(all, Choice{item.Code, item.Label.In(t.Lang())})
		}
	}
	return all
}

// steps are the states that a state field may take: those it may step into, and
// where it stands.
func (d *drawing) steps(out *Field, f *schemas.Field, v schemas.Value) []Choice {
	var all []Choice
	to := d.s.Steps[f.ID]
	if len(to) == 0 {
		return nil
	}
	if code := v.Code(); code != "" && !slices.Contains(to, code) {
		all = append(all, Choice{code, d.Code(f.List, code)})
	}
	for _, code := range to {
		all = append(all, Choice{code, d.Code(f.List, code)})
	}
	return all
}

// FindCodes are the codes of a field's list that hold every word of a text, by any
// spelling.
func (t *Teller) FindCodes(f *schemas.Field, text string) Search {
	found := Search{Text: text}
	for _, c := range t.codes(f.List, nil) {
		if holds(c.Label, text) {
			found.Choices = append(found.Choices, c)
		}
	}
	return found
}

// holds says whether a label holds every word of a text, with either reading of
// the joiner.
func holds(label, text string) bool {
	joined, spaced := persian.FoldVariants(label)
	for _, word := range strings.Fields(persian.Fold(text)) {
		if !strings.Contains(joined, word) && !strings.Contains(spaced, word) {
			return false
		}
	}
	return true
}

// datesMeant are the dates that a text may mean which was not taken for one.
func datesMeant(text string) []jalali.Date {
	_, err := jalali.Parse(text)
	var bad *jalali.InputError
	if errors.As(err, &bad) {
		return bad.Suggestions
	}
	return nil
}
