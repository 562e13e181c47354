package main

import (
	"context"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
)

func quarantineCommand(a *cli.App) *cobra.Command {
	var list quarantineList
	listing := a.Command("list", "mahalleh_data.quarantine_list", func(ctx context.Context, _ []string) error {
		table := a.Table("mahalleh.column.change", "mahalleh.column.reason", "mahalleh.column.person", "mahalleh.column.form",
			"mahalleh.column.place", "mahalleh.column.received")
		n := 0
		err := ask(ctx, a, "quarantine.list", list, func(c changeItem) error {
			n++
			if a.JSON() {
				return a.PrintJSON(c)
			}
			table.Row(c.Change[:12], reasonText(a, c), c.By.Name, c.formName.text(a), c.PlaceName, minute(a, c.Received))
			return nil
		})
		if err != nil || a.JSON() {
			return err
		}
		if n == 0 && list.Waiting {
			a.Note("mahalleh_data.quarantine.none_waits")
			return nil
		}
		if n == 0 {
			a.Note("mahalleh_data.quarantine.none")
			return nil
		}
		return table.Write()
	})
	listing.Flags().BoolVar(&list.Waiting, "waiting", false, a.T("mahalleh_data.quarantine.flag_waiting"))
	showing := a.Command("show CHANGE", "mahalleh_data.quarantine_show", func(ctx context.Context, args []string) error {
		return ask(ctx, a, "quarantine.show", changeQuery{Change: args[0]}, func(c changeItem) error {
			if a.JSON() {
				return a.PrintJSON(c)
			}
			return sayChange(a, c)
		})
	})
	return a.Group("quarantine", "mahalleh_data.quarantine_group", listing, showing, releaseCommand(a), correctCommand(a), reassignCommand(a), keepCommand(a))
}

func releaseCommand(a *cli.App) *cobra.Command {
	var q decide
	c := a.Command("release CHANGE", "mahalleh_data.quarantine_release", func(ctx context.Context, args []string) error {
		q.Change = args[0]
		return decideCommand(ctx, a, "quarantine.release", q)
	})
	noteFlag(a, c, &q)
	return c
}

func correctCommand(a *cli.App) *cobra.Command {
	var q decide
	c := a.Command("correct CHANGE", "mahalleh_data.quarantine_correct", func(ctx context.Context, args []string) error {
		q.Change, q.Lang = args[0], string(a.Lang())
		return decideCommand(ctx, a, "quarantine.correct", q)
	})
	c.Flags().StringToStringVar(&q.Set, "set", nil, a.T("mahalleh_data.quarantine.flag_set"))
	c.Flags().StringSliceVar(&q.Drop, "drop", nil, a.T("mahalleh_data.quarantine.flag_drop"))
	noteFlag(a, c, &q)
	return c
}

func reassignCommand(a *cli.App) *cobra.Command {
	var q decide
	c := a.Command("reassign CHANGE PERSON", "mahalleh_data.quarantine_reassign", func(ctx context.Context, args []string) error {
		q.Change, q.To = args[0], args[1]
		return decideCommand(ctx, a, "quarantine.reassign", q)
	})
	noteFlag(a, c, &q)
	return c
}

func keepCommand(a *cli.App) *cobra.Command {
	var q decide
	c := a.Command("keep CHANGE", "mahalleh_data.quarantine_keep", func(ctx context.Context, args []string) error {
		q.Change = args[0]
		return decideCommand(ctx, a, "quarantine.keep", q)
	})
	noteFlag(a, c, &q)
	return c
}

func noteFlag(a *cli.App, c *cobra.Command, q *decide) {
	c.Flags().StringVar(&q.Note, "reason", "", a.T("mahalleh.flag.reason"))
}

func decideCommand(ctx context.Context, a *cli.App, name string, q decide) error {
	return ask(ctx, a, name, q, func(c changeItem) error {
		if a.JSON() {
			return a.PrintJSON(c)
		}
		last := ""
		if len(c.Decisions) > 0 {
			last = c.Decisions[len(c.Decisions)-1].Decision
		}
		return a.Say("mahalleh_data.quarantine.decided", cli.Args{"change": c.Change[:12], "decision": a.Member("mahalleh_data.decision", last)})
	})
}

func reasonText(a *cli.App, c changeItem) string {
	text := a.Member("mahalleh_data.reason", c.Reason)
	if c.Fault == nil {
		return text
	}
	return text + " (" + cellText(a, *c.Fault) + ")"
}

func cellText(a *cli.App, c cellName) string {
	if c.Label != nil {
		return c.Label.In(string(a.Lang()))
	}
	return c.Field
}

func sayChange(a *cli.App, c changeItem) error {
	if err := a.Say("mahalleh_data.quarantine.head", cli.Args{"change": c.Change, "reason": reasonText(a, c)}); err != nil {
		return err
	}
	if c.Raw != "" {
		return a.Say("mahalleh_data.quarantine.raw", cli.Args{"raw": c.Raw})
	}
	err := a.Say("mahalleh_data.quarantine.from", cli.Args{"name": c.By.Name, "device": short(c.Device), "when": minute(a, c.When),
		"verb": a.Member("mahalleh_data.verb", c.Verb), "form": c.formName.text(a), "record": c.Record, "place": c.PlaceName})
	if err != nil {
		return err
	}
	for _, op := range c.Ops {
		value := valueItem{Value: op.Value, Label: op.ValueLabel}
		if err := say(a, 2, "mahalleh_data.quarantine.op", cli.Args{"field": op.Field, "label": cellText(a, op.cellName), "op": op.Op, "value": value.text(a)}); err != nil {
			return err
		}
	}
	for _, d := range c.Decisions {
		if err := a.Say("mahalleh_data.quarantine.decision", cli.Args{"decision": a.Member("mahalleh_data.decision", d.Decision), "when": minute(a, d.At), "note": d.Note}); err != nil {
			return err
		}
	}
	if len(c.Decisions) == 0 && c.Outcome == "quarantined" {
		a.Note("mahalleh_data.quarantine.choices", cli.Args{"change": c.Change[:12]})
	}
	return nil
}

// short is the beginning of an id, as tables show it.
func short(id string) string { return id[:min(len(id), 12)] }
