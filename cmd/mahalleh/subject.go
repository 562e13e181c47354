package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/aside"
	"mahalleh/server/store"
	"mahalleh/server/subject"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// subjectItem is a record that has to do with a data subject, as commands print it.
type subjectItem struct {
	// Why is self, consent, about, mention or text, see server/subject.
	Why    string `json:"why"`
	Record string `json:"record"`
	formName
	scopeName
	// Erase says that the record is erased when what is held on the person is, and
	// Erased that this was done.
	Erase  bool `json:"erase"`
	Erased bool `json:"erased,omitempty"`
	// Never says that the record never came to be: there are changes alone, which
	// were set aside or wait.
	Never bool `json:"never,omitempty"`
	// Account is the account that is known to be the person's, of the person's own
	// record: its id and the name that it signs with. What it wrote and did is on
	// record under it, and an erasure takes only the link away.
	Account *accountItem `json:"account,omitempty"`
	// Values are all that the record holds, contested values each; of a mention,
	// and of a text, only what has to do with the person.
	Values []subjectValue `json:"values"`
	// History is who wrote what and when, with the same restriction.
	History []changeItem `json:"history,omitempty"`

	id    syncproto.RecordID
	scope syncproto.ScopeID
}

// accountItem is an account that is linked to a person's record.
type accountItem struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// subjectValue is one value of a record.
type subjectValue struct {
	cellName
	Value      any           `json:"value"`
	ValueLabel *schemas.Text `json:"value_label,omitempty"`
}

type subjectQuery struct {
	Person string `json:"person"`
	// Look only says what would be erased.
	Look bool   `json:"look,omitempty"`
	Why  string `json:"why"`
}

// actSubjectShow hands out all that is held on a person.
func actSubjectShow(ctx context.Context, d *desk, q subjectQuery, out tell) error {
	found, err := d.heldOn(ctx, q.Person, out)
	if err != nil {
		return err
	}
	// Said before the first byte leaves: who read it is on record.
	if err := d.note(ctx, "subject_shown", found[0].ID.String(), q.Why, scopesOf(found)...); err != nil {
		return err
	}
	for i := range found {
		item, err := d.subjectItem(ctx, &found[i], true)
		if err != nil {
			return err
		}
		if err := out.item(item); err != nil {
			return err
		}
	}
	return nil
}

// actSubjectErase erases every record that is the person's, their own last: if it
// is broken off, the person is still there to go on with. What only mentions them
// is handed out, for somebody to look at.
func actSubjectErase(ctx context.Context, d *desk, q subjectQuery, out tell) error {
	found, err := d.heldOn(ctx, q.Person, out)
	if err != nil {
		return err
	}
	slices.Reverse(found)
	for i := range found {
		f := &found[i]
		item, err := d.subjectItem(ctx, f, false)
		if err != nil {
			return err
		}
		if item.Erase && !q.Look {
			if err := d.server.Hub().Erase(ctx, f.ID); err != nil {
				return err
			}
			if err := d.note(ctx, "erased", item.Record, q.Why, item.scope); err != nil {
				return err
			}
			item.Erased = true
		}
		if err := out.item(item); err != nil {
			return err
		}
	}
	if q.Look {
		return nil
	}
	return d.forgetInReport(ctx)
}

// heldOn searches; the person's own record comes first.
func (d *desk) heldOn(ctx context.Context, person string, out tell) ([]subject.Record, error) {
	raw, err := syncproto.ParseID(person)
	id := syncproto.RecordID(raw)
	if err != nil {
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.erase.bad_id", Args: cli.Args{"record": person}, Hint: "mahalleh_data.erase.bad_id_hint", Cause: err}
	}
	found, err := subject.Find(ctx, subject.Source{View: d.view, Forms: d.server.Hub().Packages(), Progress: func(n int) {
		out.progress("mahalleh_data.subject.progress", cli.Args{"n": n})
	}}, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.erase.unknown", Args: cli.Args{"record": id.String()}, Hint: "mahalleh_data.subject.unknown_hint", Cause: err}
	case errors.Is(err, subject.ErrNoPerson):
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.subject.no_person", Args: cli.Args{"record": id.String()}, Hint: "mahalleh_data.subject.unknown_hint", Cause: err}
	}
	return found, err
}

func scopesOf(found []subject.Record) []syncproto.ScopeID {
	var all []syncproto.ScopeID
	for i := range found {
		if !slices.Contains(all, found[i].Scope) {
			all = append(all, found[i].Scope)
		}
	}
	return all
}

