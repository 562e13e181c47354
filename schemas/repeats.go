package schemas

import (
	"strings"

	"mahalleh/schemas/persian"
)

// Repeats reports whether two records of a form and a place cannot be told
// apart: every field of Form.Unique is filled in both and says the same, texts
// by the search fold. Both may stand, recorded by people who did not know of
// one another, so this never refuses anything.
//
// Records of which one refers to the other are never repeats: a correction, a
// duplicate or a merged record says itself what it is. a and b are their ids.
func Repeats(form *Form, a ID, first Record, b ID, second Record) bool {
	if len(form.Unique) == 0 || refersTo(form, first, b) || refersTo(form, second, a) {
		return false
	}
	for _, id := range form.Unique {
		x, y := first.Fields[id], second.Fields[id]
		if x.IsEmpty() || y.IsEmpty() || !sayTheSame(x, y) {
			return false
		}
	}
	return true
}

func sayTheSame(x, y Value) bool {
	if x.Kind() == KindText && y.Kind() == KindText {
		return persian.Fold(x.Text()) == persian.Fold(y.Text())
	}
	return x.Equal(y)
}

func refersTo(form *Form, r Record, id ID) bool {
	for _, f := range form.fields {
		if f.Type == TypeReference && r.Fields[f.ID].Kind() == KindRef && r.Fields[f.ID].Ref() == id {
			return true
		}
	}
	return false
}

// Repeated is the warning that a record repeats another.
func Repeated(form *Form, other ID) Problem {
	var labels [2][]string
	for _, id := range form.Unique {
		label := form.byID[id].Label
		labels[0], labels[1] = append(labels[0], label.Fa), append(labels[1], label.In("en"))
	}
	both := Text{Fa: strings.Join(labels[0], "»، «"), En: strings.Join(labels[1], "”, “")}
	return Problem{Field: form.Unique[0], Others: form.Unique[1:], Rule: RuleRepeated, Level: LevelWarning, Record: other,
		Message: say(msgRepeated, textArg("form", form.Label), textArg("field", both))}
}
