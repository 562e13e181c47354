package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// recordItem is a record as commands print it.
type recordItem struct {
	ID    string `json:"id"`
	Form  string `json:"form"`
	Title string `json:"title"`
	// State is how far the device's own changes have come: none, applied,
	// merged, received, pending, conflict, parked or quarantined.
	State     string          `json:"state"`
	Pending   int             `json:"pending"`
	Deleted   bool            `json:"deleted,omitempty"`
	Contested bool            `json:"contested,omitempty"`
	Erased    bool            `json:"erased,omitempty"`
	HasDraft  bool            `json:"has_draft,omitempty"`
	Values    json.RawMessage `json:"values"`
	Computed  json.RawMessage `json:"computed,omitempty"`
	Complete  completeness    `json:"complete"`
	Problems  []problemItem   `json:"problems"`
	Conflicts []conflictItem  `json:"conflicts"`
	Changed   *madeItem       `json:"changed,omitempty"`
}

// madeItem says who wrote something and when.
type madeItem struct {
	Author string `json:"author"`
	Name   string `json:"name,omitempty"`
	Mine   bool   `json:"mine,omitempty"`
	Time   string `json:"time"`
}

func madeJSON(m clientsdk.Made) madeItem {
	return madeItem{Author: m.Author.String(), Name: m.Name, Mine: m.Mine, Time: stamp(m.Time)}
}

// who names the author of something for a person.
func (d *device) who(m clientsdk.Made) string {
	switch {
	case m.Mine:
		return d.app.T("field.who.me")
	case m.Name != "":
		return m.Name
	}
	return d.app.T("field.who.unknown")
}

func showCommand(a *cli.App) *cobra.Command {
	return deviceCommand(a, "show ID", "field.show", func(ctx context.Context, d *device, args []string) error {
		id, err := d.find(ctx, args[0])
		if err != nil {
			return err
		}
		r, err := d.Record(ctx, id)
		if errors.Is(err, clientsdk.ErrNotFound) {
			return d.showDraft(ctx, id, err)
		}
		if err != nil {
			return err
		}
		if a.JSON() {
			return d.printRecord(ctx, r)
		}
		return d.sayRecord(ctx, r)
	})
}

// showDraft shows a record of which there is only a draft; otherwise notFound.
func (d *device) showDraft(ctx context.Context, id syncproto.RecordID, notFound error) error {
	drafts, err := d.Drafts(ctx)
	if err != nil {
		return err
	}
	for _, x := range drafts {
		if x.Record != id {
			continue
		}
		draft, err := d.OpenDraft(ctx, x.ID)
		if err != nil {
			return err
		}
		if d.app.JSON() {
			values, err := draft.JSON()
			if err != nil {
				return err
			}
			a := draft.Assess()
			return d.app.PrintJSON(recordItem{ID: id.String(), Form: draft.Form().Name, State: "draft", HasDraft: true, Values: values,
				Complete:  completeness{a.Completeness.Filled, a.Completeness.Total},
				Problems:  problemItems(draft.Form(), draft.Problems()),
				Conflicts: []conflictItem{}})
		}
		if err := d.app.Say("field.show.draft", cli.Args{"form": draft.Form().Label.In(d.lang()), "id": id.String(), "when": d.minute(x.Saved)}); err != nil {
			return err
		}
		if err := d.sayValues(ctx, draft.Form(), draft.Values(), draft.Assess().Computed()); err != nil {
			return err
		}
		return d.sayProblems(draft.Problems())
	}
	return notFound
}

func (d *device) printRecord(ctx context.Context, r *clientsdk.Record) error {
	values, err := r.JSON()
	if err != nil {
		return err
	}
	item := recordItem{ID: r.ID.String(), Form: formName(r.Form, r.FormID), Title: r.Title, State: r.Sync.String(), Pending: r.Pending,
		Deleted: r.Deleted, Contested: r.Contested, Erased: r.Erased, HasDraft: r.HasDraft, Values: values,
		Complete: completeness{r.Completeness.Filled, r.Completeness.Total}, Problems: []problemItem{}, Conflicts: []conflictItem{}}
	if r.Form != nil {
		item.Problems = problemItems(r.Form, r.Problems)
		if len(r.Computed.Fields) > 0 {
			if item.Computed, err = computedJSON(r.Form, r.Computed); err != nil {
				return err
			}
		}
	}
	for i := range r.Conflicts {
		c, err := d.conflictItem(&r.Conflicts[i])
		if err != nil {
			return err
		}
		item.Conflicts = append(item.Conflicts, c)
	}
	if !r.Erased {
		made := madeJSON(r.LastChange())
		item.Changed = &made
	}
	return d.app.PrintJSON(item)
}

