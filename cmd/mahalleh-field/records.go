package main

import (
	"context"
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
)

const (
	// idLength is the length of a whole id.
	idLength = 36
	// minID is the least that may be typed of an id: shorter pieces fit by chance.
	minID = 4
	// pageRows is how many rows are read at a time where all are needed.
	pageRows = 1000
	// maxNamed bounds how many records a message names.
	maxNamed = 5
)

// find returns the record that an id names: whole, or cut short to its
// beginning or its end as long as no other record fits.
func (d *device) find(ctx context.Context, text string) (syncproto.RecordID, error) {
	short := strings.ToLower(strings.TrimSpace(persian.ToASCIIDigits(text)))
	if len(short) == idLength {
		if id, err := clientsdk.ParseRecordID(short); err == nil {
			return id, nil
		}
	}
	if len(short) < minID || strings.Trim(short, "0123456789abcdef-") != "" {
		return syncproto.RecordID{}, &cli.Error{Code: cli.DataInvalid, Key: "field.id.bad", Args: cli.Args{"id": text, "least": minID}, Hint: "field.id.bad_hint"}
	}
	found, err := d.fitting(ctx, short)
	if err != nil {
		return syncproto.RecordID{}, err
	}
	switch len(found) {
	case 0:
		return syncproto.RecordID{}, &cli.Error{Code: cli.DataInvalid, Key: "field.id.none", Args: cli.Args{"id": text}, Hint: "field.id.none_hint"}
	case 1:
		return found[0].id, nil
	}
	var names []string
	for _, f := range found[:min(len(found), maxNamed)] {
		names = append(names, strings.TrimSpace(f.title+" "+f.id.String()))
	}
	return syncproto.RecordID{}, &cli.Error{Code: cli.DataInvalid, Key: "field.id.several",
		Args: cli.Args{"id": text, "n": len(found), "records": strings.Join(names, " · ")}, Hint: "field.id.several_hint"}
}

type named struct {
	id    syncproto.RecordID
	title string
}

// fitting returns the records whose id begins or ends with a text: those in
// lists, those that are only drafts, and those that the server set aside.
func (d *device) fitting(ctx context.Context, short string) ([]named, error) {
	var found []named
	add := func(id syncproto.RecordID, title string) {
		text := id.String()
		if (strings.HasPrefix(text, short) || strings.HasSuffix(text, short)) && !slices.ContainsFunc(found, func(n named) bool { return n.id == id }) {
			found = append(found, named{id, title})
		}
	}
	err := d.eachRow(ctx, clientsdk.Query{Deleted: true}, func(r clientsdk.Row) error {
		add(r.ID, r.Title)
		return nil
	})
	if err != nil {
		return nil, err
	}
	drafts, err := d.Drafts(ctx)
	if err != nil {
		return nil, err
	}
	for _, x := range drafts {
		add(x.Record, "")
	}
	if len(found) > 0 {
		return found, nil
	}
	s, err := d.Status(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range s.Troubles {
		add(t.Record, t.Title)
	}
	return found, nil
}

// eachRow calls f with every row of a list, whatever its Max.
func (d *device) eachRow(ctx context.Context, q clientsdk.Query, f func(clientsdk.Row) error) error {
	q.Max = pageRows
	for {
		page, err := d.List(ctx, q)
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			if err := f(row); err != nil {
				return err
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

// formNames are the names of all forms, in their order.
func formNames() []string {
	p, err := forms.Load()
	if err != nil {
		return nil
	}
	return namesOf(p)
}

func namesOf(p *schemas.Package) []string {
	var names []string
	for _, f := range p.Forms() {
		names = append(names, f.Name)
	}
	return names
}

// findForm returns the form of a name, or of a label in either language.
func findForm(p *schemas.Package, text string) (*schemas.Form, error) {
	name := strings.ToLower(strings.TrimSpace(text))
	if f, ok := p.FormByName(name); ok {
		return f, nil
	}
	for _, f := range p.Forms() {
		if persian.Fold(f.Label.Fa) == persian.Fold(text) || strings.EqualFold(f.Label.En, name) {
			return f, nil
		}
	}
	args := cli.Args{"form": text}
	if near := nearest(name, namesOf(p)); near != "" {
		args["near"] = near
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "field.form.unknown_near", Args: args, Hint: "field.form.unknown_hint"}
	}
	return nil, &cli.Error{Code: cli.DataInvalid, Key: "field.form.unknown", Args: args, Hint: "field.form.unknown_hint"}
}

// findField returns a field of a form that a person may set, by its name.
func findField(f *schemas.Form, name string) (*schemas.Field, error) {
	if field, ok := f.FieldByName(name); ok && field.Parent == 0 && field.Stored() {
		return field, nil
	}
	var names []string
	for _, field := range f.Fields() {
		if field.Stored() {
			names = append(names, field.Name)
		}
	}
	args := cli.Args{"field": name, "form": f.Name}
	if near := nearest(name, names); near != "" {
		args["near"] = near
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "field.form.no_field_near", Args: args, Hint: "field.form.no_field_hint"}
	}
	return nil, &cli.Error{Code: cli.DataInvalid, Key: "field.form.no_field", Args: args, Hint: "field.form.no_field_hint"}
}

// formLabel is the name of a form for people; its number if this release does
// not know it.
func (d *device) formLabel(f *schemas.Form, id schemas.FormID) string {
	if f == nil {
		return d.app.T("field.form.newer", cli.Args{"number": plain(int64(id))})
	}
	return f.Label.In(d.lang())
}

func formName(f *schemas.Form, id schemas.FormID) string {
	if f == nil {
		return plain(int64(id))
	}
	return f.Name
}
