package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// draftItem is a stored draft as commands print it.
type draftItem struct {
	Draft  string `json:"draft"`
	Record string `json:"record"`
	Form   string `json:"form"`
	// New: saving it makes a record.
	New   bool   `json:"new"`
	Saved string `json:"saved"`
	// Missing are the names of fields that keep it a draft.
	Missing []string `json:"missing"`
}

func draftsCommand(a *cli.App) *cobra.Command {
	var discard string
	c := deviceCommand(a, "drafts", "field.drafts", func(ctx context.Context, d *device, _ []string) error {
		all, err := d.Drafts(ctx)
		if err != nil {
			return err
		}
		if discard != "" {
			return d.discard(ctx, all, discard)
		}
		if len(all) == 0 && !a.JSON() {
			a.Note("field.drafts.none")
			return nil
		}
		table := a.Table("field.column.id", "field.column.label", "field.column.title", "field.column.changed", "field.column.missing")
		for _, x := range all {
			if err := d.sayDraft(ctx, x, table); err != nil {
				return err
			}
		}
		if a.JSON() {
			return nil
		}
		return table.Write()
	})
	c.Flags().StringVar(&discard, "discard", "", a.T("field.drafts.flag_discard"))
	return c
}

func (d *device) sayDraft(ctx context.Context, x clientsdk.DraftInfo, table *cli.Table) error {
	draft, err := d.OpenDraft(ctx, x.ID)
	if err != nil {
		return err
	}
	form := draft.Form()
	item := draftItem{Draft: syncproto.RecordID(x.ID).String(), Record: x.Record.String(), Form: form.Name, New: x.New, Saved: stamp(x.Saved), Missing: []string{}}
	labels := []string{}
	for _, p := range draft.Problems() {
		if p.Level < schemas.LevelIncomplete {
			continue
		}
		item.Missing = append(item.Missing, problemPath(form, p))
		if f, ok := form.Field(p.Field); ok && !slices.Contains(labels, f.Label.In(d.lang())) {
			labels = append(labels, f.Label.In(d.lang()))
		}
	}
	if d.app.JSON() {
		return d.app.PrintJSON(item)
	}
	table.Row(shortID(item.Record), form.Label.In(d.lang()), d.titleOr(d.draftTitle(ctx, draft)), d.minute(x.Saved), strings.Join(labels, d.comma()))
	return nil
}

// draftTitle is what a draft's title fields show so far.
func (d *device) draftTitle(ctx context.Context, draft *clientsdk.Draft) string {
	var parts []string
	values := draft.Values()
	for _, id := range draft.Form().Title {
		if f, ok := draft.Form().Field(id); ok && !values.Fields[id].IsEmpty() {
			parts = append(parts, d.shown(ctx, f, values.Fields[id]))
		}
	}
	return strings.Join(parts, " · ")
}

// discard forgets the draft of a record.
func (d *device) discard(ctx context.Context, all []clientsdk.DraftInfo, record string) error {
	id, err := d.find(ctx, record)
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.Record != id {
			continue
		}
		if err := d.DropDraft(ctx, x.ID); err != nil {
			return err
		}
		if d.app.JSON() {
			return d.app.PrintJSON(actItem{Record: id.String()})
		}
		return d.app.Say("field.drafts.discarded", cli.Args{"id": shortID(id.String())})
	}
	return &cli.Error{Code: cli.DataInvalid, Key: "field.drafts.no_draft", Args: cli.Args{"id": shortID(id.String())}, Hint: "field.drafts.no_draft_hint"}
}