// computedJSON writes computed fields as an object of name and value.
func computedJSON(form *schemas.Form, r schemas.Record) (json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, f := range form.Fields() {
		v := r.Fields[f.ID]
		if f.Type != schemas.TypeComputed || v.IsEmpty() {
			continue
		}
		raw, err := valueJSON(v)
		if err != nil {
			return nil, err
		}
		out[f.Name] = raw
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write computed fields: %w", err)
	}
	return raw, nil
}

// valueJSON writes one value as it stands in a record's JSON: a form that knows
// no field writes it under its number.
func valueJSON(v schemas.Value) (json.RawMessage, error) {
	if v.IsEmpty() {
		return json.RawMessage("null"), nil
	}
	const at = schemas.FirstFieldID
	raw, err := schemas.EncodeJSON(&schemas.Form{}, schemas.Record{Fields: map[schemas.FieldID]schemas.Value{at: v}})
	if err != nil {
		return nil, fmt.Errorf("write value: %w", err)
	}
	var members map[string]struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fmt.Errorf("write value: %w", err)
	}
	return members[fmt.Sprintf("#%d", at)].Value, nil
}

func (d *device) sayRecord(ctx context.Context, r *clientsdk.Record) error {
	a := d.app
	if r.Erased {
		return a.Say("field.show.erased", cli.Args{"id": r.ID.String()})
	}
	title, err := d.Label(ctx, r.ID, d.lang())
	if err != nil {
		return err
	}
	args := cli.Args{"form": d.formLabel(r.Form, r.FormID), "title": d.titleOr(title), "id": r.ID.String()}
	if err := a.Say("field.show.title", args); err != nil {
		return err
	}
	made := r.LastChange()
	if err := say(a, 2, a.T("field.show.state", cli.Args{"state": a.Member(stateFamily, r.Sync.String()), "who": d.who(made), "when": d.minute(made.Time)})); err != nil {
		return err
	}
	for _, note := range []struct {
		is  bool
		key cli.Key
	}{{r.Deleted, "field.show.deleted"}, {r.Contested, "field.show.contested"}, {r.HasDraft, "field.show.has_draft"}, {r.Form == nil, "field.show.unknown_form"}} {
		if note.is {
			if err := say(a, 2, a.T(note.key)); err != nil {
				return err
			}
		}
	}
	if r.Form == nil {
		return nil
	}
	if err := d.sayValues(ctx, r.Form, r.Values, r.Computed); err != nil {
		return err
	}
	if err := d.sayProblems(r.Problems); err != nil {
		return err
	}
	for i := range r.Conflicts {
		if err := d.sayConflict(ctx, &r.Conflicts[i]); err != nil {
			return err
		}
	}
	if r.Completeness.Total > 0 {
		return say(a, 2, a.T("field.save.complete", cli.Args{"filled": r.Completeness.Filled, "total": r.Completeness.Total}))
	}
	return nil
}

// titleOr is a title, or a sign for a record that has none.
func (d *device) titleOr(title string) string {
	if title == "" {
		return d.app.T("field.show.untitled")
	}
	return title
}

// sayValues writes what a record holds, section by section.
func (d *device) sayValues(ctx context.Context, form *schemas.Form, values, computed schemas.Record) error {
	for _, s := range form.Sections {
		headed := false
		for _, f := range s.Fields {
			v := values.Fields[f.ID]
			if f.Type == schemas.TypeComputed {
				v = computed.Fields[f.ID]
			}
			if v.IsEmpty() {
				continue
			}
			if !headed {
				headed = true
				if err := d.app.Say("field.show.section", cli.Args{"section": s.Label.In(d.lang())}); err != nil {
					return err
				}
			}
			if err := d.sayValue(ctx, f, v, computed.Fields[f.ID]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *device) sayValue(ctx context.Context, f *schemas.Field, v, computed schemas.Value) error {
	if err := say(d.app, 2, d.app.T("field.show.field", cli.Args{"label": f.Label.In(d.lang()), "value": d.shown(ctx, result(f), v)})); err != nil {
		return err
	}
	for i, row := range v.Items() {
		if err := say(d.app, 4, d.app.T("field.show.row", cli.Args{"n": i + 1})); err != nil {
			return err
		}
		for _, column := range f.Fields {
			cell := row.Fields[column.ID]
			if column.Type == schemas.TypeComputed && i < len(computed.Items()) {
				cell = computed.Items()[i].Fields[column.ID]
			}
			if cell.IsEmpty() {
				continue
			}
			if err := say(d.app, 6, d.app.T("field.show.cell", cli.Args{"label": column.Label.In(d.lang()), "value": d.shown(ctx, result(column), cell)})); err != nil {
				return err
			}
		}
	}
	return nil
}

// result is a field as its value is shown: a computed one by its result.
func result(f *schemas.Field) *schemas.Field {
	if f.Type != schemas.TypeComputed {
		return f
	}
	shown := *f
	shown.Type = f.Result
	return &shown
}
