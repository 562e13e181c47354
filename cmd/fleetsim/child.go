package main

import (
	"context"

	"github.com/spf13/cobra"

	"mahalleh/cmd/fleetsim/figures"
	"mahalleh/cmd/internal/cli"
)

// childName is the command by which the program starts itself anew.
const childName = "child"

func childCommand(a *cli.App) *cobra.Command {
	c := a.Command("child ARG...", "fleetsim.child", func(ctx context.Context, args []string) error {
		return figures.Child(ctx, args, a.Stdout())
	})
	c.Hidden = true
	return c
}
