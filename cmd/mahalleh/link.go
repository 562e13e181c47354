package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// linkItem is an account and the record of its person, as commands print them.
type linkItem struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Record is the person's record, RecordName the name in it.
	Record     string `json:"record"`
	RecordName string `json:"record_name,omitempty"`
	// Fresh is false for a link that was there already.
	Fresh bool `json:"fresh,omitempty"`
}

type personLink struct {
	Person string `json:"person"`
	// Record is a facilitator's record, or the person's own.
	Record string `json:"record"`
	Why    string `json:"why"`
}

func actPersonLink(ctx context.Context, d *desk, q personLink, out tell) error {
	raw, err := syncproto.ParseID(q.Record)
	if err != nil {
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.erase.bad_id", Args: cli.Args{"record": q.Record}, Hint: "mahalleh_data.erase.bad_id_hint", Cause: err}
	}
	var person syncproto.RecordID
	var named string
	if err := d.view(ctx, func(r store.Reader) error {
		var err error
		person, named, err = d.personOfRecord(r, raw)
		return err
	}); err != nil {
		return err
	}
	who, fresh, err := d.server.Admin().Link(ctx, q.Person, person, q.Why)
	if err != nil {
		return err
	}
	return out.item(linkItem{ID: who.ID.String(), Name: who.Name, Record: person.String(), RecordName: named, Fresh: fresh})
}

// personOfRecord is the record of the person that a facilitator's record is about, or
// the person's own, with the name in it.
func (d *desk) personOfRecord(r store.Reader, id syncproto.RecordID) (person syncproto.RecordID, named string, err error) {
	form, content, err := d.livingRecord(r, id)
	if err != nil {
		return person, "", err
	}
	if form.Name == "facilitator" {
		f, _ := form.FieldByName("person_id")
		named := syncproto.RecordID(content.Fields[f.ID].Ref())
		if named.IsZero() {
			return person, "", notAPerson(id)
		}
		id = named
		if form, content, err = d.livingRecord(r, id); err != nil {
			return person, "", err
		}
	}
	if form.Name != "person" {
		return person, "", notAPerson(id)
	}
	f, _ := form.FieldByName("full_name")
	return id, content.Fields[f.ID].Text(), nil
}

// livingRecord is a record that is there, with its form.
func (d *desk) livingRecord(r store.Reader, id syncproto.RecordID) (*schemas.Form, schemas.Record, error) {
	row, err := r.Record(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, schemas.Record{}, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.erase.unknown", Args: cli.Args{"record": id.String()}, Hint: "mahalleh.link.not_person_hint", Cause: err}
	}
	if err != nil {
		return nil, schemas.Record{}, fmt.Errorf("read record %s: %w", id, err)
	}
	form, known := d.server.Hub().Packages().Form(schemas.FormID(row.State.Form))
	if !known || !merge.Alive(row.State) {
		return nil, schemas.Record{}, notAPerson(id)
	}
	return form, merge.Content(form, row.State), nil
}

func notAPerson(id syncproto.RecordID) error {
	return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.link.not_person", Args: cli.Args{"record": id.String()}, Hint: "mahalleh.link.not_person_hint"}
}

type personUnlink struct {
	Person string `json:"person"`
	Why    string `json:"why"`
}

func actPersonUnlink(ctx context.Context, d *desk, q personUnlink, out tell) error {
	who, record, err := d.server.Admin().Unlink(ctx, q.Person, q.Why)
	if err != nil {
		return err
	}
	return out.item(linkItem{ID: who.ID.String(), Name: who.Name, Record: record.String()})
}

func linkCommands(a *cli.App) (linking, unlinking *cobra.Command) {
	var link personLink
	linking = a.Command("link PERSON RECORD", "mahalleh.person_link", func(ctx context.Context, args []string) error {
		link.Person, link.Record = args[0], args[1]
		return ask(ctx, a, "person.link", link, func(l linkItem) error {
			if a.JSON() {
				return a.PrintJSON(l)
			}
			said := cli.Args{"name": l.Name, "record": l.Record, "named": l.RecordName}
			if !l.Fresh {
				return a.Say("mahalleh.link.already", said)
			}
			return a.Say("mahalleh.link.made", said)
		})
	})
	linking.Flags().StringVar(&link.Why, "reason", "", a.T("mahalleh.flag.reason"))
	var unlink personUnlink
	unlinking = a.Command("unlink PERSON", "mahalleh.person_unlink", func(ctx context.Context, args []string) error {
		unlink.Person = args[0]
		return ask(ctx, a, "person.unlink", unlink, func(l linkItem) error {
			if a.JSON() {
				return a.PrintJSON(l)
			}
			return a.Say("mahalleh.link.gone", cli.Args{"name": l.Name, "record": l.Record})
		})
	})
	unlinking.Flags().StringVar(&unlink.Why, "reason", "", a.T("mahalleh.flag.reason"))
	return linking, unlinking
}

// explainLink knows why two things are not linked.
func explainLink(err error) *cli.Error {
	var linked *access.LinkedError
	switch {
	case errors.As(err, &linked):
		return &cli.Error{Code: cli.Refused, Key: "mahalleh.link.taken", Args: cli.Args{"name": linked.Person.Name, "id": linked.Person.ID.String()[:8], "record": linked.Record.String()},
			Hint: "mahalleh.link.taken_hint", Cause: err}
	case errors.Is(err, access.ErrNotLinked):
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh.link.none", Hint: "mahalleh.link.none_hint", Cause: err}
	}
	return nil
}
