package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
)

// savedItem is what became of a save, as commands print it.
type savedItem struct {
	Record string `json:"record"`
	Form   string `json:"form"`
	// Saved: it is on the disk and will be sent. Otherwise it is kept as a draft.
	Saved bool `json:"saved"`
	// Change is empty if nothing was changed.
	Change   string        `json:"change,omitempty"`
	Draft    string        `json:"draft,omitempty"`
	Complete completeness  `json:"complete"`
	Problems []problemItem `json:"problems"`
	// Cleared are fields emptied since they are not asked any more.
	Cleared []string `json:"cleared,omitempty"`
}

func newCommand(a *cli.App) *cobra.Command {
	var q filling
	var place string
	c := deviceCommand(a, "new FORM", "field.new", func(ctx context.Context, d *device, args []string) error {
		form, err := findForm(d.Forms(), args[0])
		if err != nil {
			return err
		}
		at := d.Person().Place
		if place != "" {
			if at, err = d.findPlace(ctx, place); err != nil {
				return err
			}
		}
		draft, err := d.NewAt(ctx, form.Name, at)
		if err != nil {
			return err
		}
		return d.fill(ctx, draft, q)
	})
	q.flags(a, c)
	c.Flags().StringVar(&place, "place", "", a.T("field.new.flag_place"))
	return completeForms(c)
}

func editCommand(a *cli.App) *cobra.Command {
	var q filling
	c := deviceCommand(a, "edit ID", "field.edit", func(ctx context.Context, d *device, args []string) error {
		id, err := d.find(ctx, args[0])
		if err != nil {
			return err
		}
		draft, err := d.begun(ctx, id)
		if err != nil {
			return err
		}
		return d.fill(ctx, draft, q)
	})
	q.flags(a, c)
	return c
}

// begun goes on with the draft of a record if there is one, and otherwise
// opens the record.
func (d *device) begun(ctx context.Context, id syncproto.RecordID) (*clientsdk.Draft, error) {
	drafts, err := d.Drafts(ctx)
	if err != nil {
		return nil, err
	}
	for _, x := range drafts {
		if x.Record == id {
			d.app.Note("field.edit.goes_on", cli.Args{"when": d.minute(x.Saved)})
			return d.OpenDraft(ctx, x.ID)
		}
	}
	return d.Edit(ctx, id)
}

// findPlace returns a place of this device by its name.
func (d *device) findPlace(ctx context.Context, name string) (syncproto.PlaceID, error) {
	s, err := d.Status(ctx)
	if err != nil {
		return syncproto.PlaceID{}, err
	}
	var names []string
	for _, scope := range s.Scopes {
		fa, en := scope.PlaceName.Fa, scope.PlaceName.En
		if persian.Fold(fa) == persian.Fold(name) || en != "" && strings.EqualFold(en, name) || scope.Place.String() == name {
			return scope.Place, nil
		}
		if fa != "" && (len(names) == 0 || names[len(names)-1] != fa) {
			names = append(names, fa)
		}
	}
	return syncproto.PlaceID{}, &cli.Error{Code: cli.DataInvalid, Key: "field.new.no_place",
		Args: cli.Args{"place": name, "places": strings.Join(names, " · ")}, Hint: "field.new.no_place_hint"}
}

// save saves a filled draft, or keeps it as one, and says which.
func (d *device) save(ctx context.Context, draft *clientsdk.Draft, keep bool) error {
	if keep {
		return d.keep(ctx, draft)
	}
	r, err := draft.Save(ctx)
	if errors.Is(err, clientsdk.ErrStepRefused) {
		d.app.Note("field.ask.kept", cli.Args{"id": shortID(draft.Record().String())})
	}
	if err != nil {
		return err
	}
	if err := d.saySaved(ctx, draft.Form(), draft.IsNew(), r); err != nil || r.Saved {
		return err
	}
	n := 0
	for _, p := range r.Problems {
		if p.Level >= schemas.LevelIncomplete {
			n++
		}
	}
	return &cli.Error{Code: cli.DataInvalid, Key: "field.save.draft", Args: cli.Args{"n": n, "id": shortID(r.Record.String())}, Hint: "field.save.draft_hint"}
}

// keep stores the draft because the person wants to go on later.
func (d *device) keep(ctx context.Context, draft *clientsdk.Draft) error {
	if err := draft.Autosave(ctx); err != nil {
		return err
	}
	a := draft.Assess()
	r := clientsdk.SaveResult{Record: draft.Record(), Draft: draft.ID(), Problems: draft.Problems(), Completeness: a.Completeness}
	if d.app.JSON() {
		return d.app.PrintJSON(savedJSON(draft.Form(), r))
	}
	return d.app.Say("field.save.kept", cli.Args{"id": shortID(r.Record.String())})
}

func savedJSON(form *schemas.Form, r clientsdk.SaveResult) savedItem {
	item := savedItem{Record: r.Record.String(), Form: form.Name, Saved: r.Saved, Problems: problemItems(form, r.Problems),
		Complete: completeness{r.Completeness.Filled, r.Completeness.Total}}
	if r.Change != (syncproto.ChangeID{}) {
		item.Change = r.Change.String()
	}
	if !r.Saved {
		item.Draft = syncproto.RecordID(r.Draft).String()
	}
	for _, id := range r.Cleared {
		if f, ok := form.Field(id); ok {
			item.Cleared = append(item.Cleared, f.Name)
		}
	}
	return item
}

func (d *device) saySaved(ctx context.Context, form *schemas.Form, isNew bool, r clientsdk.SaveResult) error {
	a := d.app
	if a.JSON() {
		return a.PrintJSON(savedJSON(form, r))
	}
	if !r.Saved {
		return d.sayProblems(r.Problems)
	}
	title, err := d.Label(ctx, r.Record, d.lang())
	if err != nil {
		return err
	}
	args := cli.Args{"form": form.Label.In(d.lang()), "title": title, "id": r.Record.String()}
	switch {
	case r.Change == (syncproto.ChangeID{}):
		return a.Say("field.save.unchanged", args)
	case isNew:
		err = a.Say("field.save.recorded", args)
	default:
		err = a.Say("field.save.changed", args)
	}
	if err != nil {
		return err
	}
	if err := d.sayProblems(r.Problems); err != nil {
		return err
	}
	for _, id := range r.Cleared {
		if f, ok := form.Field(id); ok {
			if err := say(a, 2, a.T("field.save.cleared", cli.Args{"field": f.Label.In(d.lang())})); err != nil {
				return err
			}
		}
	}
	if r.Completeness.Total > 0 {
		return say(a, 2, a.T("field.save.complete", cli.Args{"filled": r.Completeness.Filled, "total": r.Completeness.Total}))
	}
	return nil
}