// subjectItem describes a record; content asks for its values and its history.
func (d *desk) subjectItem(ctx context.Context, f *subject.Record, content bool) (item subjectItem, err error) {
	err = d.view(ctx, func(r store.Reader) error {
		n, err := d.names(r)
		if err != nil {
			return err
		}
		form, formed := n.form(f.Form)
		item = subjectItem{Why: f.Why.String(), Record: f.ID.String(), formName: formed, scopeName: n.scopes[f.Scope], Erase: f.Why.Theirs(), Never: f.Never, Values: []subjectValue{}, id: f.ID, scope: f.Scope}
		row, err := r.Record(f.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read record %s: %w", f.ID, err)
		}
		if err == nil && row.State.Erased {
			item.Erase, item.Erased = false, true
			return nil
		}
		if f.Why == subject.Self {
			if item.Account, err = accountOf(r, f.ID); err != nil {
				return err
			}
		}
		if !content {
			return nil
		}
		if err == nil {
			item.Values = n.subjectValues(form, row.State, f)
		}
		item.History, err = n.subjectHistory(f)
		return err
	})
	return item, err
}

// accountOf is the account that is linked to a record, nil if there is none.
func accountOf(r store.Reader, record syncproto.RecordID) (*accountItem, error) {
	links, err := access.Links(r)
	if err != nil {
		return nil, fmt.Errorf("read which accounts are whose: %w", err)
	}
	for _, l := range links {
		if l.Record != record {
			continue
		}
		who, err := r.Person(l.Account)
		if err != nil {
			return nil, fmt.Errorf("read account %s: %w", l.Account, err)
		}
		return &accountItem{ID: who.ID.String(), Name: who.Name}, nil
	}
	return nil, nil
}

func (n *names) subjectValues(form *schemas.Form, s *syncproto.RecordState, f *subject.Record) []subjectValue {
	values := []subjectValue{}
	for _, k := range s.Keys() {
		if k.Field < syncproto.FirstFormField || !shows(f, k) {
			continue
		}
		for _, c := range s.Candidates(k) {
			if k.Element != (syncproto.Value{}) || c.Value.IsNone() {
				continue
			}
			values = append(values, n.subjectValue(form, k, c.Value))
		}
		if k.Element != (syncproto.Value{}) && len(s.Candidates(k)) > 0 {
			values = append(values, n.subjectValue(form, k, k.Element))
		}
	}
	return values
}

// subjectValue is a value, with the title of the record that it refers to if that
// names nobody else.
func (n *names) subjectValue(form *schemas.Form, k syncproto.CellKey, value syncproto.Value) subjectValue {
	v := n.value(aside.Leaf(form, k), value)
	item := subjectValue{cellName: nameCell(form, k), Value: v.Value, ValueLabel: v.Label}
	if to, ok := value.AsRef(); ok {
		item.ValueLabel = n.title(to)
	}
	return item
}

// title is what a record is called in lists, nil where that would tell of a person.
func (n *names) title(id syncproto.RecordID) *schemas.Text {
	row, err := n.r.Record(id)
	if err != nil {
		return nil
	}
	form, _ := n.form(row.State.Form)
	if form == nil || form.Compartment.Holds(schemas.CompartmentPersons) {
		return nil
	}
	var fa, en []string
	for _, field := range form.Title {
		v := n.value(aside.Field(form, uint32(field)), merge.Look(row.State, syncproto.CellKey{Field: uint32(field)}).Value)
		text, isText := v.Value.(string)
		switch {
		case v.Label != nil:
			fa, en = append(fa, v.Label.In("fa")), append(en, v.Label.In("en"))
		case isText:
			fa, en = append(fa, text), append(en, text)
		}
	}
	if len(fa) == 0 {
		return nil
	}
	return &schemas.Text{Fa: strings.Join(fa, " · "), En: strings.Join(en, " · ")}
}

// subjectHistory is what was written of it and when.
func (n *names) subjectHistory(f *subject.Record) (items []changeItem, err error) {
	rows, err := n.r.History(f.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read history of %s: %w", f.ID, err)
	}
	for i := range rows {
		change, err := n.change(&rows[i], true)
		if err != nil {
			return nil, err
		}
		if !f.Why.Theirs() {
			change.Raw = ""
			change.Ops = slices.DeleteFunc(change.Ops, func(op opItem) bool { return !shows(f, op.cell) })
			if len(change.Ops) == 0 {
				continue
			}
		}
		items = append(items, change)
	}
	return items, nil
}

// shows reports whether what stands in a cell is for the person to see.
func shows(f *subject.Record, k syncproto.CellKey) bool {
	return f.Why.Theirs() || slices.Contains(f.Cells, syncproto.CellKey{Field: k.Field, Item: k.Item, Sub: k.Sub})
}
