package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
)

func subjectCommand(a *cli.App) *cobra.Command {
	return a.Group("subject", "mahalleh_data.subject_group", subjectShowCommand(a), subjectEraseCommand(a))
}

func subjectShowCommand(a *cli.App) *cobra.Command {
	var q subjectQuery
	c := a.Command("show PERSON", "mahalleh_data.subject_show", func(ctx context.Context, args []string) error {
		q.Person = args[0]
		n, others := 0, 0
		err := ask(ctx, a, "subject.show", q, func(h subjectItem) error {
			n++
			if !h.Erase && !h.Erased {
				others++
			}
			if a.JSON() {
				return a.PrintJSON(h)
			}
			return saySubject(a, h)
		})
		if err != nil {
			return err
		}
		a.Note("mahalleh_data.subject.shown", cli.Args{"n": n})
		if others > 0 {
			a.Note("mahalleh_data.subject.others", cli.Args{"n": others})
		}
		return nil
	})
	c.Flags().StringVar(&q.Why, "reason", "", a.T("mahalleh.flag.reason"))
	return c
}

func subjectEraseCommand(a *cli.App) *cobra.Command {
	var q subjectQuery
	var yes bool
	c := a.Command("erase PERSON", "mahalleh_data.subject_erase", func(ctx context.Context, args []string) error {
		q.Person, q.Look = args[0], true
		var found, others []subjectItem
		err := ask(ctx, a, "subject.erase", q, func(h subjectItem) error {
			switch {
			case h.Erase:
				found = append(found, h)
			case !h.Erased:
				others = append(others, h)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(found) > 0 && !yes {
			for _, h := range found {
				if _, err := fmt.Fprintln(a.Stderr(), subjectHead(a, h)); err != nil {
					return fmt.Errorf("write output: %w", err)
				}
			}
			sure, err := a.Confirm(ctx, a.T("mahalleh_data.subject.sure", cli.Args{"n": len(found)}), false, "mahalleh_data.erase.sure_hint")
			if err != nil {
				return err
			}
			if !sure {
				return &cli.Error{Code: cli.Refused, Key: "mahalleh_data.erase.left", Hint: "mahalleh_data.erase.left_hint"}
			}
		}
		q.Look = false
		n := 0
		err = ask(ctx, a, "subject.erase", q, func(h subjectItem) error {
			if h.Erase && h.Erased {
				n++
			}
			if a.JSON() {
				return a.PrintJSON(h)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if !a.JSON() {
			if err := a.Say("mahalleh_data.subject.erased", cli.Args{"n": n}); err != nil {
				return err
			}
		}
		a.Note("mahalleh_data.erase.backups")
		if len(others) == 0 {
			return nil
		}
		a.Note("mahalleh_data.subject.left", cli.Args{"n": len(others)})
		for _, h := range others {
			a.Note("mahalleh_data.subject.left_one", cli.Args{"what": subjectHead(a, h)})
		}
		return nil
	})
	c.Flags().BoolVar(&yes, "yes", false, a.T("mahalleh.flag.yes"))
	c.Flags().StringVar(&q.Why, "reason", "", a.T("mahalleh.flag.reason"))
	return c
}

// subjectHead is a record in one line.
func subjectHead(a *cli.App, h subjectItem) string {
	return a.T("mahalleh_data.subject.record", cli.Args{"why": a.Member("mahalleh_data.held", h.Why), "form": h.formName.text(a), "place": placeText(h.Place, h.PlaceName), "id": h.Record})
}

// saySubject writes a record as a person reads it: its values, and who wrote what.
func saySubject(a *cli.App, h subjectItem) error {
	if _, err := fmt.Fprintln(a.Stdout(), subjectHead(a, h)); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	if h.Erased {
		return say(a, 2, "mahalleh_data.subject.gone", nil)
	}
	if h.Never {
		if err := say(a, 2, "mahalleh_data.subject.never", nil); err != nil {
			return err
		}
	}
	if h.Account != nil {
		if err := say(a, 2, "mahalleh_data.subject.account", cli.Args{"name": h.Account.Name, "id": h.Account.ID}); err != nil {
			return err
		}
	}
	for _, v := range h.Values {
		value := valueItem{Value: v.Value, Label: v.ValueLabel}
		if err := say(a, 2, "mahalleh_data.subject.value", cli.Args{"label": cellText(a, v.cellName), "value": value.text(a)}); err != nil {
			return err
		}
	}
	for _, c := range h.History {
		err := say(a, 2, "mahalleh_data.subject.change", cli.Args{"when": minute(a, c.When), "name": c.By.Name, "verb": a.Member("mahalleh_data.verb", c.Verb), "outcome": c.Outcome, "reason": a.Member("mahalleh_data.reason", c.Reason)})
		if err != nil {
			return err
		}
		for _, op := range c.Ops {
			if op.Label == nil {
				continue // that the record is there, and where
			}
			value := valueItem{Value: op.Value, Label: op.ValueLabel}
			if err := say(a, 4, "mahalleh_data.subject.value", cli.Args{"label": cellText(a, op.cellName), "value": value.text(a)}); err != nil {
				return err
			}
		}
	}
	return nil
}
