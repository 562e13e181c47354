package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
)

// heldItem is one checkpoint as audit prints it; mahalleh audit verify reads
// these lines at the server.
type heldItem struct {
	Scope       string `json:"scope"`
	PlaceName   string `json:"place_name,omitempty"`
	Compartment string `json:"compartment,omitempty"`
	Count       uint64 `json:"count"`
	Head        string `json:"head"`
	// Broken is when the server's list did not go on from this one.
	Broken string `json:"broken,omitempty"`
}

func heldOf(h clientsdk.ActsHeld, broken time.Time) heldItem {
	return heldItem{Scope: h.Scope.String(), PlaceName: h.PlaceName.Fa, Compartment: h.Compartment, Count: h.Count, Head: h.Head.String(), Broken: stamp(broken)}
}

func auditCommand(a *cli.App) *cobra.Command {
	return deviceCommand(a, "audit", "field.audit", func(ctx context.Context, d *device, _ []string) error {
		acts, err := d.Acts(ctx)
		if err != nil {
			return err
		}
		if a.JSON() {
			err = printActs(a, acts)
		} else {
			err = d.sayActs(acts)
		}
		if err == nil && len(acts.Broken) > 0 {
			err = &cli.Error{Code: cli.DataInvalid, Key: "field.audit.broken", Args: cli.Args{"when": d.minute(acts.Broken[0].At), "n": len(acts.Broken)}, Hint: "field.audit.broken_hint"}
		}
		return err
	})
}

func printActs(a *cli.App, acts clientsdk.Acts) error {
	for _, b := range acts.Broken {
		for _, h := range b.Held {
			if err := a.PrintJSON(heldOf(h, b.At)); err != nil {
				return err
			}
		}
	}
	for _, h := range acts.Held {
		if err := a.PrintJSON(heldOf(h, time.Time{})); err != nil {
			return err
		}
	}
	return nil
}

func (d *device) sayActs(acts clientsdk.Acts) error {
	a := d.app
	if len(acts.Held) == 0 && len(acts.Broken) == 0 {
		return a.Say("field.audit.none")
	}
	table := a.Table("field.column.place", "field.column.compartment", "field.column.acts", "field.column.checkpoint")
	for _, h := range acts.Held {
		place := h.PlaceName.In(d.lang())
		if place == "" {
			place = "–"
		}
		part := "–"
		if h.Compartment != "" {
			part = a.Member("field.compartment", h.Compartment)
		}
		table.Row(place, part, h.Count, h.Head.String()[:16])
	}
	if err := table.Write(); err != nil {
		return err
	}
	if acts.Confirmed.IsZero() {
		return nil
	}
	return a.Say("field.audit.confirmed", cli.Args{"when": d.minute(acts.Confirmed)})
}
