package dashboard

import (
	"errors"
	"slices"
	"strings"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/alike"
	"mahalleh/schemas/formview"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// twins are two records of one form and scope that may be about the same.
type twins struct {
	form  *schemas.Form
	place store.Place
	scope syncproto.ScopeID
	two   [2]*filed
	// may says that the reader writes there.
	may bool
	// united is set where one of them stays in place of the other.
	united *united
}

// letters name the two in forms.
var letters = [2]string{"a", "b"}

const both = "both"

// errOpen says that a record with open conflicts cannot be made one with another.
var errOpen = errors.New("one of the records is in conflict")

// openTwins reads the two records of the address. Only who sees both finds them; they
// are of one form and scope, and both are there or one was put in place of the other.
func (v *visit) openTwins(r store.Reader, view *access.View) (*twins, error) {
	x := &twins{}
	for i, name := range letters {
		id, err := syncproto.ParseID(v.r.PathValue(name))
		if err != nil {
			return nil, store.ErrNotFound
		}
		row, err := view.Record(syncproto.RecordID(id))
		if err != nil {
			return nil, err
		}
		form, known := v.forms.Form(schemas.FormID(row.State.Form))
		if !known || row.State.Erased {
			return nil, store.ErrNotFound
		}
		x.two[i] = &filed{form: form, rec: merge.Content(form, row.State), state: row.State}
	}
	a, b := x.two[0].state, x.two[1].state
	scope, err := view.Scope(a.Home)
	if err != nil {
		return nil, err
	}
	if a.Record == b.Record || a.Form != b.Form || a.Home != b.Home || !view.Single(scope.Place) {
		return nil, store.ErrNotFound
	}
	x.form, x.scope = x.two[0].form, a.Home
	x.place, _ = view.PlaceOf(scope.Place)
	x.two[0].place, x.two[1].place = x.place, x.place
	x.may = view.MayWrite(a.Home, a.Form, 0)
	if merge.Alive(a) && merge.Alive(b) {
		return x, nil
	}
	all, err := unitedIn(r, x.scope)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].pair() != pairOf(a.Record, b.Record) {
			continue
		}
		holds, err := all[i].holds(r)
		if err != nil {
			return nil, err
		}
		if holds {
			x.united = &all[i]
			return x, nil
		}
	}
	return nil, store.ErrNotFound
}

// inConflict reports whether one of the two has several values in a field.
func (x *twins) inConflict() bool {
	return len(merge.Conflicts(x.two[0].state)) > 0 || len(merge.Conflicts(x.two[1].state)) > 0
}

// chosenHere reports whether a field's value is chosen when two records become one. The
// others stay with the record that stays: its course, what is counted, and its files.
func chosenHere(f *schemas.Field) bool {
	switch f.Type {
	case schemas.TypeState, schemas.TypeCounter, schemas.TypeAttachment:
		return false
	}
	return f.Asked()
}

// joins reports whether both values of a field can hold.
func joins(f *schemas.Field) bool {
	return f.Type == schemas.TypeList || f.Type == schemas.TypeCodes || f.Type == schemas.TypeReferences
}

// alikeRow reports whether two rows of a list say the same.
func alikeRow(list *schemas.Field, a, b schemas.Item) bool {
	return !slices.ContainsFunc(list.Fields, func(sub *schemas.Field) bool { return !a.Fields[sub.ID].Equal(b.Fields[sub.ID]) })
}

// sayTheSame reports whether two values of a field say the same, whichever rows of a list
// were recorded as which.
func sayTheSame(f *schemas.Field, a, b schemas.Value) bool {
	if f.Type != schemas.TypeList {
		return a.Equal(b)
	}
	return slices.EqualFunc(a.Items(), b.Items(), func(x, y schemas.Item) bool { return alikeRow(f, x, y) })
}

// joined are both values of a field in one: those that stay, and what they lack.
func joined(f *schemas.Field, stays, goes schemas.Value) schemas.Value {
	switch f.Type {
	case schemas.TypeCodes:
		return schemas.CodesValue(append(slices.Clone(stays.Codes()), goes.Codes()...)...)
	case schemas.TypeReferences:
		return schemas.RefsValue(append(slices.Clone(stays.Refs()), goes.Refs()...)...)
	}
	rows := slices.Clone(stays.Items())
	for _, row := range goes.Items() {
		if !slices.ContainsFunc(rows, func(x schemas.Item) bool { return alikeRow(f, x, row) }) {
			rows = append(rows, schemas.Item{Fields: row.Fields})
		}
	}
	return schemas.ItemsValue(rows)
}

// takenOver is a value of the other record as this one takes it: rows of it are new ones.
func takenOver(f *schemas.Field, value schemas.Value) schemas.Value {
	if f.Type != schemas.TypeList {
		return value
	}
	return joined(f, schemas.Value{}, value)
}

type twinsData struct {
	To, Name, Form, Place  string
	Seen                   [2]string
	Two                    [2]twinData
	Alike                  []string
	Keep                   string
	Differ                 []twinField
	Same                   []named
	Refers                 []referRow
	RefersSeen             string
	Refer, RefersMore, May bool
	Conflict               bool
	Apart                  bool
	// Stays and Goes name the two that were made one.
	Stays, Goes string
	United      bool
}

