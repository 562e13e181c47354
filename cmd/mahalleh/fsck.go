package main

import (
	"context"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
)

// checkItem is what fsck prints.
type checkItem struct {
	Logs     int64         `json:"logs"`
	Entries  int64         `json:"entries"`
	Changes  int64         `json:"changes"`
	Records  int64         `json:"records"`
	Scopes   int64         `json:"scopes"`
	Acts     int64         `json:"acts"`
	Problems []problemItem `json:"problems"`
}

// problemItem is one fault: what kind of thing is damaged, which one, and how,
// and the whole of it in the words of the store's developers.
type problemItem struct {
	Part  string `json:"part"`
	Ref   string `json:"ref,omitempty"`
	Fault string `json:"fault"`
	What  string `json:"what"`
	// Todo is what to do about it, in the language of whoever asked.
	Todo string `json:"todo,omitempty"`
}

func actCheck(ctx context.Context, d *desk, _ nothing, out tell) error {
	out.progress("mahalleh_data.fsck.reading", nil)
	rep, err := d.store.Check(ctx)
	if err != nil {
		return err
	}
	item := checkItem{Logs: rep.Logs, Entries: rep.Entries, Changes: rep.Changes, Records: rep.Records, Scopes: rep.Scopes, Acts: rep.Acts, Problems: []problemItem{}}
	for _, p := range rep.Problems {
		item.Problems = append(item.Problems, problemItem{Part: string(p.Part), Ref: p.Ref, Fault: string(p.Fault), What: p.What})
		if d.log != nil {
			d.log.Warn("a check of the data found a fault", "where", p.Spot, "what", p.What)
		}
	}
	return out.item(item)
}

func fsckCommand(a *cli.App) *cobra.Command {
	return a.Command("fsck", "mahalleh_data.fsck", func(ctx context.Context, _ []string) error {
		return ask(ctx, a, "fsck", nothing{}, func(c checkItem) error {
			for i := range c.Problems {
				c.Problems[i].Todo = a.Member("mahalleh_data.fsck_do", c.Problems[i].Part)
			}
			var err error
			if a.JSON() {
				err = a.PrintJSON(c)
			} else {
				err = sayCheck(a, c)
			}
			if err == nil && len(c.Problems) > 0 {
				err = &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.fsck.problems", Args: cli.Args{"n": len(c.Problems)}, Hint: "mahalleh_data.fsck.problems_hint"}
			}
			return err
		})
	})
}

func sayCheck(a *cli.App, c checkItem) error {
	if err := a.Say("mahalleh_data.fsck.read", cli.Args{"records": c.Records, "changes": c.Changes, "logs": c.Logs, "scopes": c.Scopes}); err != nil {
		return err
	}
	if len(c.Problems) == 0 {
		return a.Say("mahalleh_data.fsck.sound")
	}
	table := a.Table("mahalleh.column.where", "mahalleh.column.fault")
	for _, p := range c.Problems {
		where := cli.Args{"part": a.Member("mahalleh_data.fsck_part", p.Part), "ref": p.Ref}
		table.Row(a.T("mahalleh_data.fsck.where", where), a.Member("mahalleh_data.fsck_fault", p.Fault))
		a.Log().Info("fault", "part", p.Part, "ref", p.Ref, "what", p.What)
	}
	if err := table.Write(); err != nil {
		return err
	}
	// What to do is the same for all faults of one kind of thing.
	told := map[string]bool{}
	for _, p := range c.Problems {
		if told[p.Part] {
			continue
		}
		told[p.Part] = true
		if err := a.Say("mahalleh_data.fsck.todo", cli.Args{"part": a.Member("mahalleh_data.fsck_part", p.Part), "todo": p.Todo}); err != nil {
			return err
		}
	}
	return nil
}
