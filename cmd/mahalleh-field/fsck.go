package main

import (
	"context"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
)

// checkItem is what fsck prints.
type checkItem struct {
	Problems []damageItem `json:"problems"`
}

// damageItem is one thing that is damaged: what kind of thing, which one, and
// the whole of it in the words of the developers.
type damageItem struct {
	Part string `json:"part"`
	Ref  string `json:"ref,omitempty"`
	What string `json:"what"`
}

func fsckCommand(a *cli.App) *cobra.Command {
	return deviceCommand(a, "fsck", "field.fsck", func(ctx context.Context, d *device, _ []string) error {
		found, err := d.Check(ctx)
		if err != nil {
			return err
		}
		if a.JSON() {
			item := checkItem{Problems: []damageItem{}}
			for _, p := range found {
				item.Problems = append(item.Problems, damageItem{Part: string(p.Part), Ref: p.Ref, What: p.What})
			}
			err = a.PrintJSON(item)
		} else {
			err = sayDamage(a, found)
		}
		if err == nil && len(found) > 0 {
			err = &cli.Error{Code: cli.DataInvalid, Key: "field.fsck.problems", Args: cli.Args{"n": len(found)}, Hint: "field.fsck.problems_hint"}
		}
		return err
	})
}

func sayDamage(a *cli.App, found []clientsdk.Damage) error {
	if len(found) == 0 {
		return a.Say("field.fsck.sound")
	}
	table := a.Table("field.column.where")
	for _, p := range found {
		table.Row(a.T("field.fsck.where", cli.Args{"part": a.Member("field.fsck_part", string(p.Part)), "ref": p.Ref}))
		a.Log().Info("damage", "part", p.Part, "ref", p.Ref, "what", p.What)
	}
	return table.Write()
}
