package main

import (
	"context"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
)

// snapshotItem is a dossier beside its snapshot, as snapshot prints it.
type snapshotItem struct {
	Record  string `json:"record"`
	Number  int    `json:"number"`
	Formula string `json:"formula,omitempty"`
	Hash    string `json:"hash,omitempty"`
	Counted int    `json:"counted"`
	// Whole says that the list of what was counted is the one that was approved,
	// Loaded that all of the place is here, Agrees that nothing differs.
	Whole   bool             `json:"whole"`
	Loaded  bool             `json:"loaded"`
	Agrees  bool             `json:"agrees"`
	Changes []differenceItem `json:"changes"`
}

type differenceItem struct {
	Record string `json:"record"`
	Form   string `json:"form,omitempty"`
	Title  string `json:"title,omitempty"`
	How    string `json:"how"`
}

func snapshotCommand(a *cli.App) *cobra.Command {
	return deviceCommand(a, "snapshot ID", "field.snapshot", func(ctx context.Context, d *device, args []string) error {
		id, err := d.find(ctx, args[0])
		if err != nil {
			return err
		}
		s, err := d.Snapshot(ctx, id, d.lang())
		if err != nil {
			return err
		}
		if !a.JSON() {
			return d.saySnapshot(&s)
		}
		item := snapshotItem{Record: id.String(), Number: s.Number, Formula: s.Formula, Hash: s.Hash, Counted: s.Counted,
			Whole: s.Whole, Loaded: s.Loaded, Agrees: s.Agrees(), Changes: []differenceItem{}}
		for _, x := range s.Changes {
			item.Changes = append(item.Changes, differenceItem{Record: x.Record.String(), Form: x.Form, Title: x.Title, How: x.How})
		}
		return a.PrintJSON(item)
	})
}

func (d *device) saySnapshot(s *clientsdk.Snapshot) error {
	a := d.app
	if s.Number == 0 {
		return a.Say("field.snapshot.none")
	}
	args := cli.Args{"number": s.Number, "formula": s.Formula, "hash": s.Hash, "n": s.Counted}
	if err := a.Say("field.snapshot.head", args); err != nil {
		return err
	}
	switch {
	case !s.Whole:
		return a.Say("field.snapshot.not_whole")
	case !s.Loaded:
		return a.Say("field.snapshot.not_loaded")
	case s.Agrees():
		return a.Say("field.snapshot.agrees")
	}
	if err := a.Say("field.snapshot.differs", cli.Args{"n": len(s.Changes)}); err != nil {
		return err
	}
	table := a.Table("field.column.id", "field.column.label", "field.column.title", "field.column.difference")
	for _, x := range s.Changes {
		label := "–"
		if f, ok := d.Forms().FormByName(x.Form); ok {
			label = f.Label.In(d.lang())
		}
		table.Row(shortID(x.Record.String()), label, d.titleOr(x.Title), a.Member("field.difference", x.How))
	}
	return table.Write()
}
