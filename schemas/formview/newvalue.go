package formview

import (
	"slices"
	"strings"

	"mahalleh/schemas"
)

// NewValue is the control by which somebody settles a conflict with another value than
// those that were written. The template "new_value" draws it; what is typed comes as
// "value", and schemas.ParseTyped reads it.
type NewValue struct {
	Kind    string // choice, long or text
	Text    string // what is typed, or chosen of Options
	Options []Choice
	Chosen  bool
	Unit    string
}

// NewValue is the control for a field: what fits it, nil where the record's own form is
// the place for it. typed is what was typed, chosen says that it was chosen; rivals are
// the values that were written.
func (t *Teller) NewValue(f *schemas.Field, typed string, chosen bool, rivals []schemas.Value) *NewValue {
	d := &NewValue{Kind: "text", Text: typed, Chosen: chosen, Unit: f.Unit.In(t.Lang())}
	switch f.Type {
	case schemas.TypeCode, schemas.TypeBoolean:
		if d.Kind, d.Options = "choice", t.Options(f); d.Options == nil {
			return nil
		}
	case schemas.TypeMoney:
		d.Unit = t.Say("screen_records.toman", nil)
	case schemas.TypeText, schemas.TypeLongText:
		if d.Kind = "long"; !chosen && typed == "" {
			// Two texts are best combined with both before one's eyes.
			var both []string
			for _, v := range rivals {
				if text := v.Text(); text != "" && !slices.Contains(both, text) {
					both = append(both, text)
				}
			}
			d.Text = strings.Join(both, "\n")
		}
	case schemas.TypeState, schemas.TypeReference, schemas.TypeReferences, schemas.TypePolygon, schemas.TypeList, schemas.TypeAttachment:
		return nil
	}
	return d
}

// Options are the values of a field that takes one of few, as they are typed and shown;
// nil of any other.
func (t *Teller) Options(f *schemas.Field) (all []Choice) {
	switch f.Type {
	case schemas.TypeCode, schemas.TypeState:
		list, known := t.Lists.List(f.List)
		if !known {
			return nil
		}
		for _, item := range list.Items {
			all = append(all, Choice{item.Code, item.Label.In(t.Lang())})
		}
	case schemas.TypeBoolean:
		for _, yes := range []bool{true, false} {
			b := schemas.BoolValue(yes)
			all = append(all, Choice{t.Typed(f, b), t.Shown(f, b)})
		}
	}
	return all
}
