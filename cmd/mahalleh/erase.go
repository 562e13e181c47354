package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// recordItem is a record as erase shows it before and after.
type recordItem struct {
	Record string `json:"record"`
	formName
	scopeName
	Changes int  `json:"changes"`
	Erased  bool `json:"erased"`

	scope syncproto.ScopeID
}

type erase struct {
	Record string `json:"record"`
	// Look only says what would be erased.
	Look bool   `json:"look"`
	Why  string `json:"why"`
}

func actErase(ctx context.Context, d *desk, q erase, out tell) error {
	id, err := syncproto.ParseID(q.Record)
	if err != nil {
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.erase.bad_id", Args: cli.Args{"record": q.Record}, Hint: "mahalleh_data.erase.bad_id_hint", Cause: err}
	}
	item, err := d.recordItem(ctx, id)
	if err != nil {
		return err
	}
	if !q.Look && !item.Erased {
		if err := d.server.Hub().Erase(ctx, id); err != nil {
			return err
		}
		if err := d.note(ctx, "erased", item.Record, q.Why, item.scope); err != nil {
			return err
		}
		item.Erased = true
		if err := d.forgetInReport(ctx); err != nil {
			return err
		}
	}
	return out.item(item)
}

func (d *desk) recordItem(ctx context.Context, id syncproto.RecordID) (item recordItem, err error) {
	err = d.view(ctx, func(r store.Reader) error {
		history, err := r.History(id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read history of %s: %w", id, err)
		}
		n, err := d.names(r)
		if err != nil {
			return err
		}
		row, err := r.Record(id)
		switch {
		case errors.Is(err, store.ErrNotFound) && len(history) > 0:
			item = n.setAside(id, history)
		case errors.Is(err, store.ErrNotFound):
			return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.erase.unknown", Args: cli.Args{"record": id.String()}, Hint: "mahalleh_data.erase.unknown_hint", Cause: err}
		case err != nil:
			return fmt.Errorf("read record %s: %w", id, err)
		default:
			_, form := n.form(row.State.Form)
			item = recordItem{Record: id.String(), formName: form, scopeName: n.scopes[row.State.Home], Changes: len(history), Erased: row.State.Erased, scope: row.State.Home}
		}
		return nil
	})
	return item, err
}

// setAside is a record that never came to be: all that is known of it is
// parked or set aside, and is to be forgotten like any other.
func (n *names) setAside(id syncproto.RecordID, history []store.Change) recordItem {
	item := recordItem{Record: id.String(), scopeName: n.scopes[history[0].Scope], Changes: len(history), scope: history[0].Scope}
	if ch, err := wire.DecodeChange(history[0].Bytes); err == nil {
		_, item.formName = n.form(ch.Header.Form)
	}
	return item
}

func eraseCommand(a *cli.App) *cobra.Command {
	var q erase
	var yes bool
	c := a.Command("erase RECORD", "mahalleh_data.erase", func(ctx context.Context, args []string) error {
		q.Record, q.Look = args[0], true
		var found recordItem
		err := ask(ctx, a, "erase", q, func(r recordItem) error {
			found = r
			return nil
		})
		if err != nil {
			return err
		}
		if !found.Erased && !yes {
			question := a.T("mahalleh_data.erase.sure", cli.Args{"form": found.formName.text(a), "place": found.PlaceName, "n": found.Changes, "id": found.Record})
			sure, err := a.Confirm(ctx, question, false, "mahalleh_data.erase.sure_hint")
			if err != nil {
				return err
			}
			if !sure {
				return &cli.Error{Code: cli.Refused, Key: "mahalleh_data.erase.left", Hint: "mahalleh_data.erase.left_hint"}
			}
		}
		q.Look = false
		return ask(ctx, a, "erase", q, func(r recordItem) error {
			if a.JSON() {
				return a.PrintJSON(r)
			}
			if err := a.Say("mahalleh_data.erase.done", cli.Args{"id": r.Record}); err != nil {
				return err
			}
			a.Note("mahalleh_data.erase.backups")
			return nil
		})
	})
	c.Flags().BoolVar(&yes, "yes", false, a.T("mahalleh.flag.yes"))
	c.Flags().StringVar(&q.Why, "reason", "", a.T("mahalleh.flag.reason"))
	return c
}
