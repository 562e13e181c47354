package fieldapp

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/formview"
)

// wasPrefix stands before a field's path in what a page sends: the text that the
// page showed. A field that was not touched has it again as its value.
const wasPrefix = "was:"

// apply gives the form what a page sent. Only fields whose text is another than the
// page showed are set; where another page set one meanwhile, both texts are kept for
// a person to choose.
func (o *openDraft) apply(t *formview.Teller, sent url.Values) error {
	paths := make([]string, 0, len(sent))
	for name := range sent {
		if path, ok := strings.CutPrefix(name, wasPrefix); ok {
			paths = append(paths, path)
		}
	}
	// In the order of the form, as a person would have filled it in.
	slices.SortFunc(paths, func(a, b string) int { return o.order(a) - o.order(b) })
	for _, path := range paths {
		at, f, ok := o.spot(path)
		if !ok || !f.Asked() {
			continue // its row was taken out on another page
		}
		was, text := lines(sent.Get(wasPrefix+path)), lines(strings.Join(sent[path], " "))
		stands := lines(o.text(t, at, f))
		switch {
		case o.same(t, f, text, was): // not touched
		case o.same(t, f, text, stands):
			delete(o.others, path)
		case !o.same(t, f, was, stands):
			o.others[path] = otherText{text}
		default:
			delete(o.others, path)
			if err := o.set(at, f, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// order is where a path stands in the form.
func (o *openDraft) order(path string) int {
	name, _, _ := strings.Cut(path, ".")
	return slices.IndexFunc(o.d.Form().Fields(), func(f *schemas.Field) bool { return f.Name == name })
}

// set gives a field a text. One that cannot be read is kept as it is, and told
// beside the field.
func (o *openDraft) set(at clientsdk.Spot, f *schemas.Field, text string) error {
	o.touched = true
	var err error
	if f.Type == schemas.TypeState && !o.begins(f) {
		err = o.d.Step(f.Name, text)
	} else {
		err = o.d.SetTyped(at, text)
	}
	var unread *schemas.FieldError
	if errors.As(err, &unread) {
		return nil
	}
	return err
}

// same reports whether two texts say the same: a date or number written otherwise
// is no other value.
func (o *openDraft) same(t *formview.Teller, f *schemas.Field, a, b string) bool {
	if a == b {
		return true
	}
	v, err := schemas.ParseTyped(o.d.Form(), t.Lists, f, a)
	if err != nil {
		return false
	}
	w, err := schemas.ParseTyped(o.d.Form(), t.Lists, f, b)
	return err == nil && v.Equal(w)
}

// lines writes line ends as forms are stored, not as browsers send them. A null goes:
// no page can hold one, so the next page would not show what stands there.
func lines(s string) string { return sentText.Replace(s) }

var sentText = strings.NewReplacer("\r\n", "\n", "\x00", "")

// act does what a button of the form asks for, "add:members"; it returns the id of
// what should be looked at then, "" for nothing in particular.
func (o *openDraft) act(t *formview.Teller, do string) (focus string, err error) {
	verb, path, _ := strings.Cut(do, ":")
	switch verb {
	case "add":
		row, err := o.d.AddRow(path)
		if err != nil {
			return "", err
		}
		o.touched = true
		o.nameRows()
		return o.firstOf(path, row), nil
	case "drop":
		return o.dropRow(path)
	case "back":
		return o.putBack(path)
	case "up", "down":
		return o.moveRow(path, verb)
	}
	path, text, _ := strings.Cut(path, ":")
	at, f, ok := o.spot(path)
	if !ok {
		return "", nil
	}
	focus = controlID(path)
	switch verb {
	case "take":
		return focus, o.set(at, f, t.Typed(f, o.offered(at, f)))
	case "mean":
		return focus, o.set(at, f, text)
	case "mine":
		other, is := o.others[path]
		delete(o.others, path)
		if !is {
			return focus, nil
		}
		return focus, o.set(at, f, other.refused)
	case "stay":
		delete(o.others, path)
	}
	return focus, nil
}

func controlID(path string) string { return "f-" + strings.ReplaceAll(path, ".", "-") + "-c" }

// firstOf is the first control of a row.
func (o *openDraft) firstOf(list string, row int) string {
	f, ok := o.d.Form().FieldByName(list)
	if !ok || row < 0 || row >= len(o.keys[list]) || len(f.Fields) == 0 {
		return ""
	}
	return controlID(list + "." + o.keys[list][row] + "." + f.Fields[0].Name)
}

func (o *openDraft) offered(at clientsdk.Spot, f *schemas.Field) schemas.Value {
	if at.List != "" {
		return o.d.RowOffers(at.List, at.Row)[f.ID]
	}
	return o.d.Offers()[f.ID]
}

func (o *openDraft) dropRow(path string) (focus string, err error) {
	list, row, ok := o.row(path)
	if !ok {
		return "", nil
	}
	v, _ := o.d.Value(list)
	kept := droppedRow{at: row, item: v.Items()[row], key: o.keys[list][row]}
	if err := o.d.DropRow(list, row); err != nil {
		return "", err
	}
	o.touched = true
	o.dropped[list] = kept
	o.keys[list] = slices.Delete(o.keys[list], row, row+1)
	return controlID(list), nil
}

func (o *openDraft) putBack(list string) (focus string, err error) {
	kept, ok := o.dropped[list]
	if !ok {
		return "", nil
	}
	delete(o.dropped, list)
	at := min(kept.at, len(o.keys[list]))
	if err := o.d.PutRow(list, at, kept.item); err != nil {
		return "", err
	}
	o.touched = true
	o.keys[list] = slices.Insert(o.keys[list], at, kept.key)
	return o.firstOf(list, at), nil
}

func (o *openDraft) moveRow(path, verb string) (focus string, err error) {
	list, row, ok := o.row(path)
	to := row + 1
	if verb == "up" {
		to = row - 1
	}
	if !ok || to < 0 || to >= len(o.keys[list]) {
		return "", nil
	}
	if err := o.d.MoveRow(list, row, to); err != nil {
		return "", err
	}
	o.touched = true
	keys := o.keys[list]
	keys[row], keys[to] = keys[to], keys[row]
	return o.firstOf(list, to), nil
}

// dropEmptyRows takes out rows that were begun and not filled in.
func (o *openDraft) dropEmptyRows() error {
	for _, f := range o.d.Form().Fields() {
		v, _ := o.d.Value(f.Name)
		items := v.Items()
		for row := len(items) - 1; row >= 0; row-- {
			if items[row].ID != (schemas.ID{}) || len(items[row].Fields) > 0 || o.typedInRow(f, row) {
				continue
			}
			if err := o.d.DropRow(f.Name, row); err != nil {
				return err
			}
			o.keys[f.Name] = slices.Delete(o.keys[f.Name], row, row+1)
		}
	}
	return nil
}

func (o *openDraft) typedInRow(list *schemas.Field, row int) bool {
	return slices.ContainsFunc(list.Fields, func(column *schemas.Field) bool {
		_, typed := o.d.Spot(clientsdk.Spot{List: list.Name, Row: row, Field: column.Name})
		return typed != ""
	})
}