type twinData struct {
	Letter         string
	N              int
	ID, Title, Who string
	Made           time.Time
	Conflicts      int
	Files          bool
}

// twinField is a field in which the two differ.
type twinField struct {
	Name, Label string
	Values      [2]twinValue
	Joins       bool
	Choice      string
	// Fixed: the record that stays keeps its own.
	Fixed bool
}

type twinValue struct {
	Letter, Text string
	N            int
}

// referRow is a record that names one of the two.
type referRow struct{ ID, Title, Form string }

// showTwins shows two records side by side, with why making them one failed; or that
// they were made one, and how they were told apart again.
func (v *visit) showTwins(failed error) error {
	d := twinsData{To: v.r.URL.Path, Keep: v.value("keep"), Refer: v.r.Method == "GET" || v.value("refer") != ""}
	var number uint32
	form := ""
	err := v.read(func(r store.Reader, view *access.View) error {
		x, err := v.openTwins(r, view)
		if err != nil {
			return err
		}
		number, form = x.place.Number, x.form.Name
		d.Form, d.Place, d.May, d.Conflict = v.label(x.form.Label), v.placeName(x.place), x.may, x.inConflict()
		names := v.namer(r)
		for i, one := range x.two {
			d.Seen[i] = seenOf(one.state)
			t := twinData{Letter: letters[i], N: i + 1, ID: one.state.Record.String(), Title: v.title(view, one.state), Conflicts: len(merge.Conflicts(one.state)), Files: hasFiles(one)}
			history, err := view.History(one.state.Record)
			if err != nil {
				return err
			}
			if len(history) > 0 {
				t.Made = time.UnixMilli(history[0].Received)
				if t.Who, err = names.person(history[0].Author); err != nil {
					return err
				}
			}
			d.Two[i] = t
		}
		if x.united != nil {
			d.United = true
			d.Stays, d.Goes = d.Two[0].Title, d.Two[1].Title
			if x.united.stays != x.two[0].state.Record {
				d.Stays, d.Goes = d.Goes, d.Stays
			}
			return nil
		}
		apart, err := apartIn(r, x.scope)
		if err != nil {
			return err
		}
		d.Apart = apart[pairOf(x.two[0].state.Record, x.two[1].state.Record)]
		v.fillTwins(view, x, &d)
		refs, err := v.referrers(view, x, x.two[0], x.two[1])
		if err != nil {
			return err
		}
		d.RefersSeen, d.RefersMore = refs.seen(), refs.more
		for _, f := range refs.all {
			d.Refers = append(d.Refers, referRow{f.state.Record.String(), v.title(view, f.state), v.label(f.form.Label)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if d.Name, err = v.newForm(); err != nil {
		return err
	}
	title := v.say("office_likely.two", nil)
	if d.United {
		title = v.say("office_likely.one", nil)
	}
	p := v.page("twins", title)
	p.Back, p.Data, p.Live = likelyTo(number, form), d, false
	return v.renderFailed(p, failed)
}

func hasFiles(f *filed) bool {
	return slices.ContainsFunc(f.form.Fields(), func(x *schemas.Field) bool {
		return x.Type == schemas.TypeAttachment && !f.rec.Fields[x.ID].IsEmpty()
	})
}

// fillTwins writes the two field by field.
func (v *visit) fillTwins(view *access.View, x *twins, d *twinsData) {
	t := v.teller(view)
	for _, f := range alike.Of(x.form).Records(x.two[0].rec, x.two[1].rec).Alike {
		d.Alike = append(d.Alike, v.label(f.Label))
	}
	if d.Keep == "" {
		d.Keep = letters[0]
	}
	for _, f := range x.form.Fields() {
		left, right := x.two[0].rec.Fields[f.ID], x.two[1].rec.Fields[f.ID]
		if !f.Stored() || f.Type == schemas.TypeAttachment || left.IsEmpty() && right.IsEmpty() {
			continue
		}
		if sayTheSame(f, left, right) {
			d.Same = append(d.Same, named{v.label(f.Label), linesOf(t, f, left)})
			continue
		}
		row := twinField{Name: f.Name, Label: v.label(f.Label), Values: [2]twinValue{{letters[0], linesOf(t, f, left), 1}, {letters[1], linesOf(t, f, right), 2}}, Joins: joins(f), Fixed: !chosenHere(f)}
		switch row.Choice = v.value("take." + f.Name); {
		case row.Choice != "":
		case left.IsEmpty():
			row.Choice = letters[1]
		case row.Joins && !right.IsEmpty():
			row.Choice = both
		default:
			row.Choice = letters[0]
		}
		d.Differ = append(d.Differ, row)
	}
}

// linesOf writes a value, of a list each row in a line.
func linesOf(t *formview.Teller, f *schemas.Field, value schemas.Value) string {
	if f.Type != schemas.TypeList {
		return t.Shown(f, value)
	}
	var lines []string
	for _, row := range value.Items() {
		lines = append(lines, t.Row(f, row))
	}
	return strings.Join(lines, "\n")
}
