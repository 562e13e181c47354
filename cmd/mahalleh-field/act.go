package main

import (
	"context"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/syncproto"
)

// actItem is what became of an act on a record, as commands print it.
type actItem struct {
	Record string `json:"record"`
	// Change is empty if nothing had to be changed.
	Change string `json:"change,omitempty"`
	// Problems are what the rules of a step warn of.
	Problems []problemItem `json:"problems,omitempty"`
}

func deleteCommand(a *cli.App) *cobra.Command {
	var reason string
	c := deviceCommand(a, "delete ID", "field.delete", func(ctx context.Context, d *device, args []string) error {
		return d.act(ctx, args[0], "field.delete.done", func(id syncproto.RecordID) (syncproto.ChangeID, error) {
			return d.Delete(ctx, id, reason)
		})
	})
	c.Flags().StringVar(&reason, "reason", "", a.T("field.flag.reason"))
	return c
}

func restoreCommand(a *cli.App) *cobra.Command {
	var reason string
	c := deviceCommand(a, "restore ID", "field.restore", func(ctx context.Context, d *device, args []string) error {
		return d.act(ctx, args[0], "field.restore.done", func(id syncproto.RecordID) (syncproto.ChangeID, error) {
			return d.Restore(ctx, id, reason)
		})
	})
	c.Flags().StringVar(&reason, "reason", "", a.T("field.flag.reason"))
	return c
}

// act does one act on a record and says so.
func (d *device) act(ctx context.Context, record string, done cli.Key, do func(syncproto.RecordID) (syncproto.ChangeID, error)) error {
	id, err := d.find(ctx, record)
	if err != nil {
		return err
	}
	change, err := do(id)
	if err != nil {
		return err
	}
	item := actItem{Record: id.String()}
	if !change.IsZero() {
		item.Change = change.String()
	}
	if d.app.JSON() {
		return d.app.PrintJSON(item)
	}
	if item.Change == "" {
		return d.app.Say("field.act.nothing", cli.Args{"id": shortID(item.Record)})
	}
	title, err := d.Label(ctx, id, d.lang())
	if err != nil {
		return err
	}
	return d.app.Say(done, cli.Args{"title": d.titleOr(title), "id": shortID(item.Record)})
}

func transitionCommand(a *cli.App) *cobra.Command {
	var reason string
	c := deviceCommand(a, "transition ID FIELD STATE", "field.transition", func(ctx context.Context, d *device, args []string) error {
		id, err := d.find(ctx, args[0])
		if err != nil {
			return err
		}
		r, err := d.Record(ctx, id)
		if err != nil {
			return err
		}
		if r.Form == nil {
			return clientsdk.ErrUnknownForm
		}
		f, err := findField(r.Form, args[1])
		if err != nil {
			return err
		}
		warnings, err := d.MayStep(ctx, id, f.Name, args[2])
		if err != nil {
			return err
		}
		change, err := d.Transition(ctx, id, f.Name, args[2], reason)
		if err != nil {
			return err
		}
		if a.JSON() {
			return a.PrintJSON(actItem{Record: id.String(), Change: change.String(), Problems: problemItems(r.Form, warnings)})
		}
		after, err := d.Record(ctx, id)
		if err != nil {
			return err
		}
		if err := a.Say("field.transition.done", cli.Args{"field": f.Label.In(d.lang()), "state": d.shown(ctx, f, after.Values.Fields[f.ID])}); err != nil {
			return err
		}
		return d.sayProblems(warnings)
	})
	c.Flags().StringVar(&reason, "reason", "", a.T("field.flag.reason"))
	return c
}
